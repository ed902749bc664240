"""The View Finding Network against its graph written out."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from deepcrop.networks.cagic.aesthetics import (
    ViewFindingNetwork,
    ViewRanker,
    ViewRankerOptions,
    ranking_loss,
)


def variables(embedding, rows):
    """The authors' variables, random: kernels (h, w, in, out), the hidden layer channels last."""
    random = np.random.default_rng(0)
    shapes = [
        (11, 11, 3, 96),
        (5, 5, 48, 256),
        (3, 3, 256, 384),
        (3, 3, 192, 384),
        (3, 3, 192, 256),
    ]
    made = {}
    for layer, shape in enumerate(shapes):
        scale = (2 / np.prod(shape[:3])) ** 0.5
        made[f"Variable_{2 * layer}" if layer else "Variable"] = scale * random.normal(size=shape)
        made[f"Variable_{2 * layer + 1}"] = 0.1 * random.normal(size=shape[3])
    made["ranker/fc6w"] = 0.02 * random.normal(size=(rows, embedding))
    made["ranker/fc6b"] = 0.1 * random.normal(size=embedding)
    made["ranker/W"] = random.normal(size=(embedding, 1))
    return made


def reference(made, views, pyramid):
    """TensorFlow's graph written out: SAME padding, grouped convolutions, NHWC flattening."""

    def convolve(x, layer, stride, padding, groups):
        kernel = torch.from_numpy(made[f"Variable_{2 * layer}" if layer else "Variable"])
        bias = torch.from_numpy(made[f"Variable_{2 * layer + 1}"])
        kernel = kernel.permute(3, 2, 0, 1)
        parts = [
            F.conv2d(F.pad(a, [padding] * 4), k, stride=stride)
            for a, k in zip(x.chunk(groups, 1), kernel.chunk(groups, 0), strict=True)
        ]
        return torch.relu(torch.cat(parts, 1) + bias[:, None, None])

    def normalise(x):
        padded = F.pad(x.square(), (0, 0, 0, 0, 2, 2))
        total = sum(padded[:, i : i + x.shape[1]] for i in range(5))
        return x / (1 + 2e-5 * total) ** 0.75

    x = F.max_pool2d(normalise(convolve(views, 0, 4, 4, 1)), 3, 2)
    x = F.max_pool2d(normalise(convolve(x, 1, 1, 2, 2)), 3, 2)
    x = convolve(convolve(convolve(x, 2, 1, 1, 1), 3, 1, 1, 2), 4, 1, 1, 2)
    assert x.shape[2:] == (13, 13)
    pools = [(3, 2), (7, 6), (5, 4)] if pyramid else [(3, 2)]
    flat = torch.cat([F.max_pool2d(x, *p).permute(0, 2, 3, 1).flatten(1) for p in pools], 1)
    hidden = torch.relu(
        flat @ torch.from_numpy(made["ranker/fc6w"]) + torch.from_numpy(made["ranker/fc6b"])
    )
    return (hidden @ torch.from_numpy(made["ranker/W"]))[:, 0]


@pytest.mark.parametrize("pyramid", [False, True])
def test_the_authors_layout_loads_and_scores_as_their_graph(pyramid):
    made = variables(6, 256 * (49 if pyramid else 36))
    views = torch.rand(2, 3, 227, 227, generator=torch.Generator().manual_seed(0)) - 0.5
    network = ViewFindingNetwork.from_tensorflow(made).eval()
    with torch.no_grad():
        expected = reference(made, views.double(), pyramid).float()
        assert torch.allclose(network(views), expected, rtol=1e-3, atol=1e-4)
    assert expected.abs().max() > 1e-2


def test_the_light_rankers_pyramid_is_that_of_separate_poolings():
    ranker = ViewRanker(ViewRankerOptions(channels=3, embedding=4))
    x = torch.randn(2, 3, 14, 14)
    expected = torch.cat([F.adaptive_max_pool2d(x, n).flatten(1) for n in (1, 2, 4)], 1)
    assert torch.equal(ranker.pool(x), expected)
    assert ranker(x).shape == (2,)


def test_the_ranking_loss_is_a_hinge_with_margin_one():
    better, worse = torch.tensor([3.0, 1.0, 0.0]), torch.tensor([1.0, 0.5, 2.0])
    assert ranking_loss(better, worse).item() == pytest.approx((0 + 0.5 + 3) / 3)

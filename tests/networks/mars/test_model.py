"""Mars: the paper's parameter counts, the exactness of what ratios share, the embedding."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from deepcrop.networks.mars.model import Mars, RatioParameters
from deepcrop.networks.mars.options import TRUNCATIONS, MarsOptions


def millions(**options: object) -> float:
    with torch.device("meta"):
        network = Mars(MarsOptions(**options), folded=False)  # type: ignore[arg-type]
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


@pytest.mark.parametrize(
    ("trunk", "layer", "expected"),
    [
        ("mobilenet_v2", "c3_3", 1.0),
        ("mobilenet_v2", "c4_3", 2.7),
        ("mobilenet_v2", "c4_6", 5.6),
        ("mobilenet_v2", "c5_1", 14.3),
        ("vgg16", "c3_3", 142.6),
        ("vgg16", "c4_1", 145.0),
        ("vgg16", "c4_3", 149.7),
        ("vgg16", "pool5", 149.7),
        ("resnet50", "c3_4", 136.4),
        ("resnet50", "c4_3", 140.7),
        ("resnet50", "c4_6", 144.0),
        ("resnet50", "c5_1", 150.6),
    ],
)
def test_table_1(trunk: str, layer: str, expected: float) -> None:
    assert round(millions(trunk=trunk, layer=layer), 1) == expected


@pytest.mark.parametrize(
    ("depth", "expected"), [(0, 5.34), (1, 5.60), (2, 5.86), (3, 6.12), (4, 6.39)]
)
def test_table_2(depth: int, expected: float) -> None:
    assert round(millions(depth=depth), 2) == expected


@pytest.mark.parametrize(
    ("ratios", "dimension"), [(11, 512), (501, 512), (101, 128), (101, 256), (101, 1024)]
)
def test_table_5_changes_the_embedding_and_its_first_layer_alone(
    ratios: int, dimension: int
) -> None:
    difference = ratios * dimension - 101 * 512 + 512 * (dimension - 512)
    changed = millions(ratios=ratios, dimension=dimension)
    assert changed - millions() == pytest.approx(difference / 1e6)


@pytest.mark.parametrize(
    ("stride", "channels", "expected"),
    [
        (16, 96, 5.5),
        (8, 96, 5.6),
        (4, 96, 5.6),
        (2, 96, 5.6),
        (1, 96, 5.7),
        (4, 32, 5.49),
        (4, 64, 5.54),
        (4, 128, 5.68),
        (4, 256, 6.15),
    ],
)
def test_table_6(stride: int, channels: int, expected: float) -> None:
    digits = len(str(expected).partition(".")[2])
    assert round(millions(stride=stride, channels=channels), digits) == expected


def literal(network: Mars, features: Tensor, ratio: float) -> Tensor:
    """Figure 2 layer by layer, for one ratio: nothing shared, nothing multiplied out."""
    matrix, vector = network.meta(torch.tensor([ratio]))
    f = features.mean((2, 3))
    if matrix is not None:
        f = f @ matrix[0].T
    x = network.reduce(features + f[:, :, None, None])
    for index, layer in enumerate(network.stack):
        x = layer(F.relu(x) if index else x)
    if vector is None:
        assert network.predictor is not None
        return network.predictor(x)[:, 0]
    return F.conv2d(x, vector[0].view(1, -1, 1, 1))[:, 0]


@pytest.mark.parametrize(
    "options",
    [
        MarsOptions(),
        MarsOptions(transform=False),
        MarsOptions(predictor=False),
        MarsOptions(transform=False, predictor=False),
        MarsOptions(embedding=False),
        MarsOptions(interpolation=False),
        MarsOptions(depth=2, channels=32),
        *[MarsOptions(stride=stride, channels=16) for stride in (16, 8, 2, 1)],
        MarsOptions(layer="c5_1", channels=16),
    ],
)
def test_what_ratios_share_changes_nothing(options: MarsOptions) -> None:
    torch.manual_seed(0)
    network = Mars(options).eval().requires_grad_(False)
    stride = options.truncation.stride
    features = torch.randn(2, options.width, 3, 5)
    ratios = [0.5, 0.8, 1.0, 1.91]
    got = network.decode(features, network.parameters_of(torch.tensor(ratios)))
    cells = stride // options.stride
    assert got.shape == (2, 4, 3 * cells, 5 * cells)
    for column, ratio in enumerate(ratios):
        expected = literal(network, features, ratio)
        torch.testing.assert_close(got[:, column], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("trunk", "layer"), [(t, n) for t, cuts in TRUNCATIONS.items() for n in cuts]
)
def test_every_truncation_has_the_channels_and_stride_that_it_says(trunk: str, layer: str) -> None:
    options = MarsOptions(trunk=trunk, layer=layer)  # type: ignore[arg-type]
    with torch.device("meta"):
        network = Mars(options)
        features = network.features(torch.zeros(1, 3, 64, 96))
        logits = network(torch.zeros(1, 3, 64, 96), torch.ones(2))
    stride = options.truncation.stride
    assert features.shape == (1, options.width, 64 // stride, 96 // stride)
    assert logits.shape == (1, 2, 16, 24)


def test_embedding_is_linear_in_the_logarithm_between_neighbours() -> None:
    embed = Mars(MarsOptions(ratios=5, dimension=8)).meta.embed
    vectors = embed.vectors.detach()
    root = math.sqrt(2)  # the grid: 1/2, 1/root, 1, root, 2
    grid = torch.tensor([0.5, 1 / root, 1.0, root, 2.0])
    torch.testing.assert_close(embed(grid).detach(), vectors, rtol=1e-4, atol=1e-5)
    between = embed(torch.tensor([2**0.375])).detach()[0]
    torch.testing.assert_close(between, 0.25 * vectors[2] + 0.75 * vectors[3])


def test_ratios_outside_are_clamped() -> None:
    network = Mars(MarsOptions(ratios=5, dimension=8, channels=8))
    for inside, outside in ((0.5, 0.01), (2.0, 50.0)):
        matrices, vectors = network.meta(torch.tensor([inside, outside]))
        torch.testing.assert_close(matrices[0], matrices[1])
        torch.testing.assert_close(vectors[0], vectors[1])


def test_nearest_embedding_without_interpolation() -> None:
    embed = Mars(MarsOptions(ratios=5, dimension=8, interpolation=False)).meta.embed
    got = embed(torch.tensor([1.1, 1.3])).detach()
    torch.testing.assert_close(got, embed.vectors.detach()[[2, 3]])


def test_parameters_of_ratios_can_be_kept_and_joined() -> None:
    network = Mars(MarsOptions(channels=8)).requires_grad_(False)
    together = network.parameters_of(torch.tensor([0.7, 1.3]))
    apart = RatioParameters.stack(
        [network.parameters_of(torch.tensor([ratio])) for ratio in (0.7, 1.3)]
    )
    features = torch.randn(1, 96, 2, 2)
    torch.testing.assert_close(network.decode(features, together), network.decode(features, apart))


def test_options_survive_the_metadata() -> None:
    options = MarsOptions(channels=64, predictor=False)
    assert MarsOptions.from_json(options.to_json()) == options
    with pytest.raises(ValueError, match="colour"):
        MarsOptions.from_json('{"colour": 1}')
    with pytest.raises(ValueError, match="c9_9"):
        MarsOptions(layer="c9_9")
    with pytest.raises(ValueError, match="odd"):
        MarsOptions(ratios=10)
    with pytest.raises(ValueError, match="longest"):
        MarsOptions(longest=31)

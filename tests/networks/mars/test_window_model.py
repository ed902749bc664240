"""Our network of Mars: what it sees is what the saliency network sees, and mirror images."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from deepcrop.networks.mars.sight import Seen, Sight, mirror
from deepcrop.networks.mars.window_head import WindowHead
from deepcrop.networks.mars.window_model import Scene, WindowNetwork
from deepcrop.networks.mars.window_options import WindowOptions
from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions

OPTIONS = WindowOptions(guides=2, width=8, dimension=4, neurons=8, hidden=8)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (41, 60), (100, 7)])
def test_sight_finds_the_gaze_and_the_faces_of_the_saliency_network(
    height: int, width: int
) -> None:
    """With the same weights, from one pass that also gives the deep features."""
    torch.manual_seed(1)
    options = SaliencyOptions(pixels=7500, faces=8)
    network = SaliencyNetwork(options).eval().requires_grad_(False)
    assert network.faces is not None
    torch.nn.init.constant_(network.faces.read.bias, 0.0)  # some cells find a face
    sight = Sight(options).eval().requires_grad_(False)
    sight.load_state_dict(network.state_dict())
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8)
    [expected] = network.predict([image])
    x = sight.preprocess(image)[None]
    [seen] = sight.look(x)
    assert len(expected.faces) > 0
    torch.testing.assert_close(seen.faces, expected.faces, rtol=1e-4, atol=1e-4)
    assert seen.deep.shape == (416, x.shape[-2] // 16, x.shape[-1] // 16)
    assert seen.guides.shape == (2, 32, 32)
    gaze = torch.nn.functional.interpolate(
        expected.saliency[None, None], (32, 32), mode="bilinear", antialias=True
    )[0, 0]
    assert np.corrcoef(gaze.ravel(), seen.guides[0].ravel())[0, 1] > 0.95


def test_a_network_is_built_from_its_metadata() -> None:
    """The area of the input can be changed."""
    saliency = SaliencyOptions(pixels=7500, faces=8)
    network = WindowNetwork(saliency, OPTIONS)
    metadata = {"saliency": saliency.to_json(), "head": OPTIONS.to_json()}
    built = WindowNetwork.from_state(network.state_dict(), metadata, pixels=4096)
    assert built.sight.options.pixels == 4096
    assert built.head.options == OPTIONS
    assert json.loads(metadata["saliency"])["pixels"] == 7500
    images = [torch.randint(0, 256, (3, 40, 60), dtype=torch.uint8) for _ in range(2)]
    together = [scene.logits([0.8, 1.5]) for scene in built.look(images)]
    alone = [built.look([image])[0].logits([0.8, 1.5]) for image in images]
    assert together[0].shape == (2, 16, 16)
    np.testing.assert_array_equal(together, alone)


def test_a_mirrored_scene_has_mirrored_logits_and_equal_scores() -> None:
    """The head averages over the features and their mirror image."""
    torch.manual_seed(0)
    head = WindowHead(OPTIONS).eval().requires_grad_(False)
    assert head.cells is not None
    torch.nn.init.normal_(head.cells.last.weight)
    nobody = torch.zeros(0, 5)
    seen = Seen(torch.randn(416, 9, 12), torch.rand(2, 32, 32), nobody, nobody)
    turned = seen._replace(deep=seen.deep.flip(-1), guides=seen.guides.flip(-1))
    one, other = (Scene.of(head, each, math.log(4 / 3)) for each in (seen, turned))
    np.testing.assert_allclose(one.logits([1.2]), other.logits([1.2])[..., ::-1], atol=1e-4)
    boxes = np.array([[0.1, 0.2, 0.7, 0.9], [0.0, 0.0, 0.5, 1.0]])
    mirrored = mirror(torch.from_numpy(boxes)).numpy()
    np.testing.assert_allclose(one.cells(boxes), other.cells(mirrored), atol=1e-4)
    ratios = np.array([1.1, 0.7])
    np.testing.assert_allclose(one.scores(boxes, ratios), other.scores(mirrored, ratios), atol=1e-4)

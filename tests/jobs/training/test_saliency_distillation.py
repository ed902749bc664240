"""The distillation of the saliency network to fewer pixels, on a tiny dataset."""

import numpy as np
import torch

from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from jobs.training import saliency_distillation as distil
from jobs.training.scene_head import HeadRecipe
from jobs.training.scenes import ScenePhoto, SceneRecipe


def photo(number: int) -> ScenePhoto:
    random = np.random.default_rng(number)
    pixels = torch.from_numpy(random.integers(0, 256, (3, 48, 64), np.uint8))
    mask = torch.zeros(12, 16, dtype=torch.uint8)
    mask[3:9, 4:12] = 255
    points = random.random((5, 2)) if number else np.zeros((0, 2))
    none = np.zeros((0, 5))
    return ScenePhoto(str(number), pixels, points, None, mask, mask, none, none, 1.0)


def test_a_network_learns_at_fewer_pixels_what_it_sees_at_more(monkeypatch):
    monkeypatch.setattr(distil, "FINE", 64 * 96)
    monkeypatch.setattr(distil, "FAST", 48 * 64)
    asked = []
    taught = distil.mirrored_mean
    monkeypatch.setattr(
        distil,
        "mirrored_mean",
        lambda network, image: asked.append(network.options.pixels) or taught(network, image),
    )
    torch.manual_seed(0)
    network = SaliencyNetwork(SaliencyOptions(width=8, priors=4, scene=8)).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    lines = []
    recipe = SceneRecipe(epochs=1, views=1, batch=2)
    small = distil.distilled(
        network,
        [photo(0), photo(1)],
        recipe,
        head=HeadRecipe(epochs=1, views=1, batch=2),
        note=lines.append,
    )
    assert asked == [64 * 96] * 2 and small.options.pixels == 48 * 64
    assert len(lines) == 1 + 2 + 1
    after = small.state_dict()
    frozen = [name for name in after if name.startswith("trunk.blocks.3.")]
    assert frozen and all(torch.equal(after[name], before[name]) for name in frozen)
    for learned in ("trunk.blocks.16.conv.0.0.weight", "scene.read.weight"):
        assert not torch.equal(after[learned], before[learned])

"""The recipe of the faster network, on a tiny dataset."""

import torch

from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from jobs.training import saliency_distillation as distil
from jobs.training.datasets import gaze
from jobs.training.saliency import Recipe


def test_the_heads_are_left_behind():
    network = distil.without_heads("saliency")
    assert network.faces is None and network.scene is None


def test_a_faster_network_learns_from_a_larger_look(shared, monkeypatch):
    parts = {"gaze_osie": (1, 1), "gaze_nus_scene": (1, 1)}
    monkeypatch.setattr(distil, "gaze", lambda folder, longest: gaze(folder, longest, parts))
    monkeypatch.setattr(distil, "FINE", 64 * 96)
    monkeypatch.setattr(distil, "FAST", 48 * 64)
    torch.manual_seed(0)
    network = SaliencyNetwork(SaliencyOptions(width=8, priors=4)).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    lines = []
    recipe = Recipe(epochs=1, views=1, batch=2, bfloat16=False)
    fast = distil.faster(network, recipe, shared=shared, report=lambda *each: lines.append(each))
    assert len(lines) == 1 + 2
    assert fast.options.pixels == 48 * 64
    after = fast.state_dict()
    frozen = [name for name in after if name.startswith("trunk.blocks.3.")]
    assert frozen and all(torch.equal(after[name], before[name]) for name in frozen)
    learned = "trunk.blocks.16.conv.0.0.weight"
    assert not torch.equal(after[learned], before[learned])

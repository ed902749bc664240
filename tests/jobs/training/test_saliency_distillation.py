"""The whole recipe, on a tiny dataset."""

import pytest
import torch
from torchvision.models import mobilenet_v2

from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from jobs.training import readout
from jobs.training import saliency_distillation as distil
from jobs.training.datasets import gaze
from jobs.training.saliency import Recipe


@pytest.mark.slow
def test_recipe_ends_with_a_network_that_is_ready(shared, vgg_student, tmp_path, monkeypatch):
    parts = {"gaze_osie": (1, 1), "gaze_nus_scene": (1, 1)}
    monkeypatch.setattr(readout, "COMPONENTS", 32)  # four photos have few positions
    small = ({"pixels": 48 * 64, "taps": (10, 13, 17)}, {"pixels": 48 * 48})
    monkeypatch.setattr(distil, "FURTHER", small)
    monkeypatch.setattr(distil, "gaze", lambda folder, longest: gaze(folder, longest, parts))
    lines = []
    network = distil.saliency(
        SaliencyOptions(pixels=64 * 64, width=8, priors=4),
        Recipe(epochs=1, views=1, batch=2, bfloat16=False),
        shared=shared,
        imagenet=mobilenet_v2(weights=None).state_dict(),
        vgg=vgg_student,
        output=tmp_path,
        student_epochs=1,
        note=lines.append,
    )
    assert len(lines) == 5
    assert network.options.pixels == 64 * 64
    density = network.maps([torch.zeros(3, 60, 80, dtype=torch.uint8)])[0]
    assert density.sum() == pytest.approx(1, abs=1e-3)


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

"""The whole recipe, on a tiny dataset."""

import pytest
import torch
from torchvision.models import mobilenet_v2

from deepcrop.networks.saliency import SaliencyOptions
from deepcrop.training import distil, readout
from deepcrop.training.datasets import gaze
from deepcrop.training.saliency import Recipe


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

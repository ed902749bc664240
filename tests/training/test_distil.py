"""The whole recipe, on a tiny dataset."""

import pytest
import torch
from torchvision.models import mobilenet_v2

from deepcrop.networks.saliency import SaliencyNetwork, SaliencyOptions
from deepcrop.training import distil, readout
from deepcrop.training.datasets import gaze
from deepcrop.training.saliency import Recipe


def test_mean_of_weights():
    options = SaliencyOptions(pixels=64 * 64, width=8, priors=4)
    one, two = SaliencyNetwork(options), SaliencyNetwork(options)
    mean = distil.mean_weights([one, two]).state_dict()
    key = "recurrent.gates_input.weight"
    expected = (one.state_dict()[key] + two.state_dict()[key]) / 2
    torch.testing.assert_close(mean[key], expected)


@pytest.mark.slow
def test_recipe_ends_with_a_network_that_is_ready(shared, tmp_path, monkeypatch):
    parts = {"gaze_osie": (1, 1), "gaze_nus_scene": (1, 1)}
    monkeypatch.setattr(readout, "COMPONENTS", 32)  # four photos have few positions
    monkeypatch.setattr(distil, "gaze", lambda folder: gaze(folder, parts_of=parts))
    lines = []
    network = distil.saliency(
        SaliencyOptions(pixels=64 * 64, width=8, priors=4),
        Recipe(epochs=1, views=1, batch=2, bfloat16=False),
        shared=shared,
        imagenet=mobilenet_v2(weights=None).state_dict(),
        output=tmp_path,
        student_epochs=1,
        note=lines.append,
    )
    assert len(lines) == 3
    density = network.maps([torch.zeros(3, 60, 80, dtype=torch.uint8)])[0]
    assert density.sum() == pytest.approx(1, abs=1e-3)

"""The chance that a person accepts a crop."""

import numpy as np
import pytest
import torch

from deepcrop.geometry import Box, Size
from deepcrop.methods.acceptance import FITTED, Slicing, acceptance
from deepcrop.methods.scene import Scene, SceneWeights
from deepcrop.networks.saliency.model import SaliencyOutput
from deepcrop.ops.windows import Integral

SIZE = Size(800, 400)
WEIGHTS = SceneWeights(subject=0.1, whole=0.05, heads=0.08, animals=0.04, text=0.03)
WHOLE = Box(0, 0, 800, 400)
LEFT = Box(0, 0, 400, 400)
RIGHT = Box(400, 0, 800, 400)
MIDDLE = Box(200, 0, 600, 400)


CORNER = (slice(1, 4), slice(1, 4))


def slicing(*, gaze=CORNER, subject=None, face=None):
    density = torch.ones(50, 100) * 1e-6
    if gaze is not None:
        density[gaze] = 1
    output = SaliencyOutput(
        density / density.sum(),
        torch.tensor([[*face, 0.9]] if face else []).reshape(-1, 5),
        torch.zeros(0, 5),
        subject,
        None,
    ).arrays()
    integral = Integral.of(output.saliency, SIZE)
    return Slicing.of(output, Scene.of(output, integral, WEIGHTS))


def test_the_whole_image_slices_nothing():
    subject = torch.ones(25, 50)
    found = slicing(subject=subject, face=(0.4, 0.2, 0.6, 0.6)).by(WHOLE)
    assert found == (0, 0, 0)
    assert acceptance(found) == pytest.approx(1 / (1 + np.exp(FITTED.constant)))


def test_what_lies_on_an_edge_lowers_the_chance():
    mask = torch.zeros(25, 50)
    mask[5:20, 20:30] = 1  # x 320 to 480, y 80 to 320
    for seen in (
        slicing(subject=mask),
        slicing(gaze=(slice(10, 40), slice(40, 60))),
        slicing(face=(0.45, 0.3, 0.55, 0.6)),
    ):
        cut, whole = acceptance(seen.by(LEFT)), acceptance(seen.by(MIDDLE))
        assert cut < whole - 0.01
        assert acceptance(seen.by(RIGHT)) < whole - 0.01
        assert 0 < cut < 1


def test_a_head_left_out_is_not_cut():
    seen = slicing(face=(0.7, 0.3, 0.8, 0.6))
    assert seen.by(LEFT).heads == 0
    assert seen.by(Box(0, 0, 600, 400)).heads > 0


def test_a_larger_cut_head_is_worse():
    small = slicing(face=(0.48, 0.45, 0.52, 0.55)).by(LEFT)
    large = slicing(face=(0.4, 0.2, 0.6, 0.8)).by(LEFT)
    assert 0 < small.heads < large.heads


def test_a_flat_map_has_nothing_to_slice():
    flat = slicing(gaze=None)
    peaked = slicing(gaze=(slice(10, 40), slice(48, 52)))
    assert acceptance(flat.by(LEFT)) > 0.9 > acceptance(peaked.by(LEFT))

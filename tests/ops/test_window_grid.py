"""All windows of a ratio on a grid."""

import pytest
import torch

from deepcrop.ops.annealing import Bounds
from deepcrop.ops.window_grid import SHRINK, grid, scales


def test_scales_fall_to_the_smallest():
    found = scales(0.3)
    assert found[0] == 1 and found[-1] >= 0.3 > found[-1] * SHRINK
    assert scales(1) == [1]


def test_windows_lie_inside_touch_the_edges_and_have_the_ratio():
    extents = torch.tensor([1.0, 0.6])
    windows = grid(Bounds.free(extents), scales(0.4))
    corners = torch.cat([windows[:, :2] - windows[:, 2:], windows[:, :2] + windows[:, 2:]], 1)
    assert corners.abs().max() <= 1 + 1e-6
    for scale in scales(0.4):
        some = torch.isclose(windows[:, 2], torch.tensor(scale))
        assert float(corners[some][:, 1].min()) == pytest.approx(-1, abs=1e-6)
        assert float(corners[some][:, 3].max()) == pytest.approx(1, abs=1e-6)
        assert (corners[some].mean(1).abs() < 1e-6).any()  # the centred one
    assert torch.allclose(windows[:, 3] / windows[:, 2], torch.tensor(0.6))


def test_windows_hold_the_box_and_the_centre():
    free = Bounds.free(torch.tensor([1.0, 1.0]))
    held = Bounds(free.extents, torch.tensor([-0.5, -0.2, 0.3, 0.6]), free.centre)
    windows = grid(held, scales(0.1))
    low, high = windows[:, :2] - windows[:, 2:], windows[:, :2] + windows[:, 2:]
    assert (low <= held.held[:2] + 1e-6).all() and (high >= held.held[2:] - 1e-6).all()
    pinned = Bounds(free.extents, free.held, torch.tensor([0.9, 0.0]))
    for x, y, half, _ in grid(pinned, scales(0.3)).tolist():
        assert x == pytest.approx(min(0.9, 1 - half), abs=1e-6) and y == pytest.approx(0, abs=1e-6)

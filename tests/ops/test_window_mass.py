"""Differentiable sums of a map over windows."""

import pytest
import torch

from deepcrop.ops.window_mass import cumulative, mass


def window(x0, y0, x1, y1):
    return [x0 + x1 - 1, y0 + y1 - 1, x1 - x0, y1 - y0]


def test_sums_are_those_of_the_cells():
    values = torch.rand(6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    integral = cumulative(values)
    for x0, y0, x1, y1 in ((0, 0, 8, 6), (2, 1, 7, 5), (3, 3, 4, 4)):
        windows = torch.tensor([window(x0 / 8, y0 / 6, x1 / 8, y1 / 6)], dtype=torch.float64)
        wanted = values[y0:y1, x0:x1].sum() / values.sum()
        assert float(mass(integral, windows)[0]) == pytest.approx(float(wanted), abs=1e-12)


def test_gradients_are_those_of_finite_differences():
    values = torch.rand(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    integral = cumulative(values)
    windows = torch.tensor([[0.11, -0.25, 0.43, 0.38]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: mass(integral, w), windows)


def test_a_map_of_zeros_has_no_mass():
    assert float(mass(cumulative(torch.zeros(4, 4)), torch.tensor([[0.0, 0.0, 1.0, 1.0]]))) == 0

"""Batched BFGS against SciPy."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from deepcrop.ops.bfgs import minimise


def bounds(rows, n, least=-1.0, most=1.0):
    return (
        torch.full((rows, n), least, dtype=torch.float64),
        torch.full((rows, n), most, dtype=torch.float64),
    )


def quadratics(rows, n, seed=0):
    random = torch.Generator().manual_seed(seed)
    half = torch.randn(rows, n, n, generator=random, dtype=torch.float64)
    matrices = half @ half.transpose(1, 2) + 0.2 * torch.eye(n, dtype=torch.float64)
    centres = 2 * torch.rand(rows, n, generator=random, dtype=torch.float64) - 1
    start = 2 * torch.rand(rows, n, generator=random, dtype=torch.float64) - 1

    def loss(x, rows):
        d = x - 1.5 * centres[rows]
        return 0.5 * torch.einsum("ni,nij,nj->n", d, matrices[rows], d)

    return loss, matrices, 1.5 * centres, start


@pytest.mark.parametrize("n", [2, 3])
def test_bounded_quadratics_end_where_scipys_l_bfgs_b_ends(n):
    loss, matrices, centres, start = quadratics(40, n)
    found = minimise(loss, start, *bounds(40, n), steps=60, trials=30, tolerance=1e-9)
    for row in range(40):
        A, c = matrices[row].numpy(), centres[row].numpy()
        expected = minimize(
            lambda x, A=A, c=c: (0.5 * (x - c) @ A @ (x - c), A @ (x - c)),
            start[row].numpy(),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-1, 1)] * n,
            options={"ftol": 1e-14, "gtol": 1e-10},
        )
        assert found.values[row].item() == pytest.approx(expected.fun, abs=1e-4)


def test_it_follows_a_curved_valley():
    def rosenbrock(x, rows):
        return (1 - x[:, 0]) ** 2 + 100 * (x[:, 1] - x[:, 0] ** 2) ** 2

    start = torch.tensor([[-1.2, 1.0]], dtype=torch.float64)
    found = minimise(rosenbrock, start, *bounds(1, 2, -2, 2), steps=200, trials=30, tolerance=1e-9)
    assert found.points[0].tolist() == pytest.approx([1, 1], abs=1e-3)


def test_no_row_ends_above_its_start_nor_outside_its_bounds():
    random = torch.Generator().manual_seed(3)
    start = 2 * torch.rand(64, 2, generator=random, dtype=torch.float64) - 1

    def bumpy(x, rows=None):
        return torch.sin(7 * x[:, 0]) * torch.cos(5 * x[:, 1]) + 0.1 * x.square().sum(1)

    found = minimise(bumpy, start, *bounds(64, 2), steps=10)
    assert (found.values <= bumpy(start)).all()
    assert found.points.abs().max() <= 1
    assert torch.allclose(bumpy(found.points), found.values)


def test_a_rows_result_is_the_same_alone_and_in_a_batch():
    centres = torch.tensor([[0.3, -0.2], [-0.9, 0.8], [0.0, 0.5]], dtype=torch.float64)

    def loss(x, which):
        return torch.cosh((x - centres[which]) * torch.tensor([3.0, 1.0])).sum(1)

    start = torch.tensor([[0.9, 0.9], [0.1, -0.5], [-0.4, -0.4]], dtype=torch.float64)
    together = minimise(loss, start, *bounds(3, 2))
    for row in range(3):
        alone = minimise(
            lambda x, rows, row=row: loss(x, rows + row), start[row : row + 1], *bounds(1, 2)
        )
        assert torch.equal(alone.points[0], together.points[row])


def test_a_flat_loss_leaves_the_start():
    start = torch.tensor([[0.25, -0.5]])
    found = minimise(
        lambda x, rows: (0 * x).sum(1), start, torch.full((1, 2), -1.0), torch.full((1, 2), 1.0)
    )
    assert torch.equal(found.points, start)
    assert np.isfinite(found.values.numpy()).all()


def test_bounds_that_meet_hold_the_point():
    start = torch.tensor([[0.5, 0.0]], dtype=torch.float64)
    lower = torch.tensor([[0.5, -1.0]], dtype=torch.float64)
    upper = torch.tensor([[0.5, 1.0]], dtype=torch.float64)
    found = minimise(
        lambda x, rows: ((x - torch.tensor([2.0, 0.7])) ** 2).sum(1), start, lower, upper, steps=20
    )
    assert found.points[0].tolist() == pytest.approx([0.5, 0.7], abs=1e-3)

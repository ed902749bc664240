"""Batched L-BFGS against problems whose answers are known, and scipy's."""

from __future__ import annotations

import numpy
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from deepcrop.ops.deconvolution import deconvolve


def test_linear_layers_are_inverted() -> None:
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(6, 6, generator=generator) + 3 * torch.eye(6)
    answer = torch.randn(3, 6, generator=generator)
    x, loss, _ = deconvolve(
        lambda x: x @ matrix, answer @ matrix, torch.zeros(3, 6), tolerance=1e-12
    )
    torch.testing.assert_close(x, answer, atol=1e-3, rtol=1e-3)
    assert loss.max() < 1e-5


def rosenbrock(x: Tensor) -> Tensor:
    return torch.stack([1 - x[:, 0], 10 * (x[:, 1] - x[:, 0].square())], 1)


def test_rosenbrock_needs_the_line_search() -> None:
    start = torch.tensor([[-1.2, 1.0], [0.0, 0.0], [2.0, 2.0]], dtype=torch.float64)
    x, _, taken = deconvolve(rosenbrock, torch.zeros(3, 2, dtype=torch.float64), start)
    torch.testing.assert_close(x, torch.ones(3, 2, dtype=torch.float64), atol=1e-3, rtol=0)
    assert (taken < 100).all()
    assert len(set(taken.tolist())) > 1, "each image stops by itself"


@pytest.fixture
def layers() -> nn.Module:
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(4, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.ReLU(),
    )
    return network.requires_grad_(False).double()


def test_convolutions_as_deep_down_as_scipy_s(layers: nn.Module) -> None:
    generator = torch.Generator().manual_seed(2)
    wanted = layers(torch.rand(1, 4, 12, 10, generator=generator, dtype=torch.float64) * 3)
    start = torch.rand(1, 4, 12, 10, generator=generator, dtype=torch.float64)

    def objective(flat: numpy.ndarray) -> tuple[float, numpy.ndarray]:
        leaf = torch.from_numpy(flat.copy()).view(1, 4, 12, 10).requires_grad_()
        loss = (layers(leaf) - wanted).square().sum()
        loss.backward()
        return loss.item(), leaf.grad.flatten().numpy()

    theirs = minimize(
        objective, start.flatten().numpy(), jac=True, method="L-BFGS-B", options={"maxiter": 60}
    )
    _, ours, _ = deconvolve(layers, wanted, start, iterations=60)
    begun = (layers(start) - wanted).square().sum()
    assert ours < 1e-2 * begun
    assert ours < max(2 * theirs.fun, 1e-3 * begun)


def test_an_image_does_not_depend_on_its_batch(layers: nn.Module) -> None:
    generator = torch.Generator().manual_seed(3)
    wanted = layers(torch.rand(3, 4, 8, 8, generator=generator, dtype=torch.float64))
    start = torch.rand(3, 4, 8, 8, generator=generator, dtype=torch.float64)
    together, losses, taken = deconvolve(layers, wanted, start, iterations=25)
    for image in range(3):
        one = slice(image, image + 1)
        alone, loss, steps = deconvolve(layers, wanted[one], start[one], iterations=25)
        torch.testing.assert_close(alone[0], together[image], atol=1e-9, rtol=1e-9)
        torch.testing.assert_close(loss[0], losses[image], atol=1e-9, rtol=1e-9)
        assert steps[0] == taken[image]


def test_a_start_that_is_the_answer_is_returned(layers: nn.Module) -> None:
    start = torch.rand(2, 4, 8, 8, dtype=torch.float64)
    x, loss, taken = deconvolve(layers, layers(start), start)
    assert torch.equal(x, start)
    assert loss.max() == 0
    assert taken.max() == 0


def test_it_stops_at_the_limit() -> None:
    start = torch.tensor([[-1.2, 1.0]])
    _, _, taken = deconvolve(rosenbrock, torch.zeros(1, 2), start, iterations=3)
    assert taken.item() == 3

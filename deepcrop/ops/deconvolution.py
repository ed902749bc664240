"""Feature deconvolution (Eq. 6 of DeepIR): find the input of layers whose output is given.

This is a batched L-BFGS (Nocedal, "Updating quasi-Newton matrices with limited storage", 1980).
Each image has its own history, step length and stopping criterion, so that its result doesn't
depend on its batch, while the network runs on all images at once.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_SUFFICIENT = 1e-4  # Armijo's constant
_HALVINGS = 12


def deconvolve(
    layers: Callable[[Tensor], Tensor],
    wanted: Tensor,
    start: Tensor,
    *,
    iterations: int = 100,
    tolerance: float = 1e-8,
    history: int = 8,
) -> tuple[Tensor, Tensor, Tensor]:
    """Minimise ||layers(x) - wanted||^2 over x, for each image of a batch.

    The iteration of an image stops when its gradient's squared norm falls below ``tolerance *
    max(||x||^2, 1)``, when no step along the search direction reduces its loss, or after
    ``iterations``.

    Args:
        layers: a differentiable function from (B, ...) to (B, ...) that doesn't mix images.
        wanted: (B, ...), the output that the layers should have.
        start: (B, ...), the initial x.
        iterations: the most L-BFGS steps.
        tolerance: the tolerance of the gradient's norm, as above.
        history: number of pairs of steps and gradient changes that are kept.

    Returns:
        x in the shape of ``start``; the final loss (B,); the iterations of each image (B,).
    """
    shape = start.shape[1:]

    def evaluate(x: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        leaf = x.view(-1, *shape).detach().requires_grad_()
        with torch.enable_grad():
            loss = (layers(leaf) - wanted[images]).square().flatten(1).sum(1)
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        return loss.detach(), gradient.flatten(1)

    x = start.flatten(1).clone()
    images = torch.arange(len(x), device=x.device)
    final, losses = x.clone(), x.new_zeros(len(x))
    taken = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    loss, gradient = evaluate(x, images)
    memory = _Memory(history)
    done = torch.zeros_like(images, dtype=torch.bool)
    for iteration in range(iterations + 1):
        norm = dot(gradient, gradient)
        done |= norm < tolerance * dot(x, x).clamp(min=1.0)
        if iteration == iterations:
            done[:] = True
        if done.any():
            final[images[done]], losses[images[done]] = x[done], loss[done]
            taken[images[done]] = iteration
            if done.all():
                break
            rest = ~done
            images, x, loss, gradient = images[rest], x[rest], loss[rest], gradient[rest]
            norm = norm[rest]
            memory.select(rest)
        direction = memory.direction(gradient)
        slope = dot(direction, gradient)
        if iteration == 0:
            # The residual can vanish, so the first step is Polyak's: loss / ||g||^2.
            direction = direction * (loss / norm)[:, None]
            slope = slope * loss / norm
        following, loss, new_gradient, done = _line_search(
            evaluate, images, x, loss, direction, slope
        )
        memory.add(following - x, new_gradient - gradient)
        x, gradient = following, new_gradient
    return final.view(-1, *shape), losses, taken


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the inner products of the rows of two (B, N)."""
    return torch.linalg.vecdot(a, b)


class _Memory:
    """The last steps s and gradient changes y of each image."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pairs: list[tuple[Tensor, Tensor, Tensor]] = []  # s (B, N), y (B, N), 1 / s.y (B,)
        self.scale: Tensor | None = None  # (B,): s.y / y.y, the initial Hessian's inverse

    def add(self, step: Tensor, change: Tensor) -> None:
        """Store a pair for the images whose curvature along the step is positive."""
        curvature = dot(step, change)
        strength = dot(change, change)
        valid = curvature > 1e-10 * strength
        inverse = torch.where(valid, 1 / curvature.where(valid, curvature.new_ones(())), 0.0)
        scale = curvature / strength.clamp(min=1e-30)
        before = torch.ones_like(scale) if self.scale is None else self.scale
        self.scale = torch.where(valid, scale, before)
        self.pairs = [*self.pairs, (step, change, inverse)][-self.size :]

    def select(self, images: Tensor) -> None:
        """Keep only the selected images."""
        self.pairs = [(s[images], y[images], r[images]) for s, y, r in self.pairs]
        self.scale = None if self.scale is None else self.scale[images]

    def direction(self, gradient: Tensor) -> Tensor:
        """Return minus the inverse Hessian times the gradient, by the two-loop recursion."""
        q = gradient.clone()
        weights = []
        for s, y, inverse in reversed(self.pairs):
            weight = inverse * dot(s, q)
            q.addcmul_(y, -weight[:, None])
            weights.append(weight)
        if self.scale is not None:
            q *= self.scale[:, None]
        for (s, y, inverse), weight in zip(self.pairs, reversed(weights), strict=True):
            q.addcmul_(s, (weight - inverse * dot(y, q))[:, None])
        return q.neg_()


def _line_search(
    evaluate: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    images: Tensor,
    x: Tensor,
    loss: Tensor,
    direction: Tensor,
    slope: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Find a step along the direction for each image that meets Armijo's condition.

    Returns:
        The new x, loss and gradient, and a mask of the images that found no step and stayed.
    """
    length = torch.ones_like(loss)
    following = x + direction
    new_loss, new_gradient = evaluate(following, images)
    failed = ~(new_loss <= loss + _SUFFICIENT * slope)
    for _ in range(_HALVINGS):
        index = failed.nonzero().flatten()
        if not index.numel():
            break
        # The minimum of the parabola through both losses and the slope, clamped to bounds.
        rise = new_loss[index] - loss[index] - slope[index] * length[index]
        parabola = -slope[index] * length[index].square() / (2 * rise)
        bounds = length[index] * 0.1, length[index] * 0.5
        length[index] = torch.where(rise > 0, parabola, bounds[1]).clamp(*bounds)
        following[index] = x[index] + length[index, None] * direction[index]
        new_loss[index], new_gradient[index] = evaluate(following[index], images[index])
        failed = ~(new_loss <= loss + _SUFFICIENT * length * slope)
    index = failed.nonzero().flatten()
    if index.numel():
        following[index] = x[index]
        new_loss[index], new_gradient[index] = evaluate(x[index], images[index])
    return following, new_loss, new_gradient, failed

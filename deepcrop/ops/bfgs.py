"""Solve many small bounded minimisations in one batch by BFGS; each row is one problem.

```python
found = minimise(loss, start, lower, upper)     # start: (N, n)
found.points, found.values
```

``loss(points, rows)`` takes points ``(M, n)`` and the indices ``(M,)`` of their rows. Only rows
that still search for a step are evaluated, which are fewer than half.

CAGIC runs L-BFGS-B from K starts, one after the other, for two unknowns. With two unknowns the full
inverse Hessian has only four numbers, so limited memory brings no gain, and all starts of all
images are one batch. Rows are independent: each has its own Hessian, step and end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]
DECREASE = 1e-4
"""Armijo's constant: the share of the predicted linear decrease that a step must reach."""


@dataclass(frozen=True)
class Minimum:
    """The result of the minimisations.

    Attributes:
        points: ``(N, n)``, the final points.
        values: ``(N,)``, the losses at these points.
        evaluations: number of points at which the loss was evaluated.
    """

    points: Tensor
    values: Tensor
    evaluations: int


def minimise(
    loss: Loss,
    start: Tensor,
    lower: Tensor,
    upper: Tensor,
    *,
    steps: int = 10,
    trials: int = 5,
    reach: float = 0.25,
    tolerance: float = 1e-3,
) -> Minimum:
    """Minimise each row within its bounds.

    Args:
        loss: the differentiable loss; element i of its result must depend only on point i and its
            row.
        start: ``(N, n)``, start points within the bounds.
        lower: ``(N, n)``, lower bounds.
        upper: ``(N, n)``, upper bounds.
        steps: the most quasi-Newton steps.
        trials: the most evaluations of a line search; each halves the step.
        reach: length of the first trial step, and the largest length of any step.
        tolerance: a row is done when its point moves less than this.
    """
    x = start.clone()
    f, g = _evaluate(loss, x, torch.arange(len(x), device=x.device))
    evaluations = len(x)
    eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
    scale = reach / g.norm(dim=1).clamp_min(1e-12)
    inverse = eye * scale[:, None, None]
    done = torch.zeros_like(f, dtype=torch.bool)
    for _ in range(steps):
        direction = _direction(inverse, g, x, lower, upper, scale)
        length = direction.norm(dim=1)
        direction = direction * (reach / length.clamp_min(reach))[:, None]
        done = done | (length < tolerance)
        if done.all():
            break
        step = torch.ones_like(f)
        pending = ~done
        new_x, new_f, new_g = x.clone(), f.clone(), g.clone()
        for _ in range(trials):
            rows = torch.nonzero(pending)[:, 0]
            if not len(rows):
                break
            trial = x[rows] + step[rows, None] * direction[rows]
            trial = trial.clamp(lower[rows], upper[rows])
            trial_f, trial_g = _evaluate(loss, trial, rows)
            evaluations += len(rows)
            expected = (g[rows] * (trial - x[rows])).sum(1)
            accepted = trial_f <= f[rows] + DECREASE * expected
            found = rows[accepted]
            new_x[found], new_f[found] = trial[accepted], trial_f[accepted]
            new_g[found] = trial_g[accepted]
            pending[found] = False
            step = step / 2
        s, y = new_x - x, new_g - g
        inverse = _update(inverse, s, y)
        done = done | pending | (s.norm(dim=1) < tolerance)
        x, f, g = new_x, new_f, new_g
    return Minimum(x, f, evaluations)


def _evaluate(loss: Loss, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the losses and their gradients."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        values = loss(points, rows)
        (gradient,) = torch.autograd.grad(values.sum(), points)
    return values.detach(), gradient


def _direction(
    inverse: Tensor, g: Tensor, x: Tensor, lower: Tensor, upper: Tensor, scale: Tensor
) -> Tensor:
    """Return the quasi-Newton direction in the variables that are free to move.

    If it isn't a descent direction, which can happen because of the bounds, the negative gradient
    is used instead.
    """
    free = ~(((x <= lower) & (g > 0)) | ((x >= upper) & (g < 0)))
    g = g * free
    direction = -(inverse @ g[..., None])[..., 0] * free
    descends = (direction * g).sum(1) < 0
    return torch.where(descends[:, None], direction, -g * scale[:, None])


def _update(inverse: Tensor, s: Tensor, y: Tensor) -> Tensor:
    """Apply BFGS's update of the inverse Hessian where the curvature is positive.

    ``(I - s y' / y's) H (I - y s' / y's) + s s' / y's``.
    """
    curvature = (s * y).sum(1)
    usable = curvature > 1e-10 * s.norm(dim=1) * y.norm(dim=1)
    rho = torch.where(usable, 1 / curvature, 0)[:, None, None]
    eye = torch.eye(s.shape[1], dtype=s.dtype, device=s.device)
    left = eye - rho * s[:, :, None] * y[:, None, :]
    updated = left @ inverse @ left.transpose(1, 2) + rho * s[:, :, None] * s[:, None, :]
    return torch.where(usable[:, None, None], updated, inverse)

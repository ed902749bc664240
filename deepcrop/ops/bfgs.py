"""Many small minimisations at once: BFGS with bounds, a row of a batch each.

```python
found = minimise(loss, start, lower, upper)     # start: (N, n)
found.points, found.values
```

``loss(points, rows)`` takes points ``(M, n)`` of the rows ``(M,)``: only those are evaluated that
still look for a step, which are fewer than half.

CAGIC runs L-BFGS-B from K starts, one after the other, for two unknowns. With two unknowns the
full inverse Hessian is four numbers, so all starts of all images go in one batch, and L-BFGS'
limited memory has nothing to save. Rows never mix: each has its own Hessian, step and end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]
DECREASE = 1e-4
"""Armijo's constant: the share of the linear decrease that a step must bring."""


@dataclass(frozen=True)
class Minimum:
    """The ends of the searches.

    Attributes:
        points: ``(N, n)``.
        values: ``(N,)`` the loss there.
        evaluations: points of which the loss was evaluated.
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
        loss: differentiable; element i of the result depends on point i and its row alone.
        start: ``(N, n)``, within the bounds.
        lower: least values, ``(N, n)``.
        upper: greatest values, ``(N, n)``.
        steps: quasi-Newton steps at most.
        trials: evaluations of a line search at most; each halves the step.
        reach: length of the first trial step, and the longest of all.
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
    """Return the loss and its gradient."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        values = loss(points, rows)
        (gradient,) = torch.autograd.grad(values.sum(), points)
    return values.detach(), gradient


def _direction(
    inverse: Tensor, g: Tensor, x: Tensor, lower: Tensor, upper: Tensor, scale: Tensor
) -> Tensor:
    """Return the quasi-Newton direction in the variables that are free to move.

    Where it isn't one of descent, which bounds can bring about, the gradient's takes its place.
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

"""CAGIC's search (Algorithm 1): the scale shrinks, and at each scale the place is optimised.

```python
best = anneal(loss, extents, Schedule())      # loss: windows (B, K, 4) -> (B, K)
best.windows, best.values
```

Windows are those of :mod:`deepcrop.ops.sampling`; images of a batch never mix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .quasi_newton import minimise

Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Schedule:
    """How to search.

    Attributes:
        shrink: the scale falls by this factor a level (section 3.3).
        smallest: scale of the last level; the paper doesn't say.
        restarts: starts a level, K.
        jitter: standard deviation of a start's distance from the centre before, on an axis that
            runs from -1 to 1. The first start of each level has none.
        annealing: without it, place and scale are optimised together, once.
        steps: quasi-Newton steps a level.
        trials: evaluations of a line search.
        patience: levels without a lower loss after which an image is done; None: all levels.
        seed: of the jitter, which is the same for every image.
    """

    shrink: float = 0.98
    smallest: float = 0.3
    restarts: int = 10
    jitter: float = 0.25
    annealing: bool = True
    steps: int = 4
    trials: int = 3
    patience: int | None = None
    seed: int = 0

    @property
    def scales(self) -> list[float]:
        """The scales of all levels, from 1 down."""
        scales = [1.0]
        while scales[-1] * self.shrink >= self.smallest:
            scales.append(scales[-1] * self.shrink)
        return scales


@dataclass(frozen=True)
class Best:
    """The lowest loss that was seen.

    Attributes:
        windows: ``(B, 4)``.
        values: ``(B,)``.
        evaluations: evaluations of the loss over the whole batch.
        levels: levels that were searched before every image was done.
    """

    windows: Tensor
    values: Tensor
    evaluations: int
    levels: int


def place(centres: Tensor, scales: Tensor, extents: Tensor) -> Tensor:
    """Make windows, shifted into the image.

    Args:
        centres: ``(..., 2)``.
        scales: ``(...)``, 1 is the largest window of the ratio.
        extents: ``(..., 2)`` half sides of that largest window, at most 1.

    Returns:
        ``(..., 4)``, differentiable in centres and scales.
    """
    halves = scales[..., None] * extents
    room = (1 - halves).clamp_min(0)
    return torch.cat([torch.maximum(torch.minimum(centres, room), -room), halves], -1)


@torch.no_grad()
def anneal(loss: Loss, extents: Tensor, schedule: Schedule) -> Best:
    """Search the window of the lowest loss for each image.

    Args:
        loss: windows ``(B, K, 4)`` to ``(B, K)``, differentiable.
        extents: ``(B, 2)`` half sides of each image's largest window.
        schedule: how to search.
    """
    search = _Search(loss, extents, schedule)
    return search.annealed() if schedule.annealing else search.joint()


class _Search:
    def __init__(self, loss: Loss, extents: Tensor, schedule: Schedule) -> None:
        self.loss, self.extents, self.schedule = loss, extents, schedule
        self.batch, self.restarts = len(extents), schedule.restarts
        self.random = torch.Generator().manual_seed(schedule.seed)
        self.evaluations = 0
        self.windows = torch.zeros(self.batch, 4, dtype=extents.dtype, device=extents.device)
        self.values = torch.full_like(extents[:, 0], torch.inf)

    def annealed(self) -> Best:
        """Shrink the scale; average the restarts' ends to the next level's centre (Eq. 6)."""
        centre = torch.zeros_like(self.extents)
        waited = torch.zeros(self.batch, dtype=torch.long, device=centre.device)
        active = torch.ones_like(waited, dtype=torch.bool)
        levels = 0
        for scale in self.schedule.scales:
            room = (1 - scale * self.extents).clamp_min(0)[:, None]
            starts = centre[:, None] + self._noise()
            ends, values = self._optimise(starts, room, scale)
            better = self._keep(ends, values, scale, active)
            centre = ends.mean(1)
            levels += 1
            waited = torch.where(better, 0, waited + 1)
            if self.schedule.patience is not None:
                active = active & (waited <= self.schedule.patience)
                if not active.any():
                    break
        return Best(self.windows, self.values, self.evaluations, levels)

    def joint(self) -> Best:
        """Optimise place and scale together: the paper's CN alone."""
        smallest = self.schedule.smallest
        starts = torch.cat(
            [self._noise(), torch.full_like(self._noise()[..., :1], (1 + smallest) / 2)], -1
        ).expand(self.batch, -1, -1)
        upper = torch.ones_like(starts)
        lower = torch.cat([-upper[..., :2], smallest * upper[..., 2:]], -1)

        def flat(points: Tensor) -> Tensor:
            points = points.unflatten(0, (self.batch, self.restarts))
            windows = place(points[..., :2], points[..., 2], self.extents[:, None])
            return self.loss(windows).flatten()

        found = minimise(
            flat,
            starts.clamp(lower, upper).flatten(0, 1),
            lower.flatten(0, 1),
            upper.flatten(0, 1),
            steps=self.schedule.steps * 5,
            trials=self.schedule.trials,
        )
        self.evaluations += found.evaluations
        ends = found.points.unflatten(0, (self.batch, self.restarts))
        values = found.values.unflatten(0, (self.batch, self.restarts))
        least = values.argmin(1)
        row = torch.arange(self.batch, device=least.device)
        chosen = ends[row, least]
        windows = place(chosen[:, :2], chosen[:, 2], self.extents)
        return Best(windows, values[row, least], self.evaluations, 1)

    def _noise(self) -> Tensor:
        """Draw one level's jitter ``(K, 2)``, the first start's being zero."""
        noise = torch.randn(self.restarts, 2, generator=self.random) * self.schedule.jitter
        noise[0] = 0
        return noise.to(self.extents)

    def _optimise(self, starts: Tensor, room: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """Optimise all starts ``(B, K, 2)`` of one level: ends and losses."""
        upper = room.expand_as(starts).flatten(0, 1)

        def flat(points: Tensor) -> Tensor:
            centres = points.unflatten(0, (self.batch, self.restarts))
            return self.loss(self._windows(centres, scale)).flatten()

        found = minimise(
            flat,
            starts.flatten(0, 1).clamp(-upper, upper),
            -upper,
            upper,
            steps=self.schedule.steps,
            trials=self.schedule.trials,
        )
        self.evaluations += found.evaluations
        shape = (self.batch, self.restarts)
        return found.points.unflatten(0, shape), found.values.unflatten(0, shape)

    def _windows(self, centres: Tensor, scale: float) -> Tensor:
        scales = torch.full_like(centres[..., 0], scale)
        return place(centres, scales, self.extents[:, None])

    def _keep(self, ends: Tensor, values: Tensor, scale: float, active: Tensor) -> Tensor:
        """Remember the lowest loss of each image; tell which improved."""
        least, which = values.min(1)
        better = active & (least < self.values)
        row = torch.arange(self.batch, device=which.device)
        windows = self._windows(ends, scale)[row, which]
        self.windows = torch.where(better[:, None], windows, self.windows)
        self.values = torch.where(better, least, self.values)
        return better

"""CAGIC's search (Algorithm 1): the scale shrinks, and at each scale the place is optimised.

```python
best = anneal(loss, Bounds.free(extents), Schedule())
best.windows, best.values
```

``loss(windows, images)`` takes windows ``(M, 4)`` of the images ``(M,)``, in ascending order, and
returns ``(M,)``. Windows are those of :mod:`deepcrop.ops.window_sampling`; images of a batch never
mix. What the user wants held or centred bounds the places (:class:`Bounds`), so that the loss is
minimised over the windows that are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .bfgs import minimise

Loss = Callable[[Tensor, Tensor], Tensor]


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
        evaluations: windows of which the loss was evaluated, over all images.
        levels: levels that were searched before every image was done.
    """

    windows: Tensor
    values: Tensor
    evaluations: int
    levels: int


@dataclass(frozen=True)
class Bounds:
    """Where windows may lie: inside the image, and as the user wants them.

    Attributes:
        extents: ``(..., 2)`` half sides of the largest window, at most 1.
        held: ``(..., 4)`` the box (x0, y0, x1, y1), in -1..1, that every window holds;
            (inf, inf, -inf, -inf) where there is none.
        centre: ``(..., 2)`` the point that every window is as near to being centred at as image
            and held box allow; nan where it is free.
    """

    extents: Tensor
    held: Tensor
    centre: Tensor

    @classmethod
    def free(cls, extents: Tensor) -> Bounds:
        """Return the bounds of images of which nothing is wanted."""
        infinite = torch.full_like(extents, torch.inf)
        return cls(extents, torch.cat([infinite, -infinite], -1), infinite * torch.nan)

    @classmethod
    def stack(cls, bounds: Sequence[Bounds]) -> Bounds:
        """Return the bounds of several images as those of a batch."""
        parts = [(each.extents, each.held, each.centre) for each in bounds]
        return cls(*(torch.stack(part) for part in zip(*parts, strict=True)))

    def to(self, device: torch.device) -> Bounds:
        """Return the same on a device."""
        return Bounds(self.extents.to(device), self.held.to(device), self.centre.to(device))

    def of(self, images: Tensor) -> Bounds:
        """Return the bounds of some images ``(...)`` of a batch."""
        return Bounds(self.extents[images], self.held[images], self.centre[images])

    def least(self) -> Tensor:
        """Return the scales below which windows can't hold their box: ``(...)``; 0: none."""
        sides = (self.held[..., 2:] - self.held[..., :2]) / 2
        return (sides / self.extents).amax(-1).clamp_min(0)

    def range(self, scales: Tensor) -> tuple[Tensor, Tensor]:
        """Return the least and greatest centres ``(..., 2)`` of windows of some scales ``(...)``.

        They say nothing below :meth:`least`.
        """
        halves = scales[..., None] * self.extents
        room = (1 - halves).clamp_min(0)
        lower = torch.maximum(-room, self.held[..., 2:] - halves)
        upper = torch.maximum(torch.minimum(room, self.held[..., :2] + halves), lower)
        pinned = torch.maximum(torch.minimum(self.centre, upper), lower)
        free = self.centre.isnan()
        return torch.where(free, lower, pinned), torch.where(free, upper, pinned)

    def place(self, centres: Tensor, scales: Tensor) -> Tensor:
        """Make windows, shifted to where they may lie.

        Args:
            centres: ``(..., 2)``.
            scales: ``(...)``, 1 is the largest window of the ratio.

        Returns:
            ``(..., 4)``, differentiable in centres and scales.
        """
        lower, upper = self.range(scales)
        halves = (scales[..., None] * self.extents).expand_as(centres)
        return torch.cat([torch.maximum(torch.minimum(centres, upper), lower), halves], -1)


@torch.no_grad()
def anneal(loss: Loss, bounds: Bounds, schedule: Schedule) -> Best:
    """Search the window of the lowest loss for each image.

    Args:
        loss: differentiable; see the top of the module.
        bounds: of each image's windows; the largest must be able to hold its box.
        schedule: how to search.
    """
    search = _Search(loss, bounds, schedule)
    return search.annealed() if schedule.annealing else search.joint()


class _Search:
    def __init__(self, loss: Loss, bounds: Bounds, schedule: Schedule) -> None:
        self.loss, self.bounds, self.schedule = loss, bounds, schedule
        extents = bounds.extents
        self.least = bounds.least()
        self.batch, self.restarts = len(extents), schedule.restarts
        self.random = torch.Generator().manual_seed(schedule.seed)
        self.evaluations = 0
        self.windows = torch.zeros(self.batch, 4, dtype=extents.dtype, device=extents.device)
        self.values = torch.full_like(extents[:, 0], torch.inf)

    def annealed(self) -> Best:
        """Shrink the scale; average the restarts' ends to the next level's centre (Eq. 6)."""
        centre = torch.zeros_like(self.windows[:, :2])
        waited = torch.zeros(self.batch, dtype=torch.long, device=centre.device)
        active = torch.ones_like(waited, dtype=torch.bool)
        levels = 0
        for scale in self.schedule.scales:
            active = active & ((scale >= self.least) | (levels == 0))
            if not active.any():
                break
            ends, values = self._optimise(centre[:, None] + self._noise(), scale)
            better = self._keep(ends, values, scale, active)
            centre = ends.mean(1)
            levels += 1
            waited = torch.where(better, 0, waited + 1)
            if self.schedule.patience is not None:
                active = active & (waited <= self.schedule.patience)
        return Best(self.windows, self.values, self.evaluations, levels)

    def joint(self) -> Best:
        """Optimise place and scale together: the paper's CN alone."""
        smallest = self.least.clamp(self.schedule.smallest, 1)[:, None, None]
        noise = self._noise().expand(self.batch, -1, -1)
        starts = torch.cat([noise, (1 + smallest) / 2 + 0 * noise[..., :1]], -1)
        upper = torch.ones_like(starts)
        lower = torch.cat([-upper[..., :2], smallest * upper[..., 2:]], -1)

        def flat(points: Tensor, rows: Tensor) -> Tensor:
            images = rows // self.restarts
            windows = self.bounds.of(images).place(points[:, :2], points[:, 2])
            return self.loss(windows, images)

        found = minimise(
            flat,
            starts.clamp(lower, upper).flatten(0, 1),
            lower.flatten(0, 1),
            upper.flatten(0, 1),
            steps=self.schedule.steps * 5,
            trials=self.schedule.trials,
        )
        self.evaluations += found.evaluations
        values = found.values.unflatten(0, (self.batch, self.restarts))
        row = torch.arange(self.batch, device=values.device)
        least = values.argmin(1)
        ends = found.points.unflatten(0, (self.batch, self.restarts))[row, least]
        windows = self.bounds.place(ends[:, :2], ends[:, 2])
        return Best(windows, values[row, least], self.evaluations, 1)

    def _noise(self) -> Tensor:
        """Draw one level's jitter ``(K, 2)``, the first start's being zero."""
        noise = torch.randn(self.restarts, 2, generator=self.random) * self.schedule.jitter
        noise[0] = 0
        return noise.to(self.windows)

    def _optimise(self, starts: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """Optimise all starts ``(B, K, 2)`` of one level: ends and losses."""
        lower, upper = (
            bound[:, None].expand_as(starts).flatten(0, 1)
            for bound in self.bounds.range(torch.full_like(self.least, scale))
        )

        def flat(points: Tensor, rows: Tensor) -> Tensor:
            images = rows // self.restarts
            return self.loss(self._windows(points, images, scale), images)

        found = minimise(
            flat,
            starts.flatten(0, 1).clamp(lower, upper),
            lower,
            upper,
            steps=self.schedule.steps,
            trials=self.schedule.trials,
        )
        self.evaluations += found.evaluations
        shape = (self.batch, self.restarts)
        return found.points.unflatten(0, shape), found.values.unflatten(0, shape)

    def _windows(self, centres: Tensor, images: Tensor, scale: float) -> Tensor:
        scales = torch.full_like(centres[:, 0], scale)
        return self.bounds.of(images).place(centres, scales)

    def _keep(self, ends: Tensor, values: Tensor, scale: float, active: Tensor) -> Tensor:
        """Remember the lowest loss of each image; tell which improved."""
        least, which = values.min(1)
        better = active & (least < self.values)
        row = torch.arange(self.batch, device=which.device)
        windows = self._windows(ends[row, which], row, scale)
        self.windows = torch.where(better[:, None], windows, self.windows)
        self.values = torch.where(better, least, self.values)
        return better

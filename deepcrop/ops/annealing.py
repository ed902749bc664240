"""CAGIC's search (Algorithm 1): optimise a window's place at each of several shrinking scales.

```python
best = anneal(loss, Bounds.free(extents), Schedule())
best.windows, best.values
```

``loss(windows, images)`` takes windows ``(M, 4)``, whose format is that of
:mod:`deepcrop.ops.window_sampling`, and the indices ``(M,)`` of their images in ascending order. It
returns ``(M,)``. The results of images in a batch are independent. Boxes that a window must contain
and a point that it should be centred at bound its places (:class:`Bounds`), so that the loss is
minimised over the allowed windows.
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
    """The parameters of the search.

    Attributes:
        shrink: factor by which the scale is multiplied at each level (section 3.3).
        smallest: scale of the last level, which the paper doesn't specify.
        restarts: number of starts at each level, K.
        jitter: standard deviation of a start's distance from the previous centre, on an axis that
            runs from -1 to 1. The first start of each level has no jitter.
        annealing: False optimises place and scale together, in one level.
        steps: the most quasi-Newton steps at a level.
        trials: the most evaluations of a line search.
        patience: levels without a lower loss after which an image's search ends; None: all levels.
        seed: seed of the jitter, which is equal for all images.
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
        """The scales of all levels, in descending order from 1."""
        scales = [1.0]
        while scales[-1] * self.shrink >= self.smallest:
            scales.append(scales[-1] * self.shrink)
        return scales


@dataclass(frozen=True)
class Best:
    """The windows with the lowest loss.

    Attributes:
        windows: ``(B, 4)``, each image's best window.
        values: ``(B,)``, the losses of these windows.
        evaluations: number of windows whose loss was evaluated, over all images.
        levels: number of levels that were searched.
    """

    windows: Tensor
    values: Tensor
    evaluations: int
    levels: int


@dataclass(frozen=True)
class Bounds:
    """The places that are allowed for windows: inside the image, and as the user requests.

    Attributes:
        extents: ``(..., 2)`` half sides of the largest window, at most 1.
        held: ``(..., 4)`` the box (x0, y0, x1, y1), in -1..1, that every window must contain;
            (inf, inf, -inf, -inf) if there is none.
        centre: ``(..., 2)`` the point at which windows are centred as closely as the image and
            ``held`` allow; NaN if there is none.
    """

    extents: Tensor
    held: Tensor
    centre: Tensor

    @classmethod
    def free(cls, extents: Tensor) -> Bounds:
        """Return the bounds of images without a box to contain or a centre."""
        infinite = torch.full_like(extents, torch.inf)
        return cls(extents, torch.cat([infinite, -infinite], -1), infinite * torch.nan)

    @classmethod
    def stack(cls, bounds: Sequence[Bounds]) -> Bounds:
        """Stack the bounds of several images to those of a batch."""
        parts = [(each.extents, each.held, each.centre) for each in bounds]
        return cls(*(torch.stack(part) for part in zip(*parts, strict=True)))

    def to(self, device: torch.device) -> Bounds:
        """Return the bounds on a device."""
        return Bounds(self.extents.to(device), self.held.to(device), self.centre.to(device))

    def of(self, images: Tensor) -> Bounds:
        """Return the bounds of some images ``(...)`` of a batch."""
        return Bounds(self.extents[images], self.held[images], self.centre[images])

    def least(self) -> Tensor:
        """Return the smallest scales ``(...)`` at which windows contain their box; 0 if none."""
        sides = (self.held[..., 2:] - self.held[..., :2]) / 2
        return (sides / self.extents).amax(-1).clamp_min(0)

    def range(self, scales: Tensor) -> tuple[Tensor, Tensor]:
        """Return the least and greatest centres ``(..., 2)`` of windows of some scales ``(...)``.

        Below :meth:`least` the result is undefined.
        """
        halves = scales[..., None] * self.extents
        room = (1 - halves).clamp_min(0)
        lower = torch.maximum(-room, self.held[..., 2:] - halves)
        upper = torch.maximum(torch.minimum(room, self.held[..., :2] + halves), lower)
        pinned = torch.maximum(torch.minimum(self.centre, upper), lower)
        free = self.centre.isnan()
        return torch.where(free, lower, pinned), torch.where(free, upper, pinned)

    def place(self, centres: Tensor, scales: Tensor) -> Tensor:
        """Return windows of given centres and scales, shifted to the nearest allowed place.

        Args:
            centres: ``(..., 2)``.
            scales: ``(...)``; 1 is the largest window of the aspect ratio.

        Returns:
            ``(..., 4)``, differentiable in centres and scales.
        """
        lower, upper = self.range(scales)
        halves = (scales[..., None] * self.extents).expand_as(centres)
        return torch.cat([torch.maximum(torch.minimum(centres, upper), lower), halves], -1)


@torch.no_grad()
def anneal(loss: Loss, bounds: Bounds, schedule: Schedule) -> Best:
    """Search the window with the lowest loss for each image.

    Args:
        loss: the differentiable loss; see the module's docstring.
        bounds: the bounds of each image's windows; the largest window must be able to contain the
            image's box.
        schedule: the parameters of the search.
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
        """Search level by level; average the results of the starts to the next centre (Eq. 6)."""
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
        """Optimise place and scale together, which is the paper's CN without annealing."""
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
        """Draw the jitter ``(K, 2)`` of one level; that of the first start is zero."""
        noise = torch.randn(self.restarts, 2, generator=self.random) * self.schedule.jitter
        noise[0] = 0
        return noise.to(self.windows)

    def _optimise(self, starts: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """Optimise all starts ``(B, K, 2)`` of one level; return final centres and their losses."""
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
        """Store the lowest loss of each image; return which images improved."""
        least, which = values.min(1)
        better = active & (least < self.values)
        row = torch.arange(self.batch, device=which.device)
        windows = self._windows(ends[row, which], row, scale)
        self.windows = torch.where(better[:, None], windows, self.windows)
        self.values = torch.where(better, least, self.values)
        return better

"""Find the window with the most saliency for any aspect ratio, from one integral image.

```python
integral = Integral.of(saliency, size)                 # once for each image
window = best_window(integral, AspectRatio(16, 9))     # once for each aspect ratio
window.box, window.share
```

The map may be coarser than the image. Saliency is constant inside each of its cells, so that the
integral image is bilinear between the cells' corners and exact at any source pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry import WHOLE, AspectRatio, Box, SafeArea, Size

Floats = NDArray[np.float64]

TIE = 1e-9
"""Shares (0..1) that differ by less count as equal.

The number is far above float64's rounding and far below the share of a pixel.
"""
POSITIONS = 65
"""Number of positions tried along each axis for windows that are free along both axes."""


class Bonus(Protocol):
    """A function that adds to the share of the saliency inside a window."""

    def __call__(self, y0: NDArray[np.int64], x0: NDArray[np.int64], window: Size) -> Floats:
        """Return the bonus of a window at each place, ``(len(y0), len(x0))``.

        Args:
            y0: the window's first rows, in source pixels.
            x0: the window's first columns, in source pixels.
            window: the window's size in source pixels.
        """
        ...


@dataclass(frozen=True)
class Window:
    """A crop box and the share (0..1) of the image's saliency inside it."""

    box: Box
    share: float


@dataclass(frozen=True)
class Integral:
    """The integral image of a saliency map that covers an image of ``size`` source pixels.

    Attributes:
        table: float64 ``(H + 1, W + 1)``; ``table[i, j]`` is the share of the saliency above row
            i and left of column j, so the last corner is 1.
        size: size of the image in source pixels.
    """

    table: Floats
    size: Size

    @classmethod
    def of(cls, saliency: ArrayLike, size: Size) -> Integral:
        """Integrate a map ``(H, W)`` in float64, because float32 sums drift.

        A map of zeros counts as constant.

        Raises:
            ValueError: the map isn't two-dimensional, or is negative or not finite somewhere.
        """
        values = np.asarray(saliency, np.float64)
        if values.ndim != 2 or not values.size:
            raise ValueError(f"saliency has shape {values.shape}; it must be (H, W)")
        if not (values.min() >= 0 and values.max() < np.inf):  # NaN is neither
            raise ValueError("saliency must be finite and not negative")
        if not values.any():
            values = np.ones_like(values)
        table = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
        values.cumsum(0).cumsum(1, out=table[1:, 1:])
        table /= table[-1, -1]
        return cls(table, size)

    def mass(self, box: Box) -> float:
        """Return the share of the saliency inside a box."""
        return float(self.shares(np.array([box.y0]), np.array([box.x0]), box.size)[0, 0])

    def shares(self, y0: NDArray[np.int64], x0: NDArray[np.int64], window: Size) -> Floats:
        """Return a window's share of the saliency at each place, ``(len(y0), len(x0))``, 0..1.

        Args:
            y0: the window's first rows, in source pixels.
            x0: the window's first columns, in source pixels.
            window: the window's size in source pixels; it must lie inside the image at all places.
        """
        top, height = y0 / self.size.height, window.height / self.size.height
        left, width = x0 / self.size.width, window.width / self.size.width
        if len(top) <= len(left):  # the shorter axis first
            return _along(_along(self.table, top, height).T, left, width).T
        return _along(_along(self.table.T, left, width).T, top, height)


def _along(table: Floats, start: Floats, length: float) -> Floats:
    """Return the sums between ``start`` and ``start + length`` along a table's first axis."""
    if length == 1:  # the full length, as along one axis of every largest window
        return table[-1:] - table[:1]
    return _interpolate(table, start + length) - _interpolate(table, start)


def _interpolate(table: Floats, at: Floats) -> Floats:
    """Interpolate rows of a table linearly at places from 0 (first row) to 1 (last row)."""
    place = at * (len(table) - 1)
    low = np.minimum(place.astype(np.int64), len(table) - 2)
    part = (place - low)[:, None]
    return table.take(low, 0) * (1 - part) + table.take(low + 1, 0) * part


def best_window(
    integral: Integral,
    aspect: AspectRatio,
    *,
    keep: Sequence[Box] = (),
    avoid_cutting: Sequence[tuple[Box, float]] = (),
    bonus: Bonus | None = None,
    min_saliency: float | None = None,
    minimum_zoom: float = 0.5,
    safe: SafeArea = WHOLE,
) -> Window:
    """Find the window of an aspect ratio with the most saliency.

    By default it has the largest size of the ratio (smart-cropping.txt), which can move along only
    one axis, and every source pixel of that axis is tried. Ties go to the window nearest to the
    centre, so a constant map gives the centre.

    Args:
        integral: the integral image of the saliency.
        aspect: the window's aspect ratio.
        keep: boxes that the window should contain. The window is chosen first by the most contained
            boxes, then by the fewest cut boxes, then by saliency.
        avoid_cutting: boxes that the window should either contain or exclude, such as faces, each
            with the share of the image's saliency (0..1) that a window may lose by not cutting it.
        bonus: a function whose result is added to the share of the saliency.
        min_saliency: take the smallest window with this share (0..1) of the saliency of the best
            largest window; None: the largest window.
        minimum_zoom: sides of the smallest allowed window relative to those of the largest, 0..1.
        safe: the part of the window that is looked at: saliency, the bonus and boxes to keep count
            in it alone.
    """
    largest = aspect.largest_window(integral.size)
    best = _search(integral, largest, keep, avoid_cutting, bonus, safe)
    if min_saliency is None:
        return best
    # The best window of a size has no less saliency than that of a smaller one, so bisection finds
    # the smallest side that has enough.
    small, large = round(minimum_zoom * largest.longest), largest.longest
    held = _held(safe.of(best.box), keep)
    while small < large:
        side = (small + large) // 2
        window = _search(integral, _scaled(largest, side), keep, avoid_cutting, bonus, safe)
        if window.share >= min_saliency * best.share and _held(safe.of(window.box), keep) == held:
            large, result = side, window
        else:
            small = side + 1
    return best if large == largest.longest else result


def _scaled(window: Size, side: int) -> Size:
    """Scale a window so that its longer edge is ``side`` pixels, rounded to the nearest pixel."""
    scale = Fraction(side, window.longest)
    return Size(max(1, round(window.width * scale)), max(1, round(window.height * scale)))


def _held(box: Box, keep: Sequence[Box]) -> int:
    """Count the boxes that lie completely inside ``box``."""
    return sum(box.intersection(other) == other.area for other in keep)


def _search(
    integral: Integral,
    window: Size,
    keep: Sequence[Box],
    avoid_cutting: Sequence[tuple[Box, float]],
    bonus: Bonus | None,
    safe: SafeArea,
) -> Window:
    """Find the best place of a window of a fixed size."""
    size, part = integral.size, safe.inside(window)
    x0 = _positions(size.width - window.width, free=window.height < size.height)
    y0 = _positions(size.height - window.height, free=window.width < size.width)
    x, y = x0 + part.x0, y0 + part.y0
    share = integral.shares(y, x, part.size)
    worth = share if bonus is None else share + bonus(y, x, part.size)
    for box, cost in avoid_cutting:
        worth = worth - cost * _kept(x0, y0, window, [box])[1]
    if keep:
        held, cut = _kept(x, y, part.size, keep)
        allowed = held == held.max()
        allowed &= cut == cut[allowed].min()
        worth = np.where(allowed, worth, -np.inf)
    rows, columns = np.nonzero(worth >= worth.max() - TIE)
    # Doubled distances from the centred place are whole numbers, so that ties are exact.
    across = 2 * x[columns] - (size.width - part.size.width)
    down = 2 * y[rows] - (size.height - part.size.height)
    nearest = (across**2 + down**2).argmin()
    row, column = rows[nearest], columns[nearest]
    left, top = int(x0[column]), int(y0[row])
    box = Box(left, top, left + window.width, top + window.height)
    return Window(box, float(min(max(share[row, column], 0.0), 1.0)))


def _positions(room: int, *, free: bool) -> NDArray[np.int64]:
    """Return the first pixels to try: all, or `POSITIONS` of them if the other axis is free too."""
    if not free or room < POSITIONS:
        return np.arange(room + 1)
    return np.unique(np.linspace(0, room, POSITIONS).round().astype(np.int64))


def _kept(
    x0: NDArray[np.int64], y0: NDArray[np.int64], window: Size, keep: Sequence[Box]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the contained boxes and the cut boxes at each place: two arrays ``(rows, columns)``."""
    held = np.zeros((len(y0), len(x0)), np.int64)
    cut = np.zeros_like(held)
    x1, y1 = x0 + window.width, y0 + window.height
    for box in keep:
        inside = ((y0 <= box.y0) & (box.y1 <= y1))[:, None] & ((x0 <= box.x0) & (box.x1 <= x1))
        touched = ((y0 < box.y1) & (box.y0 < y1))[:, None] & ((x0 < box.x1) & (box.x0 < x1))
        held += inside
        cut += touched & ~inside
    return held, cut


def expand_to_contain(
    box: Box, keep: Sequence[Box], aspect: AspectRatio, size: Size, safe: SafeArea = WHOLE
) -> Box:
    """Grow and shift a window as little as possible so that it contains boxes.

    Args:
        box: the window in source pixels, with the given aspect ratio.
        keep: boxes to contain, in source pixels.
        aspect: the window's aspect ratio.
        size: size of the source in pixels.
        safe: the part of the window that contains them, as far as the ratio and the source allow;
            the window contains them anyway.

    Returns:
        The window, or the box unchanged if no window of the ratio contains all boxes.
    """
    if not keep:
        return box
    if safe != WHOLE:
        return _expand_safely(box, keep, aspect, size, safe)
    x0, y0 = min(each.x0 for each in keep), min(each.y0 for each in keep)
    x1, y1 = max(each.x1 for each in keep), max(each.y1 for each in keep)
    window, largest = box.size, aspect.largest_window(size)
    if window.width < x1 - x0 or window.height < y1 - y0:
        height = max(y1 - y0, -(-(x1 - x0) * aspect.height // aspect.width))
        width = max(x1 - x0, -(-height * aspect.width // aspect.height))
        window = Size(min(width, largest.width), min(height, largest.height))
    if window.width < x1 - x0 or window.height < y1 - y0:
        return box
    left = _between(box.x0 + (box.size.width - window.width) // 2, x1 - window.width, x0)
    top = _between(box.y0 + (box.size.height - window.height) // 2, y1 - window.height, y0)
    left = _between(left, 0, size.width - window.width)
    top = _between(top, 0, size.height - window.height)
    return Box(left, top, left + window.width, top + window.height)


def _expand_safely(
    box: Box, keep: Sequence[Box], aspect: AspectRatio, size: Size, safe: SafeArea
) -> Box:
    """Grow and shift a window so that its safe area contains boxes, or else the window does."""
    x0, y0 = min(each.x0 for each in keep), min(each.y0 for each in keep)
    x1, y1 = max(each.x1 for each in keep), max(each.y1 for each in keep)
    window, largest = box.size, aspect.largest_window(size)
    part = safe.inside(window)
    if part.size.width < x1 - x0 or part.size.height < y1 - y0:
        # A pixel more than needed, because the area's sides are rounded.
        wide = math.ceil((x1 - x0 + 1) / (safe.x1 - safe.x0))
        tall = math.ceil((y1 - y0 + 1) / (safe.y1 - safe.y0))
        height = max(tall, -(-wide * aspect.height // aspect.width))
        width = max(wide, -(-height * aspect.width // aspect.height))
        window = Size(min(width, largest.width), min(height, largest.height))
        part = safe.inside(window)
    if window.width < x1 - x0 or window.height < y1 - y0:
        return box
    if part.size.width < x1 - x0 or part.size.height < y1 - y0:
        part = WHOLE.inside(window)
    left = _between(box.x0 + (box.size.width - window.width) // 2, x1 - part.x1, x0 - part.x0)
    top = _between(box.y0 + (box.size.height - window.height) // 2, y1 - part.y1, y0 - part.y0)
    left = _between(left, 0, size.width - window.width)
    top = _between(top, 0, size.height - window.height)
    return Box(left, top, left + window.width, top + window.height)


def _between(value: int, low: int, high: int) -> int:
    """Clamp ``value`` to ``low .. high``."""
    return min(max(value, low), high)

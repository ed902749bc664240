"""Locate subjects on a plain background, as in product photos.

```python
found = find_subject(pixels)    # uint8 (H, W, 3), such as a network's input
columns, rows = found.spans     # of the separate objects, 0..1
```

A background is plain if the border of the image has one colour or a smooth gradient: white, black,
coloured, a vignette, a gradient. Pixels that differ from it are the subject, except soft shadows,
which have no sharp edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Size
from ..resize import resized

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Span = tuple[float, float]

LOOK = 320
"""Longest edge, in pixels, at which subjects are detected; it takes 0.7 ms of a core."""
SHARE = 0.85
"""Least share (0..1) of the border that must be background; subjects may reach the edge."""
SPREAD = 48.0
"""Largest difference, in levels (0..255), of the border's colours from their median."""
EVEN = 6.0
"""Largest difference, in levels (0..255), of the border from the fitted background."""
NOISE = 3.0
"""Standard deviation, in levels (0..255), from which a background counts as a texture."""
FAINT, STRONG = 6.0, 40.0
"""Least differences from the background, in levels (0..255), of an edge of an object and of any
pixel of an object."""
SMALLEST, LARGEST = 0.03, 0.95
"""Range of a subject's sides relative to the image's: it is dust if both sides are smaller than the
first number, and an image with a frame if both are larger than the second."""
GAP = 0.03
"""Distance relative to the image's longer edge below which two objects count as one."""
SPECKS = 1
"""The most object pixels of a row or column that still counts as empty."""


@dataclass(frozen=True)
class Subject:
    """The subject on a plain background; positions are fractions (0..1) of the image's sides."""

    spans: tuple[tuple[Span, ...], tuple[Span, ...]]
    """Spans of columns and of rows that contain objects, ascending and without gaps inside."""
    cells: tuple[float, float]
    """Width and height of a pixel of the analysed image, which is the error of a span's ends."""

    def reaches(self, axis: int) -> int:
        """Return how many of the image's two edges across an axis (0: x) the subject reaches."""
        spans, near = self.spans[axis], 1.5 * self.cells[axis]
        return (spans[0][0] < near) + (spans[-1][1] > 1 - near)


def find_subject(pixels: NDArray[np.uint8]) -> Subject | None:
    """Find the subject on a plain background; None if the background isn't plain or is empty.

    Args:
        pixels: ``(H, W, 3)``; images wider than some hundred pixels are slow.
    """
    if min(pixels.shape[:2]) < 16:
        return None
    ground = _Ground.of(pixels)
    if ground is None:
        return None
    look = Size(pixels.shape[1], pixels.shape[0]).fit(LOOK)
    things = ground.things(resized(pixels, look, "linear"))
    height, width = things.shape
    gap = max(2, round(GAP * max(height, width)))
    columns = list(_runs(things.sum(0) > SPECKS, gap))
    rows = list(_runs(things.sum(1) > SPECKS, gap))
    if not columns or not rows:
        return None
    sides = (columns[-1][1] - columns[0][0]) / width, (rows[-1][1] - rows[0][0]) / height
    if max(sides) < SMALLEST or min(sides) > LARGEST:
        return None
    found = Subject(
        (
            tuple((start / width, stop / width) for start, stop in columns),
            tuple((start / height, stop / height) for start, stop in rows),
        ),
        (1 / width, 1 / height),
    )
    # An object that reaches an edge on both axes is part of a scene with a plain wall or sky.
    return found if min(found.reaches(0), found.reaches(1)) == 0 else None


def _runs(flags: Mask, gap: int) -> Iterator[tuple[int, int]]:
    """Yield the half-open runs of true flags, joining runs less than ``gap`` flags apart."""
    places = np.flatnonzero(flags)
    if not len(places):
        return
    breaks = np.flatnonzero(np.diff(places) > gap)
    starts = places[np.concatenate([[0], breaks + 1])]
    stops = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    yield from zip(starts.tolist(), stops.tolist(), strict=True)


@dataclass(frozen=True)
class _Ground:
    """A plain background.

    Attributes:
        factors: ``(5, 3)``, coefficients of 1, x, y, x^2 and y^2 for each channel of the colour at
            (x, y), both in -1..1.
        threshold: difference in levels (0..255) from which a pixel isn't background.
    """

    factors: Floats
    threshold: float

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> _Ground | None:
        """Fit the background to the image's border; None if it isn't plain."""
        height, width = pixels.shape[:2]
        depth = max(1, max(height, width) // 160)
        xs, ys = np.arange(0, width, depth), np.arange(0, height, depth)
        border = np.concatenate(
            [
                pixels[:depth, xs].swapaxes(0, 1),
                pixels[-depth:, xs].swapaxes(0, 1),
                pixels[ys, :depth],
                pixels[ys, -depth:],
            ]
        ).astype(np.float32)
        colours = border.mean(1)
        near = np.abs(colours - np.median(colours, 0)).max(1) < SPREAD
        if near.mean() < SHARE:
            return None
        x, y = _scaled(width), _scaled(height)
        u = np.concatenate([x[xs], x[xs], np.full(len(ys), -1), np.full(len(ys), 1)])
        v = np.concatenate([np.full(len(xs), -1), np.full(len(xs), 1), y[ys], y[ys]])
        terms = np.stack([np.ones_like(u), u, v, u * u, v * v], 1).astype(np.float32)
        for _ in range(4):  # fit again without pixels that the last fit shows to be objects
            chosen = terms[near]
            factors = np.linalg.solve(chosen.T @ chosen, chosen.T @ colours[near])
            off = np.abs(colours - terms @ factors).max(1)
            near = off < max(EVEN, 3 * float(np.median(off)))
            if near.mean() < SHARE:
                return None
        noise = float((border[near] - colours[near][:, None]).std())
        uneven = float(off[near].mean())
        if noise > NOISE or uneven > EVEN:
            return None
        return cls(factors, FAINT + 4 * noise)

    def things(self, pixels: NDArray[np.uint8]) -> Mask:
        """Return a mask (H, W) of the pixels that aren't background."""
        off = self._off(pixels)
        step = np.zeros(off.shape, bool)
        across = np.abs(off[:, 1:] - off[:, :-1]) > self.threshold
        down = np.abs(off[1:] - off[:-1]) > self.threshold
        step[:, 1:] |= across
        step[:, :-1] |= across
        step[1:] |= down
        step[:-1] |= down
        return (off > max(STRONG, 2 * self.threshold)) | (step & (off > self.threshold))

    def _off(self, pixels: NDArray[np.uint8]) -> Floats:
        """Return each pixel's largest difference over channels from the background, in levels."""
        most = np.zeros(pixels.shape[:2], np.float32)
        y, x = _scaled(pixels.shape[0])[:, None], _scaled(pixels.shape[1])
        for channel, (constant, right, below, curve, bend) in enumerate(self.factors.T):
            off = pixels[..., channel] - (constant + right * x + curve * x * x)
            off -= below * y + bend * y * y
            np.maximum(most, np.abs(off, out=off), out=most)
        return most


def _scaled(cells: int) -> Floats:
    """Return the positions of an axis's cells, scaled to -1..1."""
    return np.linspace(-1, 1, cells, dtype=np.float32)

"""Things that stand free on a plain ground, as in pictures of products: where they are.

```python
found = find_subject(image)     # uint8 (3, H, W), such as a network's input
columns, rows = found.spans     # of the things that lie apart, 0..1
```

A ground is plain where the border of the picture has one colour, or one that changes slowly and
evenly: white, black, coloured, a vignette, a gradient. What differs from it is the subject, but for
soft shadows, whose edges are no edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..geometry import Size

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Span = tuple[float, float]

LOOK = 320
"""Longest edge, in pixels, at which subjects are detected: it takes 0.7 ms of a core."""
SHARE = 0.85
"""Share of the border that must be ground, 0..1: subjects may reach to the edge."""
SPREAD = 48.0
"""Levels (0..255) by which a ground's colour may differ from its median."""
EVEN = 6.0
"""Levels (0..255) by which the border may differ from the fitted ground."""
NOISE = 3.0
"""Standard deviation of a ground, in levels, from which it is a texture."""
FAINT, STRONG = 6.0, 40.0
"""Levels from the ground from which an edge, and from which anything is a thing."""
SMALLEST, LARGEST = 0.03, 0.95
"""Longer side of a subject over the picture's: smaller is dust; where both are larger it is a
picture with a frame."""
GAP = 0.03
"""Distance, over the longer edge, below which two things count as one."""
SPECKS = 1
"""Pixels of a row or column up to which it counts as empty."""


@dataclass(frozen=True)
class Subject:
    """What stands on a plain ground; places are 0..1 of the picture's sides."""

    spans: tuple[tuple[Span, ...], tuple[Span, ...]]
    """Columns and rows that hold something, ascending, gaps between things left out."""
    cells: tuple[float, float]
    """Width and height of a pixel of the analysed image: the error of a span on each side."""

    def reaches(self, axis: int) -> int:
        """Return to how many of the picture's two edges across an axis (0: x) it reaches."""
        spans, near = self.spans[axis], 1.5 * self.cells[axis]
        return (spans[0][0] < near) + (spans[-1][1] > 1 - near)


def find_subject(image: Tensor) -> Subject | None:
    """Find what stands on a plain ground; None where the ground isn't plain, or nothing is on it.

    Args:
        image: uint8 ``(3, H, W)``; larger ones than some hundred pixels wide cost time.
    """
    if min(image.shape[1:]) < 16:
        return None
    ground = _Ground.of(image.permute(1, 2, 0).cpu().numpy())
    if ground is None:
        return None
    look = Size(image.shape[2], image.shape[1]).fit(LOOK)
    small = F.interpolate(image[None], (look.height, look.width), mode="bilinear", antialias=True)
    things = ground.things(small[0].permute(1, 2, 0).cpu().numpy())
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
    # What reaches to an edge on both axes is a part of a scene before a plain wall or sky.
    return found if min(found.reaches(0), found.reaches(1)) == 0 else None


def _runs(flags: Mask, gap: int) -> Iterator[tuple[int, int]]:
    """Yield the runs of true flags, half-open, those with less than ``gap`` between them as one."""
    places = np.flatnonzero(flags)
    if not len(places):
        return
    breaks = np.flatnonzero(np.diff(places) > gap)
    starts = places[np.concatenate([[0], breaks + 1])]
    stops = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    yield from zip(starts.tolist(), stops.tolist(), strict=True)


@dataclass(frozen=True)
class _Ground:
    """A plain ground.

    Attributes:
        factors: ``(5, 3)``: the colour at a place is 1, x, y, x^2 and y^2, -1..1, times these.
        threshold: levels from which something differs from it.
    """

    factors: Floats
    threshold: float

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> _Ground | None:
        """Read the ground off the picture's border; None where it isn't plain."""
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
        for _ in range(4):  # each time without what the last one shows to be a thing
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
        """Return which pixels are no ground: (H, W)."""
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
        """Return by how many levels each pixel differs from the ground, in the channel of most."""
        most = np.zeros(pixels.shape[:2], np.float32)
        y, x = _scaled(pixels.shape[0])[:, None], _scaled(pixels.shape[1])
        for channel, (constant, right, below, curve, bend) in enumerate(self.factors.T):
            off = pixels[..., channel] - (constant + right * x + curve * x * x)
            off -= below * y + bend * y * y
            np.maximum(most, np.abs(off, out=off), out=most)
        return most


def _scaled(cells: int) -> Floats:
    """Return the places of an axis, -1 to 1."""
    return np.linspace(-1, 1, cells, dtype=np.float32)

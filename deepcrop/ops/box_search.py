"""Search for crop boxes of any size, with scores that are mostly sums of a map over a box.

```python
sums = SumTable.of(logits)                       # once for each image and aspect ratio
boxes = candidates(largest, minimum_zoom=0.5)    # windows of the ratio, (n, 4) in 0..1
best = decode(boxes, sums.over(boxes))           # one window (4,) in 0..1
```

Windows are continuous: x0, y0, x1, y1 in 0..1 of the image's sides. If the map holds the logits of
a cell being in the crop, the sum over a window is, up to a constant, the log-likelihood that this
window is the crop, and the softmax of the sums is the probability of each window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SIZES = 13
"""Number of sizes of candidate windows."""
STEP = 0.035
"""Largest distance between neighbouring candidates of one size, in 0..1 of the image's sides."""
PLACES = 33
"""Largest number of places of candidates of one size along an axis."""
LIKELY = 192
"""Number of the most probable windows that the expected IoU compares."""
SHARPNESS = 7.0
"""Factor of scores in the softmax that gives windows their probabilities by default."""
NEAR = 0.75
"""Least IoU of windows that are averaged with the best one."""


class Sides(NamedTuple):
    """Width and height of a window in 0..1 of the image's sides."""

    width: float
    height: float


@dataclass(frozen=True)
class SumTable:
    """The integral image of a map of any sign that covers an image.

    Attributes:
        table: float64 ``(h + 1, w + 1)``; ``table[i, j]`` is the sum of the cells above row i and
            left of column j.
    """

    table: Floats

    @classmethod
    def of(cls, values: ArrayLike) -> Self:
        """Integrate a map ``(h, w)``, whose values are constant inside each cell.

        Raises:
            ValueError: the map isn't two-dimensional, is empty, or isn't finite somewhere.
        """
        cells = np.asarray(values, np.float64)
        if cells.ndim != 2 or not cells.size:
            raise ValueError(f"map has shape {cells.shape}; it must be (h, w)")
        if not np.isfinite(cells).all():
            raise ValueError("map must be finite")
        table = np.zeros((cells.shape[0] + 1, cells.shape[1] + 1))
        cells.cumsum(0).cumsum(1, out=table[1:, 1:])
        return cls(table)

    def over(self, boxes: Floats) -> Floats:
        """Return the sum of the cells inside each window ``(n, 4)``; parts of cells count in part.

        Args:
            boxes: windows in 0..1, inside the image.
        """
        x0, y0, x1, y1 = boxes.T
        at = self._at
        result: Floats = at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0)
        return result

    def _at(self, y: Floats, x: Floats) -> Floats:
        """Interpolate the table at places in 0..1."""
        row, down = _split(y, self.table.shape[0])
        column, across = _split(x, self.table.shape[1])
        width = self.table.shape[1]
        flat, corner = self.table.ravel(), row * width + column
        upper = flat[corner] * (1 - across) + flat[corner + 1] * across
        lower = flat[corner + width] * (1 - across) + flat[corner + width + 1] * across
        result: Floats = upper * (1 - down) + lower * down
        return result


def _split(place: Floats, count: int) -> tuple[NDArray[np.int64], Floats]:
    """Return the last of ``count`` lines at or before each place in 0..1, and the rest, 0..1."""
    scaled = place * (count - 1)
    low = np.clip(scaled.astype(np.int64), 0, count - 2)
    return low, scaled - low


@lru_cache(maxsize=256)
def candidates(largest: Sides, *, minimum_zoom: float, sizes: int = SIZES) -> Floats:
    """Return windows of one aspect ratio, of several sizes and at evenly spaced places.

    The windows of each size touch all edges of the image that they can reach. The places are
    symmetric, so the windows of a mirrored image are the mirrored windows.

    Args:
        largest: the largest window of the ratio; one of its sides is 1.
        minimum_zoom: sides of the smallest windows relative to those of the largest, 0..1.
        sizes: number of sizes, evenly spaced from the smallest to the largest; with 1 all windows
            have the largest size.

    Returns:
        ``(n, 4)``, read-only; the largest windows are last.
    """
    found = []
    for zoom in np.linspace(minimum_zoom, 1, sizes) if sizes > 1 else [1.0]:
        width, height = largest.width * zoom, largest.height * zoom
        left, top = np.meshgrid(_places(1 - width), _places(1 - height))
        corners = [left, top, left + width, top + height]
        found.append(np.stack([np.minimum(each.ravel(), 1.0) for each in corners], 1))
    result = np.concatenate(found)
    result.setflags(write=False)
    return result


def _places(room: float) -> Floats:
    """Return evenly spaced places from 0 to ``room``."""
    if room < 1e-9:
        return np.zeros(1)
    return np.linspace(0, room, min(math.ceil(room / STEP) + 1, PLACES))


def around(largest: Sides, centre: tuple[float, float], *, minimum_zoom: float) -> Floats:
    """Return windows of all sizes as near to a centre as the image allows, ``(n, 4)``.

    Args:
        largest: the largest window of the ratio.
        centre: wanted centre (x, y), 0..1 of the image's sides.
        minimum_zoom: sides of the smallest window relative to those of the largest, 0..1.
    """
    zoom = np.linspace(minimum_zoom, 1, 2 * SIZES)
    width, height = largest.width * zoom, largest.height * zoom
    left = np.clip(centre[0] - width / 2, 0, 1 - width)
    top = np.clip(centre[1] - height / 2, 0, 1 - height)
    return np.stack([left, top, left + width, top + height], 1)


def areas(boxes: Floats) -> Floats:
    """Return the area of each window ``(n, 4)``, as a share (0..1) of the image."""
    result: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return result


def iou(boxes: Floats, others: Floats) -> Floats:
    """Return the IoU of windows ``(..., 4)``, broadcast as arithmetic does."""
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(boxes[..., 2:], others[..., 2:])
    width, height = np.moveaxis(np.maximum(high - low, 0), -1, 0)
    common = width * height
    area, other = (
        (each[..., 2] - each[..., 0]) * (each[..., 3] - each[..., 1]) for each in (boxes, others)
    )
    result: Floats = common / (area + other - common)
    return result


def decode(
    boxes: Floats, scores: Floats, *, sharpness: float = SHARPNESS, alike: Floats | None = None
) -> Floats:
    """Return the window with the largest expected IoU with the crop that a person would choose.

    The softmax of the sharpened scores is the probability of each window. The most probable window
    is often at the edge of a group of similar windows; that of the largest expected IoU is amid
    them. It is averaged with the windows that are similar to it, by probability, so that the result
    isn't restricted to the candidates.

    Args:
        boxes: windows ``(n, 4)`` of one aspect ratio in 0..1.
        scores: their scores ``(n,)``; -inf excludes a window.
        sharpness: factor of the scores. Scores that tell how similar a window is to the chosen one
            are flatter than log-probabilities.
        alike: a number of each window ``(n,)``; only windows with the number of the best one are
            averaged with it. None: all.

    Returns:
        One window ``(4,)`` of the same aspect ratio.
    """
    likely = np.argsort(-scores, kind="stable")[:LIKELY]
    best_first = sharpness * (scores[likely] - scores[likely[0]])
    chosen, share = boxes[likely], np.exp(best_first)
    overlap = iou(chosen[:, None], chosen[None])
    best = int((overlap @ share).argmax())
    near = share * (overlap[best] >= NEAR)
    if alike is not None:
        near = near * (alike[likely] == alike[likely[best]])
    result: Floats = near @ chosen / near.sum()
    return result

"""The choice of a window by Mars' scores: any size and place, kept boxes, heads not cut.

```python
scorer = Scorer(SumTable.of(logits), weights, scene.cells)
box = choose(scorer, aspect, size, rules)           # rules: kept boxes, heads, sizes
scorer.preference(box, aspect, size)
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geometry import AspectRatio, Box, Focal, Size
from ...ops.box_search import SIZES, Sides, SumTable, areas, around, candidates, decode
from ...ops.windows import expand_to_contain

Floats = NDArray[np.float64]

SHORTLIST = 128
"""Number of windows of the best dense scores whose cells are read."""


class ScoreWeights(NamedTuple):
    """The weights of the parts of a window's score."""

    total: float = 0.1
    """Weight of the sum of the logits over the window, of a map with 256 cells."""
    area: float = 0.0
    """Weight of the natural logarithm of the window's area (0..1)."""
    cells: float = 1.0
    """Weight of the cells score in the choice of a window."""
    voted_cells: float = 0.5
    """Weight of the cells score in the comparison of two windows."""
    calibration: float = 1.0
    """Factor that turns the difference of two scores to the logit of a preference."""


@dataclass(frozen=True)
class Scorer:
    """The scores of windows of one aspect ratio in one image.

    Attributes:
        table: integral image of the logits of the cropping area.
        weights: the weights of the score's parts.
        cells: a function that returns the cells scores ``(n,)`` of windows ``(n, 4)``; None if the
            network has no such scores.
    """

    table: SumTable
    weights: ScoreWeights
    cells: Callable[[Floats], Floats] | None = None

    def dense(self, boxes: Floats) -> Floats:
        """Return the dense scores ``(n,)`` of windows ``(n, 4)`` in 0..1."""
        rows, columns = (side - 1 for side in self.table.table.shape)
        scale = self.weights.total * 256 / (rows * columns)
        result: Floats = scale * self.table.over(boxes) + self.weights.area * np.log(areas(boxes))
        return result

    def __call__(self, boxes: Floats) -> Floats:
        """Return the scores ``(n,)`` of windows ``(n, 4)`` in 0..1."""
        return self._joined(boxes, self.weights.cells)

    def _joined(self, boxes: Floats, share: float) -> Floats:
        """Return the sum of the dense scores and a share of the cells scores."""
        found = self.dense(boxes)
        return found if self.cells is None else found + share * self.cells(boxes)

    def preference(self, box: Box, aspect: AspectRatio, size: Size) -> float:
        """Return the probability (0..1) that a person prefers a box to the centre crop.

        Args:
            box: the box in source pixels.
            aspect: its aspect ratio; the centre crop is the largest centred window of it.
            size: size of the source in pixels.
        """
        centre = Box.centred(aspect.largest_window(size), (0.5, 0.5), size)
        sides = np.array([size.width, size.height] * 2, np.float64)
        both = np.array([box.corners, centre.corners]) / sides
        mine, theirs = self._joined(both, self.weights.voted_cells)
        logit = self.weights.calibration * (mine - theirs)
        return float(1 / (1 + np.exp(-np.clip(logit, -50, 50))))


@dataclass(frozen=True)
class Rules:
    """What restricts the choice of a window.

    Attributes:
        minimum_zoom: sides of the smallest window relative to those of the largest, 0..1; 1 allows
            only the largest.
        keep: boxes in source pixels that the window contains if it can.
        avoid_cutting: boxes in source pixels that the window contains or excludes, each with the
            score that a window may lose by not cutting it; those that no window holds don't count.
        focal: a point that is as near to the window's centre as the image allows; None: any.
    """

    minimum_zoom: float = 0.5
    keep: Sequence[Box] = ()
    avoid_cutting: Sequence[tuple[Box, float]] = field(default=())
    focal: Focal | None = None


def choose(scorer: Scorer, aspect: AspectRatio, size: Size, rules: Rules) -> Box | None:
    """Choose the window of an aspect ratio.

    Args:
        scorer: the scores of the ratio.
        aspect: the aspect ratio.
        size: size of the source in pixels.
        rules: what restricts the choice.

    Returns:
        The box in source pixels; None if no window of the ratio contains all kept boxes.
    """
    whole = aspect.largest_window(size)
    largest = Sides(whole.width / size.width, whole.height / size.height)
    if rules.focal is not None:
        boxes = around(largest, rules.focal, minimum_zoom=rules.minimum_zoom)
    else:
        sizes = SIZES if rules.minimum_zoom < 1 else 1
        boxes = candidates(largest, minimum_zoom=rules.minimum_zoom, sizes=sizes)
    unit = [np.array(each.corners) / ([size.width, size.height] * 2) for each in rules.keep]
    holding = np.logical_and.reduce([_holds(boxes, each) for each in unit])
    if unit and np.any(holding):
        boxes = boxes[holding]
    penalty = np.zeros(len(boxes))
    for part, cost in rules.avoid_cutting:
        if part.size.width > whole.width or part.size.height > whole.height:
            continue  # every window cuts it or leaves it out, and to leave it out is worse
        penalty += cost * _cuts(boxes, np.array(part.corners) / ([size.width, size.height] * 2))
    scores = scorer.dense(boxes) - penalty
    if scorer.cells is not None:
        likely = np.argsort(-scores, kind="stable")[:SHORTLIST]
        boxes, scores, penalty = boxes[likely], scores[likely], penalty[likely]
        scores = scores + scorer.weights.cells * scorer.cells(boxes)
    window = decode(boxes, scores, alike=penalty)
    box = expand_to_contain(_pixels(window, aspect, size), rules.keep, aspect, size)
    if any(box.intersection(kept) < kept.area for kept in rules.keep):
        return None
    return box


def _holds(boxes: Floats, part: Floats) -> NDArray[np.bool_]:
    """Return which windows ``(n, 4)`` contain a part ``(4,)``."""
    low, high = boxes[:, :2] <= part[:2] + 1e-9, boxes[:, 2:] >= part[2:] - 1e-9
    held: NDArray[np.bool_] = np.asarray(np.concatenate([low, high], 1).all(1))
    return held


def _cuts(boxes: Floats, part: Floats) -> NDArray[np.bool_]:
    """Return which windows ``(n, 4)`` contain some of a part ``(4,)`` but not all of it."""
    inside = (boxes[:, :2] < part[2:]) & (boxes[:, 2:] > part[:2])
    touched: NDArray[np.bool_] = np.asarray(inside.all(1))
    cut: NDArray[np.bool_] = touched & ~_holds(boxes, part)
    return cut


def _pixels(window: Floats, aspect: AspectRatio, size: Size) -> Box:
    """Return a window (4,) in 0..1 as a box of the ratio to the nearest pixel, inside the image."""
    x0, y0, x1, y1 = window.tolist()
    largest = aspect.largest_window(size)
    zoom = max((x1 - x0) * size.width / largest.width, (y1 - y0) * size.height / largest.height)
    side = min(max(round(zoom * largest.longest), 1), largest.longest)
    scaled = largest
    if side < largest.longest:
        ratio = Fraction(aspect.width, aspect.height)
        if largest.width >= largest.height:
            scaled = Size(side, min(max(round(side / ratio), 1), largest.height))
        else:
            scaled = Size(min(max(round(side * ratio), 1), largest.width), side)
    return Box.centred(scaled, ((x0 + x1) / 2, (y0 + y1) / 2), size)

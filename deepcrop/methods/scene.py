"""What the saliency network sees beside gaze, weighed for the choice of a window.

```python
scene = Scene.of(output, integral, weights)
best_window(integral, aspect, bonus=scene.bonus)
scene.parts          # heads, which a crop is flagged for cutting
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..flags import Flag
from ..geometry import Box, Size
from ..ops.components import region_boxes
from ..ops.composition import Composition, Thing
from ..ops.windows import Integral
from .base import Part
from .face_protection import face_box, head_of

if TYPE_CHECKING:
    from ..networks.saliency.arrays import SaliencyArrays

Corners = tuple[float, ...]
"""x0, y0, x1, y1 in 0..1 of the image's sides."""

TEXT = 0.4
"""Least probability (0..1) of a place in a line of text."""
CONFIDENT = 0.5
"""Probability (0..1) from which a place belongs to the subject."""
SMALLEST = 0.004
"""Least share (0..1) of the image that a subject covers, below which there is none."""
MARGIN = 0.1
"""Margin around heads, relative to their sides: the network finds them with that error, and a head
at the very edge of a crop looks cut."""
SHOWN = 1.0
"""Bonus of showing a head, relative to the penalty of cutting it.

To leave a head out is half as bad as to cut it.
"""
LARGE_HEAD = 0.08
"""Longer side of a head, relative to the image's, from which it has its full weight."""


@dataclass(frozen=True)
class SceneWeights:
    """The weights of the scene's parts, relative to the image's gaze, whose sum is 1.

    Attributes:
        subject: bonus of the whole subject; a part of it brings its share.
        whole: bonus of showing the subject whole.
        heads: penalty of cutting the head of a person, and bonus of showing it.
        animals: penalty of cutting the head of an animal, and bonus of showing it.
        text: penalty of cutting a line of text.
    """

    subject: float
    whole: float
    heads: float
    animals: float
    text: float


@dataclass(frozen=True)
class Scene:
    """The scene of one image.

    Attributes:
        size: size of the source in pixels.
        subject: integral image of the subject's mask; None if there is no subject.
        mask: probability ``(h, w)`` that a place belongs to the subject, which covers the image;
            None if there is no subject.
        gate: share (0..1) of the gaze that lies on the subject, the factor of the bonus ``whole``.
        things: heads and lines of text.
        parts: parts of the image that a crop is flagged for cutting.
        weights: the weights.
    """

    size: Size
    subject: Integral | None
    mask: NDArray[np.float64] | None
    gate: float
    things: tuple[Thing, ...]
    parts: tuple[Part, ...]
    weights: SceneWeights

    @classmethod
    def of(cls, output: SaliencyArrays, integral: Integral, weights: SceneWeights) -> Scene:
        """Read the scene from the network's output for an image.

        Parts whose weight is 0 are left out: they neither move a window nor flag it.

        Args:
            output: the network's output.
            integral: integral image of its saliency.
            weights: the weights of the scene's parts.
        """
        size = integral.size
        things: list[Thing] = []
        parts: list[Part] = []
        for *face, _ in output.faces.tolist() if weights.heads else ():
            for each in (tuple(face), head_of(face)):
                box = face_box(_widened(each, MARGIN), size)
                weight = weights.heads / 2 * _prominence(box, size)
                things.append(Thing(box, SHOWN * weight, weight))
            parts.append(Part(face_box(head_of(face), size), Flag.HEAD_CUT))
        for *head, _ in output.animals.tolist() if weights.animals else ():
            box = face_box(_widened(tuple(head), MARGIN), size)
            weight = weights.animals * _prominence(box, size)
            things.append(Thing(box, SHOWN * weight, weight))
            parts.append(Part(face_box(head, size), Flag.HEAD_CUT))
        if output.text is not None and weights.text:
            things += [Thing(box, 0.0, weights.text) for box in _lines(output.text, size)]
        if output.subject is None:
            return cls(size, None, None, 0.0, tuple(things), tuple(parts), weights)
        mask = output.subject.astype(np.float64)
        mask = np.where(mask > 0.1, mask, 0.0)
        if (mask > CONFIDENT).mean() <= SMALLEST:
            return cls(size, None, None, 0.0, tuple(things), tuple(parts), weights)
        gate = _share_on(output.saliency.astype(np.float64), mask)
        subject = Integral.of(mask, size)
        return cls(size, subject, mask, gate, tuple(things), tuple(parts), weights)

    @property
    def heads(self) -> tuple[Box, ...]:
        """The boxes of heads of people and animals, with a margin around each."""
        return tuple(thing.box for thing in self.things if thing.inside)

    @property
    def bonus(self) -> Composition:
        """The bonus of windows."""
        whole = self.weights.whole * self.gate
        return Composition(self.subject, self.weights.subject, whole, self.things)

    def worth(self, box: Box, integral: Integral) -> float:
        """Return the worth of a window: the share of the gaze inside it, and the bonus."""
        place = np.array([box.y0]), np.array([box.x0])
        worth = integral.shares(*place, box.size) + self.bonus(*place, box.size)
        return float(worth[0, 0])


def _widened(box: Corners, margin: float) -> Corners:
    """Add a margin, relative to the sides, around a box in 0..1 of the image's sides."""
    x0, y0, x1, y1 = box
    across, down = margin * (x1 - x0), margin * (y1 - y0)
    return max(0.0, x0 - across), max(0.0, y0 - down), min(1.0, x1 + across), min(1.0, y1 + down)


def _prominence(head: Box, size: Size) -> float:
    """Return the weight (0..1) of a head by its longer side: small ones matter less."""
    return min(1.0, head.size.longest / (LARGE_HEAD * size.longest))


def _lines(text: np.ndarray, size: Size) -> list[Box]:
    """Return the boxes of lines of text in source pixels."""
    height, width = text.shape
    return [
        face_box((x0 / width, y0 / height, x1 / width, y1 / height), size)
        for x0, y0, x1, y1 in region_boxes(text > TEXT)
        if (x1 - x0) * (y1 - y0) > 1
    ]


def _share_on(saliency: np.ndarray, mask: np.ndarray) -> float:
    """Return the share (0..1) of a map that lies on a coarser mask of the same image."""
    rows = (np.arange(saliency.shape[0]) * mask.shape[0]) // saliency.shape[0]
    columns = (np.arange(saliency.shape[1]) * mask.shape[1]) // saliency.shape[1]
    total = float(saliency.sum())
    return float((saliency * mask[rows][:, columns]).sum()) / total if total > 0 else 0.0

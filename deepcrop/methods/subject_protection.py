"""Find windows that show subjects on a plain background whole if the ratio has room for them.

```python
standing = find_standing(pixels, size)      # None for ordinary photos
box = standing.window(search, aspect)       # search: best_window with all but ``keep``
```
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..flags import Flag
from ..geometry import AspectRatio, Box, Size
from ..ops.ground import Span, Subject, find_subject
from ..ops.panels import Inscription, find_inscription
from ..ops.windows import Integral, Window
from .base import Part

Search = Callable[[Sequence[Box]], Window]
"""A function that finds the best window of a ratio that contains boxes."""

MIN_SALIENCY = 0.8
"""Least saliency of a window with fewer cuts, as a share (0..1) of the most salient window's."""
MARGIN = 0.04
"""Margin around an inscription if the panel has room, relative to the source's longer edge."""


def find_standing(pixels: NDArray[np.uint8], size: Size) -> Standing | None:
    """Find a subject on a plain background, or an inscription on a panel; None for other photos.

    Args:
        pixels: ``(h, w, 3)``, the source at the method's analysis size.
        size: size of the source in pixels.
    """
    if found := find_subject(pixels):
        return OnGround(found, size)
    if written := find_inscription(pixels):
        return OnPanel(written, size)
    return None


class Standing(Protocol):
    """A subject or an inscription that a window should show whole."""

    def parts(self, aspect: AspectRatio) -> tuple[Part, ...]:
        """Return the parts that a window of a ratio should not cut."""
        ...

    def costs(self, integral: Integral) -> list[tuple[Box, float]]:
        """Return boxes to show whole or not at all, each with the cost of cutting it."""
        ...

    def window(
        self, search: Search, aspect: AspectRatio, keep: Sequence[Box] = (), *, centred: bool = True
    ) -> Box:
        """Return the window of a ratio.

        Args:
            search: a function that finds a window containing boxes, given the costs of
                :meth:`costs`.
            aspect: the aspect ratio of the window.
            keep: boxes that the user wants to keep.
            centred: whether the subject may be centred; False if the user set a focal point, which
                the search follows.
        """
        ...


@dataclass(frozen=True)
class OnPanel:
    """An inscription on a panel beside a picture, which is shown whole or left out.

    Attributes:
        found: the detected inscription, in 0..1 of the source's sides.
        size: size of the source in pixels.
    """

    found: Inscription
    size: Size

    def parts(self, aspect: AspectRatio) -> tuple[Part, ...]:
        """Return the parts that a window of a ratio should not cut."""
        return (Part(self._box(0), Flag.SUBJECT_CUT),)

    def costs(self, integral: Integral) -> list[tuple[Box, float]]:
        """Return two boxes: the inscription, and the inscription with a margin of the panel."""
        cost = integral.mass(self._box(0)) / 2
        return [(self._box(0), cost), (self._box(MARGIN), cost)]

    def window(
        self, search: Search, aspect: AspectRatio, keep: Sequence[Box] = (), *, centred: bool = True
    ) -> Box:
        """Return the window of a ratio; see :meth:`Standing.window`."""
        return search(keep).box

    def _box(self, margin: float) -> Box:
        """Return the inscription's box with a margin, relative to the longer edge, on the panel."""
        pixels = margin * self.size.longest
        x0, x1 = _widened(self.found.columns, self.found.panel[0], pixels, self.size.width)
        y0, y1 = _widened(self.found.rows, self.found.panel[1], pixels, self.size.height)
        return Box(x0, y0, x1, y1)


@dataclass(frozen=True)
class OnGround:
    """A subject on a plain background, which is shown whole and as centred as the image allows.

    If the window has no room for the whole subject, it shows as many of its objects whole as
    possible without losing much saliency. A single object is cut where the search cuts it.

    Attributes:
        found: the detected subject, in 0..1 of the source's sides.
        size: size of the source in pixels.
    """

    found: Subject
    size: Size

    def parts(self, aspect: AspectRatio) -> tuple[Part, ...]:
        """Return the parts that a window of a ratio should not cut."""
        if not self._stands_free(self._axis(aspect)):
            return ()
        return (Part(self._whole(margin=0), Flag.SUBJECT_CUT),)

    def costs(self, integral: Integral) -> list[tuple[Box, float]]:
        """Return no boxes, because the window contains the subject anyway."""
        return []

    def window(
        self, search: Search, aspect: AspectRatio, keep: Sequence[Box] = (), *, centred: bool = True
    ) -> Box:
        """Return the window of a ratio; see :meth:`Standing.window`."""
        axis, largest = self._axis(aspect), aspect.largest_window(self.size)
        if not self._stands_free(axis):
            return search(keep).box
        # A margin of one pixel of the analysed image covers the error of detection. If that doesn't
        # fit, a pixel less is enough: it is a hundredth of a subject that almost fills the window.
        whole = next((each for each in map(self._whole, (1, 0, -1)) if _fits(each, largest)), None)
        things = [whole] if whole else self._things(axis)
        found = search((*keep, *(each for each in things if _fits(each, largest))))
        if whole is None:
            salient = search(keep)
            if len(things) < 2 or found.share < MIN_SALIENCY * salient.share:
                return salient.box
        box = found.box
        if keep:  # the user's boxes have priority
            asked = search(keep).box
            good = all(_holds(box, each) or not _holds(asked, each) for each in keep)
            return box if good else asked
        held = [each for each in things if _holds(box, each)]
        if not centred or not held:
            return box
        middle = Box.centred(box.size, _centre(held, self.size), self.size)
        good = all(_holds(middle, each) or not _touches(middle, each) for each in things)
        return middle if good and all(_holds(middle, each) for each in held) else box

    def _axis(self, aspect: AspectRatio) -> int:
        """Return the axis (0: x) along which the largest window is smaller than the source."""
        return int(aspect.largest_window(self.size).width == self.size.width)

    def _stands_free(self, axis: int) -> bool:
        """Return whether background lies beside the subject; otherwise it is part of a scene."""
        return self.found.reaches(axis) < 2

    def _whole(self, margin: int) -> Box:
        """Return the box around the subject with a margin in pixels of the analysed image."""
        columns, rows = self.found.spans
        return self._box((columns[0][0], columns[-1][1]), (rows[0][0], rows[-1][1]), margin)

    def _things(self, axis: int) -> list[Box]:
        """Return the boxes of separate objects along an axis, reduced by a pixel on each side.

        The pixel is one of the analysed image.
        """
        columns, rows = self.found.spans
        if axis == 0:
            across = rows[0][0], rows[-1][1]
            return [self._box(each, across, -1) for each in columns]
        across = columns[0][0], columns[-1][1]
        return [self._box(across, each, -1) for each in rows]

    def _box(self, columns: Span, rows: Span, margin: int) -> Box:
        across, down = (margin * cell for cell in self.found.cells)
        x0, x1 = _pixels((columns[0] - across, columns[1] + across), self.size.width)
        y0, y1 = _pixels((rows[0] - down, rows[1] + down), self.size.height)
        return Box(x0, y0, x1, y1)


def _widened(span: Span, panel: Span, margin: float, pixels: int) -> tuple[int, int]:
    """Return the pixels that a span touches with a margin on both sides, inside the panel."""
    low, high = max(span[0] - margin / pixels, panel[0]), min(span[1] + margin / pixels, panel[1])
    return _pixels((min(low, span[0]), max(high, span[1])), pixels)


def _pixels(span: Span, pixels: int) -> tuple[int, int]:
    """Return the range of pixels that a span touches, at least one pixel."""
    start = min(max(math.floor(span[0] * pixels), 0), pixels - 1)
    return start, max(min(math.ceil(span[1] * pixels), pixels), start + 1)


def _fits(box: Box, window: Size) -> bool:
    return box.size.width <= window.width and box.size.height <= window.height


def _holds(box: Box, other: Box) -> bool:
    return box.intersection(other) == other.area


def _touches(box: Box, other: Box) -> bool:
    return box.intersection(other) > 0


def _centre(boxes: Sequence[Box], size: Size) -> tuple[float, float]:
    """Return the centre of the box around several boxes, in 0..1 of the sides."""
    x0, x1 = min(each.x0 for each in boxes), max(each.x1 for each in boxes)
    y0, y1 = min(each.y0 for each in boxes), max(each.y1 for each in boxes)
    return (x0 + x1) / 2 / size.width, (y0 + y1) / 2 / size.height

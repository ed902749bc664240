"""Windows that keep subjects on a plain background whole, wherever the ratio has room.

```python
standing = find_standing(image, size)       # None for ordinary photos
box = standing.window(search, aspect)       # search: best_window with all but ``keep``
```
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ..flags import Flag
from ..geometry import AspectRatio, Box, Size
from ..ops.ground import Span, Subject, find_subject
from ..ops.panels import Inscription, find_inscription
from ..ops.windows import Integral, Window
from .base import Part

Search = Callable[[Sequence[Box]], Window]
"""Finds the best window of a ratio that holds boxes."""

MIN_SALIENCY = 0.8
"""The share of the most salient window's saliency that a window with fewer cuts must hold."""
MARGIN = 0.04
"""Margin of the panel around an inscription, over the source's longer edge, where it fits."""


def find_standing(image: Tensor, size: Size) -> Standing | None:
    """Find what stands free on a plain ground, or on a panel; None for ordinary photos.

    Args:
        image: uint8 ``(3, h, w)``, the source at the method's analysis size.
        size: of the source.
    """
    if found := find_subject(image):
        return OnGround(found, size)
    if written := find_inscription(image):
        return OnPanel(written, size)
    return None


class Standing(Protocol):
    """What a window should show whole."""

    def parts(self, aspect: AspectRatio) -> tuple[Part, ...]:
        """Return the parts that a window of a ratio should not cut."""
        ...

    def costs(self, integral: Integral) -> list[tuple[Box, float]]:
        """Return boxes to show whole or not at all, each with what a window gives up for it."""
        ...

    def window(
        self, search: Search, aspect: AspectRatio, keep: Sequence[Box] = (), *, centred: bool = True
    ) -> Box:
        """Return the window of a ratio.

        Args:
            search: finds a window that holds boxes, with the costs that :meth:`costs` names.
            aspect: of the window.
            keep: boxes that a user wants to be held.
            centred: it may be in the middle; else the search says where, as the user asked.
        """
        ...


@dataclass(frozen=True)
class OnPanel:
    """What is written on a panel beside a picture: shown whole rather than cut, or left out.

    Attributes:
        found: where it is in the source, 0..1.
        size: of the source, in pixels.
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
        """Return its box, with a margin over the source's longer edge as far as the panel goes."""
        pixels = margin * self.size.longest
        x0, x1 = _widened(self.found.columns, self.found.panel[0], pixels, self.size.width)
        y0, y1 = _widened(self.found.rows, self.found.panel[1], pixels, self.size.height)
        return Box(x0, y0, x1, y1)


@dataclass(frozen=True)
class OnGround:
    """What stands free on a plain ground: whole, in the middle of the room that the image has.

    Where there is no room for all of it, as many of its things are whole as can be without losing
    much of what is salient; a lone thing is cut where the search cuts it.

    Attributes:
        found: where it is in the source, 0..1.
        size: of the source, in pixels.
    """

    found: Subject
    size: Size

    def parts(self, aspect: AspectRatio) -> tuple[Part, ...]:
        """Return the parts that a window of a ratio should not cut."""
        if not self._stands_free(self._axis(aspect)):
            return ()
        return (Part(self._whole(margin=0), Flag.SUBJECT_CUT),)

    def costs(self, integral: Integral) -> list[tuple[Box, float]]:
        """Return no boxes: the window contains the subject anyway."""
        return []

    def window(
        self, search: Search, aspect: AspectRatio, keep: Sequence[Box] = (), *, centred: bool = True
    ) -> Box:
        """Return the window of a ratio; see :meth:`Standing.window`."""
        axis, largest = self._axis(aspect), aspect.largest_window(self.size)
        if not self._stands_free(axis):
            return search(keep).box
        # A pixel of the analysed image more on each side covers the error of detection; where that
        # doesn't fit, a pixel less will do: it is a hundredth of what nearly fills the window.
        whole = next((each for each in map(self._whole, (1, 0, -1)) if _fits(each, largest)), None)
        things = [whole] if whole else self._things(axis)
        found = search((*keep, *(each for each in things if _fits(each, largest))))
        if whole is None:
            salient = search(keep)
            if len(things) < 2 or found.share < MIN_SALIENCY * salient.share:
                return salient.box
        box = found.box
        if keep:  # the user's come first
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
        """Return the axis along which the largest window of a ratio is less than the source."""
        return int(aspect.largest_window(self.size).width == self.size.width)

    def _stands_free(self, axis: int) -> bool:
        """Tell whether there is ground beside it: else a window would cut a scene, not a thing."""
        return self.found.reaches(axis) < 2

    def _whole(self, margin: int) -> Box:
        """Return the box around all of it, with some pixels of the analysed image on each side."""
        columns, rows = self.found.spans
        return self._box((columns[0][0], columns[-1][1]), (rows[0][0], rows[-1][1]), margin)

    def _things(self, axis: int) -> list[Box]:
        """Return the boxes of what lies apart along an axis, less a pixel of the analysed image."""
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
    """Return the pixels that a span touches, and more on each side as far as the panel goes."""
    low, high = max(span[0] - margin / pixels, panel[0]), min(span[1] + margin / pixels, panel[1])
    return _pixels((min(low, span[0]), max(high, span[1])), pixels)


def _pixels(span: Span, pixels: int) -> tuple[int, int]:
    """Return the pixels that a span touches: one at least."""
    start = min(max(math.floor(span[0] * pixels), 0), pixels - 1)
    return start, max(min(math.ceil(span[1] * pixels), pixels), start + 1)


def _fits(box: Box, window: Size) -> bool:
    return box.size.width <= window.width and box.size.height <= window.height


def _holds(box: Box, other: Box) -> bool:
    return box.intersection(other) == other.area


def _touches(box: Box, other: Box) -> bool:
    return box.intersection(other) > 0


def _centre(boxes: Sequence[Box], size: Size) -> tuple[float, float]:
    """Return the centre of the box around boxes, 0..1 of the sides."""
    x0, x1 = min(each.x0 for each in boxes), max(each.x1 for each in boxes)
    y0, y1 = min(each.y0 for each in boxes), max(each.y1 for each in boxes)
    return (x0 + x1) / 2 / size.width, (y0 + y1) / 2 / size.height

"""Cut a box out of a picture and resize it, exact to the pixel."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import RenderError
from ..geometry import Box, Size
from .picture import Picture

_TOLERANCE = Fraction(1, 32)
"""Decoded pixels by which an edge may be off: nobody sees a shift of so little (60 dB)."""
_WIDEST = 32
"""Pixels of the result that a window may be widened by on each side."""
_NEAR = 6
"""Rows for each row of the result up to which columns are resized before rows. It takes less time
while what a row of the result is made of stays in a core's cache."""


def render(picture: Picture, box: Box, size: Size) -> NDArray[np.uint8]:
    """Cut ``box`` and resize it to ``size`` with an antialiased cubic filter (Keys, a = -1/2).

    As good as cropping at full size and resizing: where the picture was decoded smaller, the box is
    mapped to it and not rounded. At full scale a box of the wanted size is copied bit for bit.

    Args:
        picture: what `decode` gave.
        box: source pixels as shown, inside ``picture.source_size``.
        size: width and height of the result.

    Returns:
        (size.height, size.width, C) uint8, C as in ``picture.pixels``.

    Raises:
        RenderError: the box is not inside the source.
    """
    return Cuts(picture, [(box, size)]).render(0)


class Cuts:
    """Several cuts of one picture: rows that they share are resized once.

    The largest windows of many ratios have the picture's whole height, and variants of one height:
    they differ in their columns. Each is what `render` makes of it alone, bit for bit.

    ```python
    >>> cuts = Cuts(picture, [(square, Size(640, 640)), (tall, Size(360, 640))])
    >>> cuts.render(1).shape
    (640, 360, 3)
    ```
    """

    def __init__(self, picture: Picture, wanted: Sequence[tuple[Box, Size]]) -> None:
        """Take boxes, and the sizes of the results; nothing is resized yet.

        Raises:
            RenderError: a box is not inside the source.
        """
        self.pixels = picture.pixels
        self._cuts = [_Cut(picture, box, size) for box, size in wanted]
        self._reach = _reach(self._cuts)
        self._bands: dict[_Span, NDArray[np.uint8]] = {}

    def render(self, index: int) -> NDArray[np.uint8]:
        """Return one of the cuts, as `render` does."""
        cut = self._cuts[index]
        if cut.copies:
            return self.pixels[cut.inside].copy()
        if cut.spans is None:
            return _resized_within(self.pixels[cut.inside], cut.window, cut.size)
        rows, columns = cut.spans
        if cut.in_bands:
            part = self._band(rows, columns)
        else:
            part = self.pixels[rows.start : rows.stop, columns.start : columns.stop]
        resized = _resized(part, Size(columns.count, rows.count))
        wanted = resized[rows.before :, columns.before :][: cut.size.height, : cut.size.width]
        return np.ascontiguousarray(wanted)

    def _band(self, rows: _Span, columns: _Span) -> NDArray[np.uint8]:
        """Return a part with its columns resized: (rows.count, ..., 3)."""
        left, right = self._reach.get(rows, (columns.start, columns.stop))
        band = self._bands.get(rows)
        if band is None:
            part = self.pixels[rows.start : rows.stop, left:right]
            band = _resized(part, Size(right - left, rows.count))
            if rows in self._reach:
                self._bands[rows] = band
        return band[:, columns.start - left : columns.stop - left]


@dataclass(frozen=True)
class _Span:
    """A window along one axis, between whole pixels of the picture, wider than what is wanted."""

    start: int
    stop: int
    before: int
    """Pixels of its result that come before the wanted ones."""
    count: int
    """Pixels of its result."""

    @classmethod
    def around(cls, start: Fraction, stop: Fraction, count: int, room: int) -> _Span | None:
        """Widen a window by whole pixels of its result until it has whole pixels for edges.

        Args:
            start: the window's first edge, in pixels of the picture.
            stop: its last edge.
            count: pixels of the result.
            room: pixels of the picture.

        Returns:
            None where there are no such edges near by.
        """
        pitch = (stop - start) / count
        first, last = _whole(start, -pitch, room), _whole(stop, pitch, room)
        if first is None or last is None:
            return None
        return cls(first[0], last[0], first[1], count + first[1] + last[1])


class _Cut:
    """Where a box lies in a picture."""

    def __init__(self, picture: Picture, box: Box, size: Size) -> None:
        if not box.inside(picture.source_size):
            raise RenderError(f"box {box} is not inside the source of {picture.source_size} pixels")
        (x, y), scale = picture.origin, picture.shrink
        x0, x1 = (x + Fraction(edge, scale) for edge in (box.x0, box.x1))
        y0, y1 = (y + Fraction(edge, scale) for edge in (box.y0, box.y1))
        left, top = math.floor(x0), math.floor(y0)
        self.size = size
        self.copies = scale == 1 and size == box.size
        self.inside = np.s_[top : math.ceil(y1), left : math.ceil(x1)]
        """The pixels that it touches."""
        self.window = (x0 - left, y0 - top, x1 - left, y1 - top)
        """Its edges among them."""
        self.spans: tuple[_Span, _Span] | None = None
        """Its rows and columns, where a part of whole pixels can be resized for it."""
        if picture.pixels.shape[2] == 3 and not self.copies:
            rows = _Span.around(y0, y1, size.height, picture.size.height)
            columns = _Span.around(x0, x1, size.width, picture.size.width)
            self.spans = (rows, columns) if rows and columns else None

    @property
    def in_bands(self) -> bool:
        """Whether its columns are resized before its rows."""
        if self.spans is None:
            return False
        rows, _ = self.spans
        return rows.count <= rows.stop - rows.start <= _NEAR * rows.count


def _reach(cuts: Sequence[_Cut]) -> dict[_Span, tuple[int, int]]:
    """Return the first and the last column of rows that are better resized once for several."""
    sharing: dict[_Span, list[_Span]] = defaultdict(list)
    for cut in cuts:
        if cut.spans is not None and cut.in_bands:
            rows, columns = cut.spans
            sharing[rows].append(columns)
    reach = {}
    for rows, several in sharing.items():
        left, right = min(each.start for each in several), max(each.stop for each in several)
        if right - left < sum(each.stop - each.start for each in several):
            reach[rows] = left, right
    return reach


def _whole(edge: Fraction, step: Fraction, room: int) -> tuple[int, int] | None:
    """Return the first edge that is a whole pixel, and the number of steps to it."""
    for steps in range(_WIDEST + 1):
        whole = round(edge)
        if not 0 <= edge <= room:
            return None
        if abs(edge - whole) <= _TOLERANCE:
            return whole, steps
        edge += step
    return None


def thumbnail(picture: Picture, longest: int) -> NDArray[np.uint8]:
    """Scale the whole picture down for a method to look at.

    Args:
        picture: what `decode` gave.
        longest: the longer edge of the result, unless the source's own is shorter.

    Returns:
        (H, W, 3) uint8, transparent pixels over white, in the source's shape.
    """
    size = picture.source_size.fit(longest)
    return picture.rgb if size == picture.size else _resized(picture.rgb, size)


def _resized(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize by torch: the same filter as Pillow's bicubic, up to nine times as fast."""
    import torch  # a second or more, that reading photos alone needn't spend

    if not (pixels.flags.c_contiguous and pixels.flags.writeable):
        pixels = pixels.copy()  # np.require takes half as long again
    source = torch.from_numpy(pixels)
    resized = torch.nn.functional.interpolate(
        source[None].permute(0, 3, 1, 2),  # [None] last hides from torch that colours lie together
        size=(size.height, size.width),
        mode="bicubic",
        antialias=True,
    )
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())


def _resized_within(
    pixels: NDArray[np.uint8], window: tuple[Fraction, ...], size: Size
) -> NDArray[np.uint8]:
    """Resize a window whose edges cut through pixels, or an image with alpha, by Pillow.

    It takes three times as long as `_resized`. Pillow premultiplies while it filters, so the colour
    of transparent pixels doesn't bleed.
    """
    x0, y0, x1, y1 = (float(edge) for edge in window)
    resized = Image.fromarray(pixels).resize(
        (size.width, size.height), Image.Resampling.BICUBIC, box=(x0, y0, x1, y1)
    )
    return np.array(resized)

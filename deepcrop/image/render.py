"""Cut a box out of a picture and resize it, exactly to the pixel."""

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
"""Largest error of an edge in decoded pixels; a shift of this size is invisible (60 dB)."""
_WIDEST = 32
"""The most pixels of the result by which a window is widened on each side."""
_NEAR = 6
"""Largest number of source rows for each row of the result at which columns are resized first.

Resizing columns before rows is faster as long as the source rows of one result row fit the cache of
a core.
"""


def render(picture: Picture, box: Box, size: Size) -> NDArray[np.uint8]:
    """Cut ``box`` and resize it to ``size`` with an antialiased cubic filter (Keys, a = -1/2).

    The result is as good as cropping at full size and resizing: if the picture was decoded at a
    smaller scale, the box is mapped to that scale without rounding. At full scale, a box that has
    the size of the result is copied bit for bit.

    Args:
        picture: the result of `decode`.
        box: the crop box in source pixels as shown, inside ``picture.source_size``.
        size: width and height of the result in pixels.

    Returns:
        (size.height, size.width, C) uint8, C as in ``picture.pixels``.

    Raises:
        RenderError: the box is not inside the source.
    """
    return Cuts(picture, [(box, size)]).render(0)


class Cuts:
    """Several cuts of one picture, which resize the rows that they share only once.

    The largest windows of many aspect ratios have the picture's whole height, and their variants
    often have one height, so that only their columns differ. Each result is equal to that of
    `render`, bit for bit.

    ```python
    >>> cuts = Cuts(picture, [(square, Size(640, 640)), (tall, Size(360, 640))])
    >>> cuts.render(1).shape
    (640, 360, 3)
    ```
    """

    def __init__(self, picture: Picture, wanted: Sequence[tuple[Box, Size]]) -> None:
        """Prepare cuts without resizing anything yet.

        Args:
            picture: the result of `decode`.
            wanted: the crop box of each cut in source pixels as shown, and the size of its result.

        Raises:
            RenderError: a box is not inside the source.
        """
        self.pixels = picture.pixels
        self._cuts = [_Cut(picture, box, size) for box, size in wanted]
        self._reach = _reach(self._cuts)
        self._bands: dict[_Span, NDArray[np.uint8]] = {}

    def render(self, index: int) -> NDArray[np.uint8]:
        """Return the cut with this index as (H, W, C) uint8; see `render`."""
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
        """Return a part of the picture whose columns are resized: (rows.count, ..., 3)."""
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
    """A window along one axis with edges between whole pixels, which contains the wanted window."""

    start: int
    stop: int
    before: int
    """Pixels of the window's result before the wanted ones."""
    count: int
    """Pixels of the window's result."""

    @classmethod
    def around(cls, start: Fraction, stop: Fraction, count: int, room: int) -> _Span | None:
        """Widen a window by whole pixels of its result until its edges lie between whole pixels.

        Args:
            start: the window's first edge, in pixels of the picture.
            stop: the window's last edge, in pixels of the picture.
            count: pixels of the result.
            room: pixels of the picture along the axis.

        Returns:
            The span; None if there are no such edges within `_WIDEST` pixels of the result.
        """
        pitch = (stop - start) / count
        first, last = _whole(start, -pitch, room), _whole(stop, pitch, room)
        if first is None or last is None:
            return None
        return cls(first[0], last[0], first[1], count + first[1] + last[1])


class _Cut:
    """The place of a crop box in a picture."""

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
        """The slices of the rows and columns that the box touches."""
        self.window = (x0 - left, y0 - top, x1 - left, y1 - top)
        """The box's edges (x0, y0, x1, y1), relative to the first touched column and row."""
        self.spans: tuple[_Span, _Span] | None = None
        """The spans of rows and columns, if a part of whole pixels can be resized; else None."""
        if picture.pixels.shape[2] == 3 and not self.copies:
            rows = _Span.around(y0, y1, size.height, picture.size.height)
            columns = _Span.around(x0, x1, size.width, picture.size.width)
            self.spans = (rows, columns) if rows and columns else None

    @property
    def in_bands(self) -> bool:
        """Whether the cut's columns are resized before its rows."""
        if self.spans is None:
            return False
        rows, _ = self.spans
        return rows.count <= rows.stop - rows.start <= _NEAR * rows.count


def _reach(cuts: Sequence[_Cut]) -> dict[_Span, tuple[int, int]]:
    """Return the first and last column of rows that are resized once for several cuts."""
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
    """Return the first edge that lies between whole pixels, and the number of steps to it."""
    for steps in range(_WIDEST + 1):
        whole = round(edge)
        if not 0 <= edge <= room:
            return None
        if abs(edge - whole) <= _TOLERANCE:
            return whole, steps
        edge += step
    return None


def thumbnail(picture: Picture, longest: int) -> NDArray[np.uint8]:
    """Scale the whole picture down for the analysis by a method.

    Args:
        picture: the result of `decode`.
        longest: the longer edge of the result in pixels, unless the source's own is shorter.

    Returns:
        (H, W, 3) uint8, composited over white, in the source's aspect ratio.
    """
    size = picture.source_size.fit(longest)
    return picture.rgb if size == picture.size else _resized(picture.rgb, size)


def _resized(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize by torch, with the same filter as Pillow's bicubic, up to nine times as fast."""
    import torch  # imported here because it takes a second or more and decoding doesn't need it

    if not (pixels.flags.c_contiguous and pixels.flags.writeable):
        pixels = pixels.copy()  # np.require takes 1.5 times as long
    source = torch.from_numpy(pixels)
    resized = torch.nn.functional.interpolate(
        # [None] after permute would hide from torch that the layout is channels-last.
        source[None].permute(0, 3, 1, 2),
        size=(size.height, size.width),
        mode="bicubic",
        antialias=True,
    )
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())


def _resized_within(
    pixels: NDArray[np.uint8], window: tuple[Fraction, ...], size: Size
) -> NDArray[np.uint8]:
    """Resize a window whose edges cut through pixels, or an image with alpha, by Pillow.

    It takes three times as long as `_resized`. Pillow filters premultiplied colours, so the colour
    of transparent pixels doesn't bleed into opaque ones.
    """
    x0, y0, x1, y1 = (float(edge) for edge in window)
    resized = Image.fromarray(pixels).resize(
        (size.width, size.height), Image.Resampling.BICUBIC, box=(x0, y0, x1, y1)
    )
    return np.array(resized)

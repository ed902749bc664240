"""Cut a box out of a picture and resize it, exactly to the pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import RenderError
from ..geometry import Box, Size
from ..resize import SUPPORT, Raster, Window
from .picture import Picture


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
        self.picture = picture
        self._cuts = [_Cut.of(picture, box, size) for box, size in wanted]
        self._bands: dict[_Rows, tuple[Raster, int]] = {}

    def render(self, index: int) -> NDArray[np.uint8]:
        """Return the cut with this index as (H, W, C) uint8; see `render`."""
        cut = self._cuts[index]
        x0, y0, x1, y1 = cut.window
        if cut.copies:
            return self.picture.pixels[int(y0) : int(y1), int(x0) : int(x1)].copy()
        if self.picture.pixels.shape[2] != 3:
            return _resized_with_alpha(self.picture.pixels, cut.window, cut.size)
        if not cut.in_bands:
            return self.picture.raster.resized(cut.size, cut.window).pixels
        band, left = self._band(cut.rows)
        return band.resized(cut.size, (x0 - left, 0, x1 - left, cut.size.height)).pixels

    def _band(self, rows: _Rows) -> tuple[Raster, int]:
        """Return resized rows, for all columns that cuts of these rows need, and the first one."""
        if rows not in self._bands:
            room = self.picture.size.width
            reach = [cut.columns(room) for cut in self._cuts if cut.in_bands and cut.rows == rows]
            left, right = min(low for low, _ in reach), max(high for _, high in reach)
            top, bottom, count = rows
            band = self.picture.raster.resized(
                Size(right - left, count), (left, top, right, bottom)
            )
            self._bands[rows] = band, left
        return self._bands[rows]


_Rows = tuple[float, float, int]
"""First and last edge of rows of a picture, and the number of rows of the result."""


@dataclass(frozen=True)
class _Cut:
    """The place of a crop box in a picture.

    Attributes:
        window: the box's edges (x0, y0, x1, y1) in pixels of the picture.
        size: width and height of the result.
        copies: whether the pixels of the box are the result.
    """

    window: Window
    size: Size
    copies: bool

    @classmethod
    def of(cls, picture: Picture, box: Box, size: Size) -> _Cut:
        """Map a box to a picture."""
        if not box.inside(picture.source_size):
            raise RenderError(f"box {box} is not inside the source of {picture.source_size} pixels")
        (x, y), scale = picture.origin, picture.shrink
        x0, y0, x1, y1 = box.corners
        window = (
            float(x) + x0 / scale,
            float(y) + y0 / scale,
            float(x) + x1 / scale,
            float(y) + y1 / scale,
        )
        return cls(window, size, scale == 1 and size == box.size)

    @property
    def rows(self) -> _Rows:
        """The rows of the picture, and the number of rows of the result."""
        return self.window[1], self.window[3], self.size.height

    @property
    def in_bands(self) -> bool:
        """Whether the cut's rows are resized first, for several cuts at once; else all at once."""
        top, bottom, count = self.rows
        return not self.copies and count <= bottom - top

    def columns(self, room: int) -> tuple[int, int]:
        """Return the first and last column that the filter reaches, of a picture of ``room``."""
        left, right = self.window[0], self.window[2]
        reach = SUPPORT["cubic"] * max(1.0, (right - left) / self.size.width) + 1
        return max(0, math.floor(left - reach)), min(room, math.ceil(right + reach))


def thumbnail(picture: Picture, longest: int) -> NDArray[np.uint8]:
    """Scale the whole picture down for the analysis by a method.

    Args:
        picture: the result of `decode`.
        longest: the longer edge of the result in pixels, unless the source's own is shorter.

    Returns:
        (H, W, 3) uint8, composited over white, in the source's aspect ratio.
    """
    size = picture.source_size.fit(longest)
    if size == picture.size:
        return picture.rgb
    raster = picture.raster if picture.pixels.shape[2] == 3 else Raster(picture.rgb)
    return raster.resized(size).pixels


def _resized_with_alpha(pixels: NDArray[np.uint8], window: Window, size: Size) -> NDArray[np.uint8]:
    """Resize a window of an image with alpha by Pillow.

    Pillow filters premultiplied colours, so the colour of transparent pixels doesn't bleed into
    opaque ones.
    """
    resized = Image.fromarray(pixels).resize(
        (size.width, size.height), Image.Resampling.BICUBIC, box=window
    )
    return np.array(resized)

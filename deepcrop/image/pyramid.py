"""Cuts of one picture at many widths, from one chain of halved pictures.

Reducing a whole photo to each width of a ladder reads all its pixels each time. Here the picture is
halved once, the half is halved again, and each result is resized from the smallest of them that has
at least :data:`MARGIN` pixels along each side for a pixel of the result. Which one that is follows
from the crop box and the size of the result alone, so a result doesn't depend on what else is cut.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..geometry import Box, Size
from ..resize import Raster, Window
from .picture import Picture

MARGIN = 2
"""Pixels of the reduced picture for a pixel of the result, along each side, at least.

At 2, results differ from those that are resized from the whole picture by an SSIM of luma of at
most 0.002; halving by the same cubic filter removes little that the second resize would keep.
"""


class Pyramid:
    """A picture, and its halves as they are needed.

    ```python
    >>> pyramid = Pyramid.of(picture)
    >>> pyramid.render(box, Size(640, 800)).shape
    (800, 640, 3)
    ```
    """

    def __init__(self, pixels: NDArray[np.uint8], raster: Raster | None = None) -> None:
        """Take the pixels.

        Args:
            pixels: uint8 (H, W, 3), or (H, W, 4) with straight alpha.
            raster: the same pixels as the resizer reads them, if they are there already.
        """
        self.pixels = pixels
        self.size = Size(pixels.shape[1], pixels.shape[0])
        self._opaque = pixels.shape[2] == 3
        first = raster if raster is not None and self._opaque else self._level_of(pixels)
        self._levels: list[Raster | Image.Image] = [first]

    @classmethod
    def of(cls, picture: Picture) -> Pyramid:
        """Take a picture that was decoded at its full size."""
        assert picture.shrink == 1
        raster = picture.raster if picture.pixels.shape[2] == 3 else None
        return cls(picture.pixels, raster)

    def render(self, box: Box, size: Size) -> NDArray[np.uint8]:
        """Cut a box and resize it.

        Args:
            box: the box in pixels of the picture, inside it.
            size: width and height of the result.

        Returns:
            (size.height, size.width, C) uint8, C as in the picture. A box of the size of the result
            is copied bit for bit.
        """
        if size == box.size:
            return self.pixels[box.y0 : box.y1, box.x0 : box.x1].copy()
        room = min(box.size.width / size.width, box.size.height / size.height)
        number = max(0, math.floor(math.log2(room / MARGIN))) if room >= MARGIN else 0
        level, reduced = self._level(number)
        x, y = reduced.width / self.size.width, reduced.height / self.size.height
        window = (
            box.x0 * x,
            box.y0 * y,
            min(box.x1 * x, reduced.width),
            min(box.y1 * y, reduced.height),
        )
        return _pixels(_resized(level, size, window))

    def _level(self, number: int) -> tuple[Raster | Image.Image, Size]:
        """Return the picture halved so often, and its size."""
        while len(self._levels) <= number:
            level, size = self._levels[-1], _size(self._levels[-1])
            half = Size(-(-size.width // 2), -(-size.height // 2))
            self._levels.append(_resized(level, half, (0, 0, size.width, size.height)))
        level = self._levels[number]
        return level, _size(level)

    def _level_of(self, pixels: NDArray[np.uint8]) -> Raster | Image.Image:
        return Raster(pixels) if self._opaque else Image.fromarray(pixels)


def _size(level: Raster | Image.Image) -> Size:
    return level.size if isinstance(level, Raster) else Size(*level.size)


def _resized(level: Raster | Image.Image, size: Size, window: Window) -> Raster | Image.Image:
    """Resize a window; with alpha by Pillow, which filters premultiplied colours."""
    if isinstance(level, Raster):
        return level.resized(size, window)
    return level.resize((size.width, size.height), Image.Resampling.BICUBIC, box=window)


def _pixels(level: Raster | Image.Image) -> NDArray[np.uint8]:
    return level.pixels if isinstance(level, Raster) else np.array(level)

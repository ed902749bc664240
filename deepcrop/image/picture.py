"""A decoded picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..flags import Note
from ..geometry import Size
from ..resize import Raster
from .metadata.blocks import SourceMetadata

_STRIP_ROWS = 256
"""Rows processed at a time, so that a large image doesn't need several times its memory."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded image, as shown.

    Attributes:
        pixels: (H, W, 3) uint8, or (H, W, 4) with straight alpha if some pixel isn't opaque.
        source_size: width and height of the source as shown, in pixels.
        format: jpeg, png, webp, avif, tiff, gif or bmp.
        shrink: source pixels for each decoded pixel, along each side: 1, 2, 4 or 8.
        origin: the position of the source's left and top edges in ``pixels``. It is 0, or less than
            a pixel if a shrunk image was turned (its last column or row is only partly covered).
        metadata: the file's own EXIF, XMP and IPTC, and the ICC profile of ``pixels`` (None: sRGB).
        notes: notes on choices made to read the file, such as the selected frame or page.
    """

    pixels: NDArray[np.uint8]
    source_size: Size
    format: str
    shrink: int
    origin: tuple[Fraction, Fraction]
    metadata: SourceMetadata
    notes: tuple[Note, ...] = ()

    @property
    def size(self) -> Size:
        """Width and height of ``pixels``."""
        return Size(self.pixels.shape[1], self.pixels.shape[0])

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """The pixels (H, W, 3) composited over white, as methods analyse them."""
        return over_white(self.pixels)

    @cached_property
    def raster(self) -> Raster:
        """The pixels (H, W, 3) as the resizer reads them; only for pictures without alpha."""
        return Raster(self.pixels)


def over_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Composite (H, W, 4) with straight alpha over white: (H, W, 3). (H, W, 3) isn't changed."""
    if pixels.shape[2] == 3:
        return pixels
    result = np.empty((*pixels.shape[:2], 3), np.uint8)
    for top in range(0, len(pixels), _STRIP_ROWS):
        rows = pixels[top : top + _STRIP_ROWS]
        alpha = rows[..., 3:].astype(np.uint16)
        mixed = rows[..., :3] * alpha + 255 * (255 - alpha)
        result[top : top + _STRIP_ROWS] = (mixed + 127) // 255
    return result

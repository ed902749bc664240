"""A decoded picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..flags import Note
from ..geometry import Size
from .metadata.blocks import SourceMetadata

_STRIP_ROWS = 256
"""Rows that are processed at a time: a large image shouldn't need several times its memory."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded image, as shown.

    Attributes:
        pixels: (H, W, 3) uint8, or (H, W, 4) with straight alpha where some pixel isn't opaque.
        source_size: width and height at full size.
        format: jpeg, png, webp, avif, tiff, gif or bmp.
        shrink: 1, 2, 4 or 8: source pixels for each decoded pixel.
        origin: where the source's left and top edges lie in ``pixels``: 0, or less than a pixel
            where a shrunk image was turned (its last column or row is only partly covered).
        metadata: the file's own EXIF, XMP and IPTC, and the ICC profile of ``pixels`` (None: sRGB).
        notes: what had to be decided to read the file, such as the frame or page that was taken.
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
        """The pixels (H, W, 3), transparent ones over white: what a method looks at."""
        return over_white(self.pixels)


def over_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay (H, W, 4) with straight alpha over white: (H, W, 3); (H, W, 3) is returned as it is."""
    if pixels.shape[2] == 3:
        return pixels
    result = np.empty((*pixels.shape[:2], 3), np.uint8)
    for top in range(0, len(pixels), _STRIP_ROWS):
        rows = pixels[top : top + _STRIP_ROWS]
        alpha = rows[..., 3:].astype(np.uint16)
        mixed = rows[..., :3] * alpha + 255 * (255 - alpha)
        result[top : top + _STRIP_ROWS] = (mixed + 127) // 255
    return result

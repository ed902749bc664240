"""Convert YCbCr to RGB by a page's own coefficients and range (TIFF 6.0, sections 20 and 21)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .pages import Directory

_COEFFICIENTS, _BLACK_WHITE = 529, 532
_BT601 = (0.299, 0.587, 0.114)
_FULL_RANGE = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
_ROWS = 256


@dataclass(frozen=True)
class YCbCr:
    """How a page's YCbCr becomes RGB.

    Attributes:
        luma: the shares of red, green and blue in luma; ITU-R BT.601's by default.
        range: black and white of Y, Cb and Cr; all levels by default, as most writers mean it.
    """

    luma: tuple[float, ...] = _BT601
    range: tuple[float, ...] = _FULL_RANGE

    @classmethod
    def of(cls, directory: Directory) -> YCbCr:
        """Read a page's tags; broken ones become values that aren't `possible`.

        Raises:
            Corrupt: the values lie outside the file.
        """
        values = []
        for tag, default in ((_COEFFICIENTS, _BT601), (_BLACK_WHITE, _FULL_RANGE)):
            if tag not in directory.entries:
                values.append(default)
                continue
            stated = directory.rationals(tag)
            if stated is None or len(stated) != len(default):
                stated = np.zeros(len(default))
            values.append(tuple(stated.tolist()))
        return cls(*values)

    @property
    def usual(self) -> bool:
        """Whether both are the defaults."""
        return np.allclose(self.luma, _BT601, atol=2e-3) and np.allclose(self.range, _FULL_RANGE)

    @property
    def possible(self) -> bool:
        """Whether RGB can be computed."""
        spans = np.subtract(self.range[1::2], self.range[::2])
        return min(self.luma) > 0.01 and sum(self.luma) < 1.01 and float(spans.min()) > 1

    def to_rgb(self, ycbcr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Convert (H, W, 3) uint8."""
        if self.usual:
            from PIL import Image

            return np.array(Image.fromarray(ycbcr, "YCbCr").convert("RGB"))
        luma = np.array(self.luma, np.float32)
        black = np.array(self.range[::2], np.float32)
        scale = np.array([255, 127, 127], np.float32)
        scale /= np.array(self.range[1::2], np.float32) - black
        result = np.empty_like(ycbcr)
        for top in range(0, len(ycbcr), _ROWS):
            y, cb, cr = np.moveaxis((ycbcr[top : top + _ROWS] - black) * scale, 2, 0)
            red, blue = y + cr * (2 - 2 * luma[0]), y + cb * (2 - 2 * luma[2])
            green = (y - luma[0] * red - luma[2] * blue) / luma[1]
            rgb = np.stack([red, green, blue], axis=2).clip(0, 255)
            result[top : top + _ROWS] = np.rint(rgb).astype(np.uint8)
        return result

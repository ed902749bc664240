"""Samples of any depth as files store them, and their conversion to 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Space = Literal["L", "RGB", "CMYK", "LAB"]

BRIGHTEST = 16.0
"""The largest float that counts as light whose white is 1."""
HIGHLIGHTS = 1.25
"""Floats that exceed this are linear light; smaller excesses come from resizing and sharpening."""
_ROWS = 256
"""Rows converted at a time, so that a large image doesn't need several times its memory."""


@dataclass(frozen=True, eq=False)
class Samples:
    """A picture's samples, before any colour conversion.

    Attributes:
        values: (H, W, C) of any integer or floating-point type; C is the number of channels of the
            space, plus one if there is alpha.
        space: the colour space of the first channels. ``LAB`` is uint8, L* from 0 to 255, a* and b*
            in two's complement; or float32, L* from 0 to 100, a* and b* as they are, any alpha from
            0 to 1.
        white: the value of white (of full ink, of opaque alpha); None if the type doesn't define
            it, see `white_of`.
        white_is_zero: whether zero is white and ``white`` is black.
        alpha: whether the last channel is alpha, and whether colours were multiplied by it.
        profile: the ICC profile, if the reader of the samples found it and not that of the header.
        linear: whether floats with highlights are linear light, if there is no profile.
    """

    values: NDArray[np.number]
    space: Space
    white: float | None = None
    white_is_zero: bool = False
    alpha: Literal["straight", "premultiplied"] | None = None
    profile: bytes | None = None
    linear: bool = False

    @property
    def is_deep(self) -> bool:
        """Whether the samples have more than 8 bits."""
        return self.values.itemsize > 1

    @property
    def is_linear(self) -> bool:
        """Whether the samples are linear light, as `linear` allows and their highlights show."""
        if not self.linear or self.values.dtype.kind != "f":
            return False
        finite = self.values[np.isfinite(self.values)]
        return HIGHLIGHTS < float(finite.max(initial=0)) <= BRIGHTEST

    def as_image(self) -> tuple[Image.Image, NDArray[np.uint8] | None]:
        """Return the colours in 8 bits, and alpha (H, W) or None."""
        with np.errstate(all="ignore"):  # files may hold any floats, including signalling NaNs
            return self._as_image()

    def unsigned(self) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], int]:
        """Return the colours of L or RGB as unsigned integers (H, W, 1 or 3), and their bits.

        Integers of up to 16 bits that use their full range are returned as they are.
        """
        colours = self.values if self.alpha is None else self.values[..., :-1]
        white = self.white if self.white is not None else white_of(self.values)
        bits = int(white).bit_length()
        full = colours.dtype in (np.uint8, np.uint16) and white == (1 << bits) - 1
        if full and not self.white_is_zero and self.alpha != "premultiplied":
            return np.minimum(colours, int(white)).astype(colours.dtype), bits
        scaled = np.empty(colours.shape, np.uint16)
        with np.errstate(all="ignore"):
            for top in range(0, len(colours), _ROWS):
                rows = self._shares(self.values[top : top + _ROWS], white)
                rows = rows[..., : colours.shape[2]].clip(0, 1)
                rows = 1 - rows if self.white_is_zero else rows
                scaled[top : top + _ROWS] = np.rint(rows * 65535)
        return scaled, 16

    def _as_image(self) -> tuple[Image.Image, NDArray[np.uint8] | None]:
        values = self.values
        white = self.white if self.white is not None else white_of(values)
        if self.space == "LAB":
            levels = _whole_lab(values) if self.is_deep else np.asarray(values, np.uint8)
        elif values.dtype.kind == "u" and values.itemsize <= 2 and self.alpha != "premultiplied":
            # np.take in strips takes a third of the time of indexing, as levels stay in the cache.
            indices = cast("NDArray[np.uint8] | NDArray[np.uint16]", values)
            ramp, levels = _ramp(indices.dtype, white), np.empty(values.shape, np.uint8)
            for top in range(0, len(values), _ROWS):
                rows = slice(top, top + _ROWS)
                np.take(ramp, indices[rows], out=levels[rows], mode="clip")
        else:
            levels = np.empty(values.shape, np.uint8)
            for top in range(0, len(values), _ROWS):
                levels[top : top + _ROWS] = self._scaled(values[top : top + _ROWS], white)
        colours = levels if self.alpha is None else levels[..., :-1]
        if self.white_is_zero:
            colours = 255 - colours
        if self.space == "L":
            colours = colours[..., 0]
        image = Image.fromarray(np.ascontiguousarray(colours), self.space)
        return image, None if self.alpha is None else levels[..., -1]

    def _scaled(self, rows: NDArray[np.number], white: float) -> NDArray[np.uint8]:
        return np.rint(self._shares(rows, white).clip(0, 1) * 255).astype(np.uint8)

    def _shares(self, rows: NDArray[np.number], white: float) -> NDArray[np.float64]:
        """Return rows with 1 for white, and colours that aren't multiplied by alpha."""
        scaled = np.nan_to_num(rows.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0) / white
        if self.alpha == "premultiplied":
            alpha = scaled[..., -1:]
            scaled[..., :-1] /= np.where(alpha > 0, alpha, 1)
        return scaled


def _whole_lab(values: NDArray[np.number]) -> NDArray[np.uint8]:
    """Round L*a*b* as floats, and alpha, to 8 bits."""
    scale = np.array([2.55, 1, 1, 255][: values.shape[2]], np.float32)
    lowest = np.array([0, -128, -128, 0][: values.shape[2]], np.float32)
    whole = np.rint(values * scale).clip(lowest, lowest + 255)
    return whole.astype(np.int16).astype(np.uint8)


def white_of(values: NDArray[np.number]) -> float:
    """Return the value of white.

    In types of up to 16 bits it is the largest value. For deeper integers and floats there are
    several conventions. White is the smallest of the usual values (255 and 65535, and 1 for floats)
    that no sample exceeds. If some sample exceeds all of them, integers are full-range if some
    sample is over half of the range, and floats up to 16 are assumed to be linear light whose
    highlights exceed a white of 1; otherwise white is the largest sample.
    """
    kind, bits = values.dtype.kind, 8 * values.itemsize
    if kind != "f":
        full = float(np.iinfo(values.dtype.name).max)
        if bits <= 16:
            return full
        largest = float(values.max(initial=0))
        usual = next((top for top in (255.0, 65535.0) if largest <= top), None)
        return usual or (full if largest > full / 2 else largest)
    finite = values[np.isfinite(values)]
    largest = float(finite.max(initial=0))
    if largest <= BRIGHTEST:
        return 1.0
    return next((top for top in (255.0, 65535.0) if largest <= top), largest)


def _ramp(dtype: np.dtype[np.uint8] | np.dtype[np.uint16], white: float) -> NDArray[np.uint8]:
    """Return the 8-bit level of each value of an unsigned type."""
    values = np.arange(np.iinfo(dtype).max + 1)
    return np.rint((values / white).clip(0, 1) * 255).astype(np.uint8)

"""Samples of any depth, as files hold them, and the one way from them to 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Space = Literal["L", "RGB", "CMYK", "LAB"]

_ROWS = 256
"""Rows converted at a time: a large image shouldn't need several times its memory."""


@dataclass(frozen=True, eq=False)
class Samples:
    """A picture's samples, before any colour conversion.

    Attributes:
        values: (H, W, C) of any integer or floating type; C as the space has, and one for alpha.
        space: what the first channels mean. ``LAB`` is uint8: L* from 0 to 255, a* and b* in
            two's complement.
        white: the value of white (of full ink, of opaque alpha); None where the type doesn't tell:
            see `white_of`.
        white_is_zero: whether zero is white and ``white`` is black.
        alpha: whether the last channel is alpha, and whether colours were multiplied with it.
    """

    values: NDArray[np.number]
    space: Space
    white: float | None = None
    white_is_zero: bool = False
    alpha: Literal["straight", "premultiplied"] | None = None

    def as_image(self) -> tuple[Image.Image, NDArray[np.uint8] | None]:
        """Return the colours in 8 bits, and alpha (H, W) where there is some."""
        with np.errstate(all="ignore"):  # files may hold any floats, signalling NaNs among them
            return self._as_image()

    def _as_image(self) -> tuple[Image.Image, NDArray[np.uint8] | None]:
        values = self.values
        white = self.white if self.white is not None else white_of(values)
        if self.space == "LAB":
            levels = np.asarray(values, np.uint8)
        elif values.dtype.kind == "u" and values.itemsize <= 2 and self.alpha != "premultiplied":
            # In strips and by np.take, a third of the time of indexing: levels stay in cache.
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
        scaled = np.nan_to_num(rows.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0) / white
        if self.alpha == "premultiplied":
            alpha = scaled[..., -1:]
            scaled[..., :-1] /= np.where(alpha > 0, alpha, 1)
        return np.rint(scaled.clip(0, 1) * 255).astype(np.uint8)


def white_of(values: NDArray[np.number]) -> float:
    """Return the value of white: of types up to 16 bits, their largest.

    Deeper integers and floating points are used in several ways. White is the smallest of the usual
    values (255 and 65535, floats 1) that no sample exceeds. Beyond those, integers are
    full-range where some sample is over half of it, and floats up to 16 are taken for linear light
    whose highlights exceed a white of 1; or else white is the largest sample.
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
    if largest <= 16:
        return 1.0
    return next((top for top in (255.0, 65535.0) if largest <= top), largest)


def _ramp(dtype: np.dtype[np.uint8] | np.dtype[np.uint16], white: float) -> NDArray[np.uint8]:
    """Return the 8-bit level of each value of an unsigned type."""
    values = np.arange(np.iinfo(dtype).max + 1)
    return np.rint((values / white).clip(0, 1) * 255).astype(np.uint8)

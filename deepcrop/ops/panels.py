"""Detect panels (plain rectangles beside a picture, as in banners) and the inscription on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Size
from ..resize import resized
from .ground import LOOK, Span, find_subject

FLAT = 12
"""Largest difference, in levels (0..255), between the outermost pixels on a panel's side."""
SAME = 12
"""Difference from a panel's colour, in levels (0..255), from which a pixel isn't the panel."""
NARROWEST = 0.1
"""Least width of a panel relative to the image's; a narrower one is only a frame."""
PANEL, PICTURE = 0.97, 0.2
"""Shares (0..1) of a line of pixels beside the panel's end that have the panel's colour: the least
inside the panel, and the most outside. Skies don't end so abruptly."""
REACH = 2
"""Pixels of the analysed image over which a panel's end may extend."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Inscription:
    """An inscription on a panel; positions are fractions (0..1) of the image's sides."""

    columns: Span
    rows: Span
    panel: tuple[Span, Span]
    """The span of the panel's columns, and of its rows."""


def find_inscription(pixels: Pixels) -> Inscription | None:
    """Find an inscription on a plain panel along one side of an image; None if there is none.

    Args:
        pixels: ``(H, W, 3)``; images wider than some hundred pixels are slow.
    """
    size = Size(pixels.shape[1], pixels.shape[0])
    if min(size.width, size.height) < 16 or not any(_flat_sides(pixels)):
        return None
    look = size.fit(LOOK)
    small = resized(pixels, look, "linear")
    for side, flat in enumerate(_flat_sides(small)):
        if not flat:
            continue
        end = _end(_from_side(small, side))
        if end is None:
            continue
        width, height = look.width, look.height
        x0, y0, x1, y1 = (
            (0, 0, end, height),
            (width - end, 0, width, height),
            (0, 0, width, end),
            (0, height - end, width, height),
        )[side]
        found = find_subject(small[y0:y1, x0:x1])
        if found is None or found.reaches(0) or found.reaches(1):
            continue
        columns, rows = found.spans
        return Inscription(
            _within(columns[0][0], columns[-1][1], x0, x1, width),
            _within(rows[0][0], rows[-1][1], y0, y1, height),
            ((x0 / width, x1 / width), (y0 / height, y1 / height)),
        )
    return None


def _within(start: float, stop: float, low: int, high: int, cells: int) -> Span:
    """Convert a span relative to a part of an axis to one relative to the whole axis."""
    return (low + start * (high - low)) / cells, (low + stop * (high - low)) / cells


def _from_side(pixels: Pixels, side: int) -> Pixels:
    """Flip or transpose an image so that a given side becomes the left one."""
    turned = pixels if side < 2 else pixels.swapaxes(0, 1)
    return turned[:, ::-1] if side % 2 else turned


def _flat_sides(pixels: Pixels) -> Iterator[bool]:
    """Yield for each side of the image whether its outermost pixels have one colour."""
    depth = max(1, max(pixels.shape) // 160)
    for side in range(4):
        strip = _from_side(pixels, side)[:, :depth:2]
        yield int((strip.max((0, 1)).astype(int) - strip.min((0, 1))).max()) <= FLAT


def _end(pixels: Pixels) -> int | None:
    """Return the number of columns of the panel on the left; None if it has no sharp end."""
    colour = pixels[:, :2].astype(np.int16).mean((0, 1))
    share = (np.abs(pixels - colour).max(2) < SAME).mean(0)
    first = max(round(NARROWEST * len(share)), REACH)
    for end in range(first, len(share) - REACH):
        if share[end - 1] >= PANEL and share[end : end + REACH].min() <= PICTURE:
            return end
    return None

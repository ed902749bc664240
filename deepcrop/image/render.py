"""Cut a box out of a picture and resize it, exact to the pixel."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import RenderError
from ..geometry import Box, Size
from .decode import Picture

Window = tuple[Fraction, Fraction, Fraction, Fraction]

_TOLERANCE = Fraction(1, 32)
"""Decoded pixels by which an edge may be off: nobody sees a shift of so little (60 dB)."""
_WIDEST = 32
"""Pixels of the result that a window may be widened by on each side."""


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
    if not box.inside(picture.source_size):
        raise RenderError(f"box {box} is not inside the source of {picture.source_size} pixels")
    x0, x1 = (picture.origin[0] + Fraction(edge, picture.shrink) for edge in (box.x0, box.x1))
    y0, y1 = (picture.origin[1] + Fraction(edge, picture.shrink) for edge in (box.y0, box.y1))
    if picture.shrink == 1 and size == box.size:
        return picture.pixels[int(y0) : int(y1), int(x0) : int(x1)].copy()
    if picture.pixels.shape[2] == 3:
        across = _widened(x0, x1, size.width, picture.size.width)
        down = _widened(y0, y1, size.height, picture.size.height)
        if across and down:
            (left, right, before, wide), (top, bottom, above, high) = across, down
            resized = _resized(picture.pixels[top:bottom, left:right], Size(wide, high))
            cut = resized[above : above + size.height, before : before + size.width]
            return np.ascontiguousarray(cut)
    left, top, right, bottom = math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1)
    part = picture.pixels[top:bottom, left:right]
    return _resized_within(part, (x0 - left, y0 - top, x1 - left, y1 - top), size)


def _widened(
    start: Fraction, stop: Fraction, count: int, room: int
) -> tuple[int, int, int, int] | None:
    """Widen a window by whole pixels of its result until it has whole pixels for edges.

    Args:
        start: the window's first edge, in pixels of the source.
        stop: its last edge.
        count: pixels of the result.
        room: pixels of the source.

    Returns:
        The edges, the pixels put before the result, and the pixels of the wider result; or None
        where there are no such edges near by.
    """
    pitch = (stop - start) / count
    first, last = _whole(start, -pitch, room), _whole(stop, pitch, room)
    if first is None or last is None:
        return None
    return first[0], last[0], first[1], count + first[1] + last[1]


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


def _resized_within(pixels: NDArray[np.uint8], window: Window, size: Size) -> NDArray[np.uint8]:
    """Resize a window whose edges cut through pixels, or an image with alpha, by Pillow.

    It takes three times as long as `_resized`. Pillow premultiplies while it filters, so the colour
    of transparent pixels doesn't bleed.
    """
    x0, y0, x1, y1 = (float(edge) for edge in window)
    resized = Image.fromarray(pixels).resize(
        (size.width, size.height), Image.Resampling.BICUBIC, box=(x0, y0, x1, y1)
    )
    return np.array(resized)

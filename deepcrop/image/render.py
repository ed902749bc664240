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


def render(picture: Picture, box: Box, size: Size) -> NDArray[np.uint8]:
    """Cut ``box`` and resize it to ``size`` with an antialiased Lanczos filter of three lobes.

    The same as cropping at full size and resizing; where the picture was decoded smaller, the box
    is mapped to it without rounding. At full scale a box of the wanted size is copied bit for bit.

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
    left, top, right, bottom = math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1)
    part = picture.pixels[top:bottom, left:right]
    if picture.shrink == 1 and size == box.size:
        return part.copy()
    exact = (float(x0 - left), float(y0 - top), float(x1 - left), float(y1 - top))
    # Pillow premultiplies RGBA while it filters, so the colour of transparent pixels doesn't bleed.
    resized = Image.fromarray(part).resize(
        (size.width, size.height), Image.Resampling.LANCZOS, box=exact
    )
    return np.array(resized)


def thumbnail(picture: Picture, longest: int) -> NDArray[np.uint8]:
    """Scale the whole picture down for a method to look at.

    Args:
        picture: what `decode` gave.
        longest: the longer edge of the result, unless the source's own is shorter.

    Returns:
        (H, W, 3) uint8, transparent pixels over white, in the source's shape.
    """
    size = picture.source_size.fit(longest)
    # A box filter down to twice the size, then bicubic: a fifth of Lanczos' time at full size, and
    # networks that look at 320 pixels see no difference.
    small = Image.fromarray(picture.rgb).resize(
        (size.width, size.height), Image.Resampling.BICUBIC, reducing_gap=2.0
    )
    return np.array(small)

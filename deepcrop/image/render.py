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


def render(picture: Picture, box: Box, size: Size) -> NDArray[np.uint8]:
    """Cut ``box`` and resize it to ``size`` with an antialiased cubic filter (Keys, a = -1/2).

    The same as cropping at full size and resizing: where the picture was decoded smaller, the box
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
    whole = all(edge.denominator == 1 for edge in (x0, y0, x1, y1))
    if whole and part.shape[2] == 3:
        return _resized(part, size)
    return _resized_within(part, (x0 - left, y0 - top, x1 - left, y1 - top), size)


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

    source = torch.from_numpy(np.require(pixels, requirements=["W", "C"]))
    resized = torch.nn.functional.interpolate(
        source.permute(2, 0, 1)[None],
        size=(size.height, size.width),
        mode="bicubic",
        antialias=True,
    )
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())


def _resized_within(pixels: NDArray[np.uint8], window: Window, size: Size) -> NDArray[np.uint8]:
    """Resize a window whose edges cut through pixels, or an image with alpha, by Pillow.

    Pillow premultiplies while it filters, so the colour of transparent pixels doesn't bleed.
    """
    x0, y0, x1, y1 = (float(edge) for edge in window)
    resized = Image.fromarray(pixels).resize(
        (size.width, size.height), Image.Resampling.BICUBIC, box=(x0, y0, x1, y1)
    )
    return np.array(resized)

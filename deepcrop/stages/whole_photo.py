"""Whole photos in a ratio that isn't theirs: with bars, over a blurred background, retargeted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .. import image
from ..geometry import Box, Size
from ..methods import registry
from ..methods.base import RetargetMethod
from ..outputs.quantities import EDGE, rgb_of
from ..outputs.rules import RETARGETING

Pixels = NDArray[np.uint8]

BLURRED_LONGEST = 48
"""Longest edge, in pixels, of the background before it is blurred and enlarged."""
BLUR_RADIUS = 2.5
"""Standard deviation of the blur, in pixels of the small background."""
DIMMING = 0.85
"""Factor of the blurred background's light, by which it stays behind the photo."""
EDGE_SHARE = 0.01
"""Width of the strip along an edge whose colour a bar has, as a share of the photo's side."""


def padded(pyramid: image.Pyramid, size: Size, background: str) -> Pixels:
    """Return a whole photo in the middle of a larger picture, with bars beside it.

    Args:
        pyramid: the photo.
        size: size of the result, in pixels.
        background: the colour of the bars; ``edge`` is the median colour of the photo's edge that
            the bar lies at.
    """
    photo, (x, y) = _placed(pyramid, size)
    result = np.full((size.height, size.width, photo.shape[2]), 255, np.uint8)
    if background != EDGE:
        result[..., :3] = rgb_of(background)
    else:
        _fill_bars(result, photo, x, y)
    return _laid(result, photo, x, y)


def blurred(pyramid: image.Pyramid, size: Size, box: Box) -> Pixels:
    """Return a whole photo in the middle of a blurred and enlarged cut of itself.

    Args:
        pyramid: the photo.
        size: size of the result, in pixels.
        box: what of the photo is behind it, of the ratio of the result.
    """
    photo, (x, y) = _placed(pyramid, size)
    small = pyramid.render(box, size.fit(BLURRED_LONGEST))
    soft = Image.fromarray(small[..., :3]).filter(ImageFilter.GaussianBlur(BLUR_RADIUS))
    large = soft.resize((size.width, size.height), Image.Resampling.BICUBIC)
    result = np.full((size.height, size.width, photo.shape[2]), 255, np.uint8)
    result[..., :3] = np.rint(np.asarray(large) * DIMMING)
    return _laid(result, photo, x, y)


class Retargeter:
    """Holds the method that rearranges photos, once it is needed."""

    def __init__(self) -> None:
        """Load nothing yet."""
        self._method: RetargetMethod | None = None

    def __call__(self, pyramid: image.Pyramid, size: Size) -> image.Pyramid:
        """Return a whole photo, rearranged to a size, as something to resize from.

        Args:
            pyramid: the photo.
            size: the size, in pixels.
        """
        if self._method is None:
            self._method = registry.load_retarget(RETARGETING, device="cpu")
        photo = image.as_array(pyramid.pixels)
        [[made]] = self._method.retarget([photo], [[size]])
        return image.Pyramid(made.permute(1, 2, 0).cpu().numpy())


def _placed(pyramid: image.Pyramid, size: Size) -> tuple[Pixels, tuple[int, int]]:
    """Return a photo as large as fits into a size, and where its upper left corner lies."""
    whole = pyramid.size
    scale = min(size.width / whole.width, size.height / whole.height)
    width = min(size.width, max(1, round(whole.width * scale)))
    height = min(size.height, max(1, round(whole.height * scale)))
    photo = pyramid.render(Box(0, 0, whole.width, whole.height), Size(width, height))
    return photo, ((size.width - width) // 2, (size.height - height) // 2)


def _fill_bars(result: Pixels, photo: Pixels, x: int, y: int) -> None:
    """Give each bar the median colour of the photo's edge that it lies at."""
    height, width = photo.shape[:2]
    across, down = max(1, round(EDGE_SHARE * width)), max(1, round(EDGE_SHARE * height))
    result[:, :x, :3] = _median(photo[:, :across])
    result[:, x + width :, :3] = _median(photo[:, -across:])
    if y:
        result[:y, :, :3] = _median(photo[:down])
    if y + height < len(result):
        result[y + height :, :, :3] = _median(photo[-down:])


def _median(strip: Pixels) -> NDArray[np.uint8]:
    colours = image.as_array(np.ascontiguousarray(strip))
    return np.rint(np.median(colours.reshape(-1, 3), axis=0)).astype(np.uint8)


def _laid(result: Pixels, photo: Pixels, x: int, y: int) -> Pixels:
    result[y : y + photo.shape[0], x : x + photo.shape[1]] = photo
    return result

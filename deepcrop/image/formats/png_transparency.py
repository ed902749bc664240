"""The transparency of PNGs that declare one transparent colour (chunk tRNS)."""

from __future__ import annotations

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import Corrupt

_GREY, _RGB = 0, 2


def keyed_alpha(data: bytes, image: Image.Image) -> NDArray[np.uint8] | None:
    """Return alpha (H, W) of a loaded grey or RGB image that has a transparent colour, else None.

    All bits of the samples are compared, at the file's own depth (PNG 3rd edition, 11.3.1.1).
    Pillow compares grey of 1, 2 and 4 bits scaled to 8 bits with the unscaled colour, doesn't
    compare grey of 16 bits, and compares the high bytes of 16-bit RGB.
    """
    key = image.info.get("transparency")
    depth, kind = data[24], data[25]  # IHDR is the first chunk and has a fixed length
    if kind == _GREY and isinstance(key, int):
        return _differs(_grey(image, depth), [key & (1 << depth) - 1])
    if kind == _RGB and isinstance(key, tuple) and len(key) == 3:
        if depth == 8:
            return _differs(np.asarray(image), [each & 255 for each in key])
        return _deep_alpha(data)
    return None


def _grey(image: Image.Image, depth: int) -> NDArray[np.number]:
    """Return the samples (H, W, 1), which Pillow scaled to 8 bits, at the file's depth."""
    samples = np.asarray(image)
    if depth < 8:
        samples = samples.astype(np.uint8)
        samples = samples if samples.max(initial=0) <= 1 else samples // (255 // ((1 << depth) - 1))
    return samples[..., None]


def _differs(samples: NDArray[np.number], key: list[int]) -> NDArray[np.uint8]:
    opaque = samples[..., 0] != key[0]
    for channel in range(1, len(key)):
        opaque |= samples[..., channel] != key[channel]
    return opaque.astype(np.uint8) * np.uint8(255)


def _deep_alpha(data: bytes) -> NDArray[np.uint8]:
    """Return the alpha of 16-bit RGB as libpng computes it; Pillow drops the low bytes."""
    try:
        return (imagecodecs.png_decode(data)[..., 3] >> 8).astype(np.uint8)
    except (RuntimeError, ValueError, IndexError) as error:
        raise Corrupt(f"png: {error}") from error

"""Read the gain map of a HEIC: Apple's auxiliary image, or that of a tone map (ISO 21496-1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..formats.isobmff import Meta
from . import apple, binary, xmp_form
from .model import GainMap, from_apple

_AUXILIARY = "hdrgainmap"
"""How the types of gain maps end: of Apple's, and of Samsung's, which is that of the tone map."""


def find(
    data: bytes,
    auxiliary: Mapping[str, Sequence[int]],
    decode: Callable[[int], NDArray[np.uint8]],
    exif: bytes | None,
) -> Callable[[], GainMap | None] | None:
    """Find the gain map; return what decodes it, or None if there is none.

    What decodes it returns None if nothing says what the samples mean.

    Args:
        data: the whole file.
        auxiliary: the items of the primary image's auxiliary images, by type.
        decode: decodes an auxiliary image, upright: (H, W) or (H, W, C) uint8.
        exif: the EXIF block.
    """
    found = [
        item for kind, items in auxiliary.items() if kind.endswith(_AUXILIARY) for item in items
    ]
    meta = Meta.of(data)
    if not found or meta is None:
        return None
    item = found[0]
    for number, kind in meta.items():
        if kind == b"tmap" and item in meta.references(number, b"dimg"):
            parameters = binary.parse(meta.content(number)[1:])  # after the version of the item
            if parameters is not None:
                count = len(parameters.maximum)
                return lambda: GainMap(_channels(decode(item), count), parameters)
    headroom = apple.headroom_of(exif)
    for number in meta.referring(item, b"cdsc"):
        headroom = xmp_form.apple_headroom(meta.content(number)) or headroom
    if xmp_form.APPLE_TYPE not in auxiliary or headroom is None:
        return lambda: None
    return lambda: from_apple(_channels(decode(item), 1), headroom)


def _channels(pixels: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Return pixels with as many channels (H, W, count); a grey map may be stored in colour."""
    values = pixels.reshape(*pixels.shape[:2], -1)
    if values.shape[2] == count:
        return values
    return np.repeat(values[..., :1], count, axis=2)

"""HEIC files, where pillow-heif is installed."""

from __future__ import annotations

import importlib.util
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

INSTALLED = importlib.util.find_spec("pillow_heif") is not None
"""Whether HEIC files can be written."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def heic(values: NDArray[Any], *, orientation: int = 1, **options: Any) -> bytes:
    """Return the bytes of a HEIC.

    Args:
        values: (H, W, 1, 3 or 4) uint8; uint16 is written in 10 bits.
        orientation: EXIF's; it is written as ``irot`` and ``imir``.
        options: those of pillow-heif: ``quality``, ``chroma``, ``exif``, ``xmp``, ...
    """
    import pillow_heif
    from PIL import Image

    height, width, channels = values.shape
    mode = _MODES[channels] + (";16" if values.dtype == np.uint16 else "")
    file = pillow_heif.from_bytes(mode, (width, height), values.tobytes())
    if orientation != 1:
        tags = Image.Exif()
        tags[274] = orientation
        file[0].info["exif"] = tags.tobytes()
    out = io.BytesIO()
    file.save(out, **{"quality": 95, "chroma": 444, **options})
    return out.getvalue()

"""Write JPEG XL: libjxl's codestream, by imagecodecs, in a container with the metadata.

The container is that of ISO/IEC 18181-2. imagecodecs writes no colour profile: colours are sRGB.
"""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ...errors import RenderError
from ..metadata.blocks import Metadata
from ..settings import EncoderSettings

_SIGNATURE = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
_EXIF_HEADER = b"Exif\x00\x00"


def encode_jxl(
    pixels: NDArray[np.uint8], quality: int, metadata: Metadata, settings: EncoderSettings
) -> bytes:
    """Encode a JPEG XL file.

    Args:
        pixels: (H, W, 3) or (H, W, 4) in sRGB.
        quality: 1 to 100; 90 is the distance 1 of libjxl, at which no difference is to be seen.
        metadata: its EXIF and XMP are written.
        settings: effort, and whether there is no loss.

    Raises:
        RenderError: the pixels have a colour profile, or can't be encoded.
    """
    if metadata.icc:
        raise RenderError("jxl: colour profiles can't be written; without --keep-icc none is kept")
    try:
        codestream = imagecodecs.jpegxl_encode(
            np.ascontiguousarray(pixels),
            effort=settings.jxl_effort,
            distance=0.0 if settings.lossless else distance_of(quality),
            lossless=settings.lossless,
            numthreads=1,
            usecontainer=False,
        )
    except (imagecodecs.JpegxlError, ValueError, MemoryError) as error:
        raise RenderError(f"jxl of {pixels.shape[1]}x{pixels.shape[0]} pixels: {error}") from error
    data = bytes(codestream)
    boxes = []
    if metadata.exif:
        tiff = metadata.exif.removeprefix(_EXIF_HEADER)
        boxes.append(_box(b"Exif", bytes(4) + tiff))
    if metadata.xmp:
        boxes.append(_box(b"xml ", metadata.xmp))
    if not boxes:
        return data
    brand = _box(b"ftyp", b"jxl \x00\x00\x00\x00jxl ")
    return b"".join([_SIGNATURE, brand, *boxes, _box(b"jxlc", data)])


def distance_of(quality: int) -> float:
    """Return libjxl's distance for a quality from 1 to 100, as its own tools map it.

    The formula is that of ``JxlEncoderDistanceFromQuality`` (libjxl, lib/jxl/encode.cc).
    """
    if quality >= 100:
        return 0.0
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content

"""Read the preview in a camera's raw file by rawpy, which the extra ``raw`` installs.

The raw samples are not developed: a raw file has no one look, and the embedded JPEG is the camera's
own. Raw files in TIFF (DNG, NEF, CR2, ARW, PEF, ...) are told by their layout, see
`tiff.support.is_camera_raw`, the others by their first bytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import Unsupported
from .extras import missing

SIGNATURES = (
    b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM",
)  # fmt: skip
"""The first bytes of raw files outside TIFF: Olympus, Panasonic, Fujifilm, Sigma, Minolta."""
CIFF = (b"HEAPCCDR", 6)
"""Canon's older raw files: these bytes at this offset."""
CANON_BRAND = b"crx "
"""The brand of Canon's newer raw files (CR3), which are ISO base media files."""

_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}
"""EXIF orientation by LibRaw's ``flip``."""


@dataclass(frozen=True, eq=False)
class Preview:
    """The preview of a raw file, as stored.

    Attributes:
        jpeg: the bytes of a JPEG; None if the preview isn't compressed.
        pixels: (H, W, 3) uint8 if it isn't compressed, else None.
        raw_size: width and height of the raw image as stored, in pixels.
        orientation: the EXIF orientation of the raw image, 1 to 8.
    """

    jpeg: bytes | None
    pixels: NDArray[np.uint8] | None
    raw_size: tuple[int, int]
    orientation: int

    def orientation_of(self, size: tuple[int, int]) -> int:
        """Return the orientation of a preview of this size (as stored) without EXIF of its own.

        It is that of the raw image, unless the preview lies across it: then it was turned already.
        """
        lies_down, raw_lies_down = (side[0] > side[1] for side in (size, self.raw_size))
        turned = self.orientation >= 5 and size[0] != size[1] and lies_down != raw_lies_down
        return 1 if turned else self.orientation


def preview_of(data: bytes) -> Preview:
    """Return the largest preview in a raw file.

    Raises:
        Unsupported: rawpy is not installed (the message names the extra), LibRaw doesn't know the
            camera, or the file has no preview.
        Exception: the file is broken; rawpy raises LibRawError.
    """
    try:
        import rawpy
    except ImportError:
        raise missing("raw: the preview of a camera's raw file", "raw") from None
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            sizes = raw.sizes
            preview = raw.extract_thumb()
            jpeg = bytes(preview.data) if preview.format == rawpy.ThumbFormat.JPEG else None
            pixels = None if jpeg is not None else np.array(preview.data)
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as error:
        raise Unsupported("raw: no embedded preview: develop it first") from error
    except rawpy.LibRawFileUnsupportedError as error:
        raise Unsupported("raw: a camera's raw file that LibRaw does not know") from error
    if pixels is not None and (pixels.ndim != 3 or pixels.shape[2] != 3):
        raise Unsupported("raw: an embedded preview of an unknown kind")
    orientation = _ORIENTATIONS.get(sizes.flip, 1)
    return Preview(jpeg, pixels, (sizes.width, sizes.height), orientation)

"""A camera's raw file: DNG with an embedded JPEG."""

from __future__ import annotations

import numpy as np

from .tiff import ByteOrder, Page, page, tiff

_CFA, _YCBCR, _JPEG = 32803, 6, 7


def dng(
    preview: bytes | None,
    preview_size: tuple[int, int],
    *,
    raw_size: tuple[int, int] = (96, 64),
    orientation: int = 1,
    order: ByteOrder = "<",
) -> bytes:
    """Return a DNG whose first page is the preview and whose sub-directory holds raw samples.

    Args:
        preview: the bytes of a JPEG; None for a file without a preview.
        preview_size: its width and height as stored.
        raw_size: width and height of the raw samples; LibRaw wants at least some 22 pixels.
        orientation: EXIF's, of the raw samples and the preview.
        order: the byte order.
    """
    width, height = raw_size
    samples = np.random.default_rng(0).integers(0, 4000, (height, width, 1)).astype(np.uint16)
    pattern = {
        33421: ("H", [2, 2]),
        33422: ("B", [0, 1, 1, 2]),
        50717: ("I", [4095]),
        254: ("I", [0]),
    }
    camera = {
        50706: ("B", [1, 4, 0, 0]),
        50707: ("B", [1, 1, 0, 0]),
        50708: ("B", list(b"deepcrop test\0")),
        271: ("B", list(b"deepcrop\0")),
        272: ("B", list(b"test\0")),
        274: ("H", [orientation]),
    }
    raw = page(samples, _CFA, order=order, tags=pattern)
    if preview is None:
        tags, segments, tiled = raw
        return tiff(({**tags, **camera}, segments, tiled), order=order)
    columns, rows = preview_size
    first: Page = (
        {
            **camera,
            254: ("I", [1]),
            256: ("I", [columns]),
            257: ("I", [rows]),
            258: ("H", [8, 8, 8]),
            259: ("H", [_JPEG]),
            262: ("H", [_YCBCR]),
            277: ("H", [3]),
            278: ("I", [rows]),
            284: ("H", [1]),
        },
        [preview],
        False,
    )
    return tiff(first, order=order, nested=[raw])

"""Photoshop files of a flattened image, in every depth and compression."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray

Compression = Literal["none", "packbits", "zip", "zip-predicted"]
COMPRESSIONS = ("none", "packbits", "zip", "zip-predicted")


def psd(
    values: NDArray[Any],
    mode: int,
    *,
    bits: int | None = None,
    compression: Compression = "packbits",
    layers: int | None = None,
    large: bool = False,
    resources: Mapping[int, bytes] | None = None,
    palette: bytes = b"",
) -> bytes:
    """Return the bytes of a file.

    Args:
        values: (H, W, channels) as Photoshop stores them, of uint8, uint16 or float32.
        mode: Photoshop's number of the colour mode.
        bits: bits of a sample; by default those of the dtype. With 1, ones are black.
        compression: that of the flattened image.
        layers: number of layers that the file claims; a negative one says that the first extra
            channel is transparency. None for no section of layers.
        large: write a PSB.
        resources: image resources by number.
        palette: the section of colour mode data.
    """
    height, width, channels = values.shape
    bits = bits or 8 * values.itemsize
    head = b"8BPS" + struct.pack(
        ">H6xHIIHH", 2 if large else 1, channels, height, width, bits, mode
    )
    blocks = b"".join(
        b"8BIM" + struct.pack(">H2xI", number, len(body)) + body + bytes(len(body) % 2)
        for number, body in (resources or {}).items()
    )
    word = ">Q" if large else ">I"
    section = b""
    if layers is not None:
        info = struct.pack(">h", layers)
        section = struct.pack(word, len(info)) + info
    sections = struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(blocks)) + blocks
    sections += struct.pack(word, len(section)) + section
    planes = [_rows(values[..., channel], bits, compression) for channel in range(channels)]
    body = struct.pack(">H", COMPRESSIONS.index(compression))
    if compression == "packbits":
        packed = [imagecodecs.packbits_encode(row) for plane in planes for row in plane]
        lengths = [len(row) for row in packed]
        body += struct.pack(f">{len(lengths)}{'I' if large else 'H'}", *lengths) + b"".join(packed)
    else:
        raw = b"".join(row for plane in planes for row in plane)
        body += raw if compression == "none" else zlib.compress(raw)
    return head + sections + body


def _rows(plane: NDArray[Any], bits: int, compression: Compression) -> list[bytes]:
    """Return the bytes of each row of a channel before it is compressed."""
    if bits == 1:
        return [row.tobytes() for row in np.packbits(plane, axis=1)]
    if compression != "zip-predicted":
        return [row.astype(row.dtype.newbyteorder(">")).tobytes() for row in plane]
    if plane.dtype.kind == "f":
        apart = plane.astype(">f4")[..., None].view(np.uint8).transpose(0, 2, 1)
        plane = apart.reshape(len(plane), -1)
    steps = np.diff(plane, axis=1, prepend=plane.dtype.type(0))
    return [row.astype(row.dtype.newbyteorder(">")).tobytes() for row in steps]

"""PNG files of any depth, with a transparent colour (PNG, third edition)."""

import struct
import zlib

import numpy as np


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def keyed_png(samples, depth, kind, key=None, palette=b""):
    """Return a PNG of samples (H, W, C) with a transparent colour."""
    height, width, _ = samples.shape
    each = (samples.reshape(height, -1, 1) >> np.arange(depth - 1, -1, -1)) & 1
    rows = np.packbits(each.reshape(height, -1).astype(np.uint8), axis=1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    data = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    )
    if palette:
        data += chunk(b"PLTE", palette)
    if key is not None:
        data += chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    return data + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")

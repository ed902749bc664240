"""PNG files of any depth, with chunks of any content (PNG, third edition)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Colour type by number of channels, for images without a palette."""
PALETTE = 3
"""Colour type of images with a palette."""

Chunk = tuple[bytes, bytes]
"""A chunk: its name and its body."""


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(width: int, height: int, depth: int, colour_type: int) -> bytes:
    """Return the signature and the header chunk of an image that is not interlaced."""
    body = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", body)


def png(
    samples: ArrayLike, *chunks: Chunk, bits: int = 8, palette: ArrayLike | None = None
) -> bytes:
    """Write a PNG of samples (H, W, 1 to 4) with chunks before the pixels.

    Args:
        samples: levels of ``bits`` bits, or indices into the palette.
        chunks: names and bodies.
        bits: 8 or 16.
        palette: colours (N, 3) of 8 bits.
    """
    pixels = np.asarray(samples)
    height, width, channels = pixels.shape
    colour_type = PALETTE if palette is not None else COLOUR_TYPES[channels]
    rows = b"".join(b"\0" + row.astype(">u2" if bits == 16 else "u1").tobytes() for row in pixels)
    parts = [header(width, height, bits, colour_type), *(chunk(*each) for each in chunks)]
    if palette is not None:
        parts.append(chunk(b"PLTE", np.asarray(palette, np.uint8).tobytes()))
    return b"".join([*parts, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")])


def keyed_png(
    samples: NDArray[Any],
    depth: int,
    colour_type: int,
    key: Sequence[int] | None = None,
    palette: bytes = b"",
) -> bytes:
    """Write a PNG of samples (H, W, C) of 1 to 16 bits with a transparent colour, ``key``."""
    height, width, _ = samples.shape
    bits = (samples.reshape(height, -1, 1) >> np.arange(depth - 1, -1, -1)) & 1
    rows = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    data = header(width, height, depth, colour_type)
    if palette:
        data += chunk(b"PLTE", palette)
    if key is not None:
        data += chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    return data + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> Chunk:
    """Return a chunk of code points (ITU-T H.273); ``full`` is 1 for the full range."""
    return b"cICP", bytes([primaries, transfer, matrix, full])


def gama(value: int) -> Chunk:
    """Return a gamma chunk; the value is the exponent times 100,000."""
    return b"gAMA", struct.pack(">I", value)


Chromaticity = tuple[float, float]
"""A chromaticity: the CIE 1931 coordinates x and y."""


def chrm(red: Chromaticity, green: Chromaticity, blue: Chromaticity, white: Chromaticity) -> Chunk:
    """Return a chunk of chromaticities."""
    coordinates = (*white, *red, *green, *blue)
    return b"cHRM", struct.pack(">8I", *(round(100_000 * each) for each in coordinates))


def iccp(profile: bytes) -> Chunk:
    """Return a chunk with an ICC profile."""
    return b"iCCP", b"icc\0\0" + zlib.compress(profile)

"""Read JPEG XL files (ISO/IEC 18181): the header here, the pixels by libjxl in imagecodecs.

The header must be read apart, because imagecodecs hands over pixels alone: the size is needed
before anything is decoded, and the colour space after it.

What libjxl returns depends on the file:

- without an ICC profile, samples in the colour space that the header names;
- lossless with an ICC profile, samples in the profile's space. imagecodecs doesn't hand the profile
  over; pylibjxl does, which the extra ``jxl`` installs;
- lossy (XYB) with an ICC profile, linear sRGB: the profile described the picture before its coding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import Corrupt, Unsupported
from ..samples import Samples
from .extras import missing
from .isobmff import boxes
from .jxl_header import BrokenHeader, Header, header_of_codestream

CODESTREAM = b"\xff\x0a"
"""The first bytes of a bare codestream (ISO/IEC 18181-1)."""
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
"""The first box of the container (ISO/IEC 18181-2, section 4.1)."""
_HEADER_BYTES = 4096
"""Bytes of the codestream in which the header is searched; names of channels may make it long."""
_MAX_BLOCK = 2**24
"""The most bytes to which a compressed metadata box is decompressed."""
_LINEAR_BITS = 12
"""Bits in which linear light is decoded: in 8 bits, dark tones would have few levels."""


@dataclass(frozen=True)
class Blocks:
    """The metadata boxes of a container; those of a bare codestream are None.

    Attributes:
        exif: the EXIF block.
        xmp: the XMP packet.
    """

    exif: bytes | None = None
    xmp: bytes | None = None


def is_jxl(head: bytes) -> bool:
    """Return whether the bytes begin like a JPEG XL file."""
    return head.startswith((CODESTREAM, CONTAINER))


def header_of(data: bytes) -> Header:
    """Read the header.

    Raises:
        Corrupt: it is broken.
        Unsupported: the picture is CMYK.
    """
    stream = codestream(data, _HEADER_BYTES)
    if not stream.startswith(CODESTREAM):
        raise Corrupt("jxl: no codestream")
    try:
        header = header_of_codestream(stream)
    except BrokenHeader as error:
        raise Corrupt(f"jxl: the header is broken: {error}") from error
    if header.black:
        raise Unsupported("jxl: CMYK: convert it first")
    return header


def codestream(data: bytes, limit: int | None = None) -> bytes:
    """Return the codestream of a file; a container may hold it in parts.

    Args:
        data: the whole file.
        limit: how many bytes to return at most; None for all.
    """
    if data.startswith(CODESTREAM):
        return data[:limit]
    parts, length = [], 0
    for kind, start, end in boxes(data, 0, len(data)):
        if kind in (b"jxlc", b"jxlp"):
            part = data[start + 4 * (kind == b"jxlp") : end]
            parts.append(part if limit is None else part[: limit - length])
            length += len(parts[-1])
            if kind == b"jxlc" or length == limit:
                break
    return b"".join(parts)


def recompressed(data: bytes) -> bytes | None:
    """Return the JPEG that the file was made of without loss; None if it wasn't or can't be had.

    The JPEG is the better source: it has its metadata and its profile, and can be decoded smaller.
    """
    if not any(box.kind == b"jbrd" for box in boxes(data, 0, len(data))):
        return None
    import imagecodecs

    try:
        return bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=1))
    except RuntimeError:
        return None  # the picture itself may be whole


def blocks_of(data: bytes) -> Blocks:
    """Read the metadata boxes (ISO/IEC 18181-2, annexes A and B); broken ones are left out."""
    found: dict[bytes, bytes] = {}
    if data.startswith(CONTAINER):
        for kind, start, end in boxes(data, 0, len(data)):
            body: bytes | None = data[start:end] if kind in (b"Exif", b"xml ", b"brob") else None
            if kind == b"brob" and body:
                kind, body = body[:4], _decompressed(body[4:])
            if body and kind in (b"Exif", b"xml "):
                found.setdefault(kind, body)
    exif = found.get(b"Exif", b"")
    exif = exif[4 + int.from_bytes(exif[:4], "big") :]
    return Blocks(b"Exif\0\0" + exif if exif else None, found.get(b"xml "))


def _decompressed(body: bytes) -> bytes | None:
    import imagecodecs

    try:
        return bytes(imagecodecs.brotli_decode(body, out=_MAX_BLOCK))
    except (RuntimeError, ValueError):
        return None


def read(data: bytes, header: Header) -> Samples:
    """Decode the first frame as shown.

    Raises:
        Corrupt: the picture's size isn't what the header says.
        Unsupported: the profile can't be read (the message names the extra), or the picture has
            further channels that aren't read.
        Exception: the file is broken; imagecodecs raises JpegxlError.
    """
    import imagecodecs

    linear = header.xyb and header.icc
    profile = _profile(data) if header.icc and not linear else None
    stream = _deeper(data, header) if linear else data
    values = imagecodecs.jpegxl_decode(stream, index=0 if header.animated else None, numthreads=1)
    width, height = header.shown
    if values.shape[:2] != (height, width):
        raise Corrupt(f"jxl: {values.shape} samples are not what the header says")
    values = values.reshape(height, width, -1)
    if values.shape[2] != (1 if header.grey else 3) + (header.alpha is not None):
        raise Unsupported(f"jxl: {values.shape[2]} channels of an unknown kind")
    bits = max(header.bits, _LINEAR_BITS) if linear else header.bits
    white = float((1 << bits) - 1) if values.dtype.kind == "u" else 1.0
    space: Literal["L", "RGB"] = "L" if header.grey else "RGB"
    return Samples(values, space, white, alpha=header.alpha, profile=profile)


def _deeper(data: bytes, header: Header) -> bytes:
    """Return the codestream, changed to say that samples have `_LINEAR_BITS`.

    In XYB, the bits are only those in which the decoder hands over the samples. 8, 10 and 12 bits
    are two bits of the header; other depths are at least as deep and stay.
    """
    stream = bytearray(codestream(data))
    if not header.floats and header.bits in (8, 10):
        for offset, bit in enumerate((0, 1)):
            at = header.bits_at + offset
            stream[at // 8] = stream[at // 8] & ~(1 << at % 8) | bit << at % 8
    return bytes(stream)


def _profile(data: bytes) -> bytes | None:
    """Return the ICC profile."""
    try:
        import pylibjxl
    except ImportError:
        raise missing("jxl: JPEG XL with an ICC profile", "jxl") from None
    _, metadata = pylibjxl.decode(data, metadata=True)
    profile = metadata.get("icc")
    return bytes(profile) if profile else None

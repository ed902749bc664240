"""Read the chunks of PNG files (PNG, third edition, sections 5 and 11)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""The first eight bytes of a PNG file."""

XMP_KEYWORD = b"XML:com.adobe.xmp"
"""The keyword of the iTXt chunk that holds an XMP packet (PNG, third edition, section 11.3.3.4)."""

_MAX_XMP = 2**24
"""The most bytes to which a compressed XMP packet is decompressed."""

_COLOUR_CHUNKS = (b"cICP", b"cLLI", b"sRGB", b"gAMA", b"cHRM")
_MAX_COLOUR_CHUNK = 44
"""Bytes of the longest of `_COLOUR_CHUNKS`, cHRM, with its length, type and checksum."""


class Chunk(NamedTuple):
    """A chunk: its type, and the offsets in the file where it starts (at its length) and ends."""

    kind: bytes
    start: int
    end: int

    def body(self, data: bytes) -> bytes:
        """Return the chunk's data without length, type and checksum."""
        return data[self.start + 8 : self.end - 4]


def chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks; the last chunk of a truncated file ends beyond the file."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield Chunk(data[at + 4 : at + 8], at, end)
        at = end


def colour_chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the body of the first chunk of each type that describes colours, before the pixels."""
    found: dict[bytes, bytes] = {}
    for chunk in chunks(data):
        if chunk.kind == b"IDAT":
            break
        if chunk.kind in _COLOUR_CHUNKS and chunk.end - chunk.start <= _MAX_COLOUR_CHUNK:
            found.setdefault(chunk.kind, chunk.body(data))
    return found


def critical_chunks(data: bytes) -> bytes:
    """Return the file without its ancillary chunks, for which libpng prints warnings to stderr."""
    kept = (data[each.start : each.end] for each in chunks(data) if not each.kind[0] & 0x20)
    return SIGNATURE + b"".join(kept)


def exif_of(data: bytes) -> bytes | None:
    """Return the TIFF structure of the first eXIf chunk anywhere in the file; None without one.

    Until it decodes the pixels, Pillow finds only a chunk that precedes them.
    """
    return next((each.body(data) for each in chunks(data) if each.kind == b"eXIf"), None) or None


def xmp_of(data: bytes) -> bytes | None:
    """Return the XMP packet of an iTXt chunk anywhere in the file; None if none can be read."""
    for chunk in chunks(data):
        if chunk.kind != b"iTXt":
            continue
        keyword, _, rest = chunk.body(data).partition(b"\0")
        if keyword == XMP_KEYWORD and len(rest) > 2:
            # Skip compression flag and method, and the zero-terminated language tag and translated
            # keyword.
            text = rest[2:].split(b"\0", 2)[-1]
            try:
                return zlib.decompressobj().decompress(text, _MAX_XMP) if rest[0] else text
            except zlib.error:
                return None
    return None

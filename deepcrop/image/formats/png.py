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

_MAX_PROFILE = 2**24
"""The most bytes to which an ICC profile is decompressed."""
_LARGE_PROFILE = 2**14
"""Compressed bytes from which an ICC profile may be too large for Pillow."""
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
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


def for_pillow(data: bytes) -> bytes:
    """Return the file without its texts, and without a large ICC profile.

    Pillow refuses files whose texts are damaged, or where a text or the profile has over 1 MiB
    decompressed, as the histories that some editors write into XMP. They are read apart.
    """
    left_out = [each for each in chunks(data) if each.end <= len(data) and _is_left_out(each)]
    if not left_out:
        return data
    edges = [0, *(edge for each in left_out for edge in (each.start, each.end)), len(data)]
    return b"".join(data[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))


def large_profile_of(data: bytes) -> bytes | None:
    """Return the ICC profile that `for_pillow` left out; None if there is none or it is broken."""
    for chunk in chunks(data):
        if chunk.kind == b"iCCP" and _is_left_out(chunk):
            _, _, rest = chunk.body(data).partition(b"\0")
            try:
                return zlib.decompressobj().decompress(rest[1:], _MAX_PROFILE) or None
            except zlib.error:
                return None
    return None


def _is_left_out(chunk: Chunk) -> bool:
    large = chunk.end - chunk.start > _LARGE_PROFILE
    return chunk.kind in _TEXTS or (chunk.kind == b"iCCP" and large)


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

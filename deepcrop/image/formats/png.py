"""Chunks of PNG files (PNG, third edition, section 5)."""

from __future__ import annotations

from collections.abc import Iterator

_OF_COLOURS = (b"cICP", b"cLLI", b"sRGB", b"gAMA", b"cHRM")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's name, and where it starts and ends."""
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at, end
        at = end


def colour_chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the bodies of the chunks before the pixels that tell of colours, the first of each."""
    found: dict[bytes, bytes] = {}
    for name, at, end in _chunks(data):
        if name == b"IDAT":
            break
        if name in _OF_COLOURS and end - at <= 44:
            found.setdefault(name, data[at + 8 : end - 4])
    return found


def critical_chunks(data: bytes) -> bytes:
    """Return the file without its ancillary chunks: libpng prints its complaints of those."""
    kept = [data[at:end] for name, at, end in _chunks(data) if not name[0] & 0x20]
    return b"".join((data[:8], *kept))

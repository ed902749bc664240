"""Read the size of the canvas and the place of the first frame from WebP files (RFC 9649)."""

from __future__ import annotations

from collections.abc import Iterator


def is_webp(data: bytes) -> bool:
    """Return whether the bytes begin like a WebP file."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each chunk's type and the offset of its content (section 2), which may be truncated."""
    at = 12
    while at + 8 <= len(data):
        yield data[at : at + 4], at + 8
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2


def canvas_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of the canvas from the first chunk (RFC 9649, sections 2.5 to 2.7).

    The result is None if the file is too short or begins with another chunk.
    """
    kind, start = next(chunks(data), (b"", 0))
    body = data[start : start + 10]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        return _number(body[4:7]) + 1, _number(body[7:10]) + 1
    if kind == b"VP8L":
        bits = _number(body[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return _number(body[6:8]) & 0x3FFF, _number(body[8:10]) & 0x3FFF
    return None


def first_frame(data: bytes) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of an animation's first frame (RFC 9649, 2.7.1.1).

    The right column and bottom row are excluded. The result is None if the file isn't animated.
    """
    for kind, start in chunks(data):
        if kind == b"ANMF" and start + 16 <= len(data):
            left, top, width, height = (
                _number(data[at : at + 3]) for at in range(start, start + 12, 3)
            )
            return 2 * left, 2 * top, 2 * left + width + 1, 2 * top + height + 1
    return None


def _number(value: bytes) -> int:
    return int.from_bytes(value, "little")

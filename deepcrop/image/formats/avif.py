"""The EXIF block of an AVIF file, byte for byte.

Pillow hands over one that it wrote anew, in which text that isn't ASCII became question marks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_MOST = 4096
"""Boxes, items and extents that are looked at, at most: files have a few dozen."""


def exif_of(data: bytes) -> bytes | None:
    """Return the TIFF structure of the first Exif item (HEIF, ISO 23008-12, annex A.2).

    None where there is none, or none that can be read.
    """
    try:
        meta = next((body for kind, body in _boxes(memoryview(data)) if kind == b"meta"), None)
        if meta is None:
            return None
        inner = dict(_boxes(meta[4:]))
        item = _exif_item(inner[b"iinf"])
        parts = _extents(inner[b"iloc"], item, data, bytes(inner.get(b"idat", b"")))
        payload = b"".join(parts)
        start = 4 + int.from_bytes(payload[:4], "big")
        return payload[start:] or None
    except (struct.error, KeyError, StopIteration, IndexError):
        return None


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the type and content of each box (ISO 14496-12, section 4.2)."""
    at = 0
    for _ in range(_MOST):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        head = 8
        if size == 1:
            [size] = struct.unpack(">Q", data[at + 8 : at + 16])
            head = 16
        elif size == 0:
            size = len(data) - at
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size


def _exif_item(body: memoryview) -> int:
    """Return the number of the first Exif item in an ItemInfoBox (ISO 14496-12, 8.11.6)."""
    entries = body[6:] if body[0] == 0 else body[8:]
    for kind, entry in _boxes(entries):
        if kind == b"infe" and entry[0] in (2, 3):
            width = 2 if entry[0] == 2 else 4
            if bytes(entry[6 + width : 10 + width]) == b"Exif":
                return int.from_bytes(entry[4 : 4 + width], "big")
    raise KeyError("Exif")


@dataclass
class _Cursor:
    data: memoryview
    at: int

    def number(self, width: int) -> int:
        """Read an unsigned number of so many bytes; 0 for none."""
        value = self.data[self.at : self.at + width]
        if len(value) < width:
            raise IndexError("the box ends early")
        self.at += width
        return int.from_bytes(value, "big")


def _extents(body: memoryview, wanted: int, file: bytes, inside: bytes) -> list[bytes]:
    """Return the parts of an item by its ItemLocationBox (ISO 14496-12, 8.11.3)."""
    version = body[0]
    cursor = _Cursor(body, 4)
    widths = cursor.number(2)
    offset, length, base = (widths >> shift & 15 for shift in (12, 8, 4))
    index = widths & 15 if version else 0
    wide = 4 if version == 2 else 2
    for _ in range(min(cursor.number(wide), _MOST)):
        item = cursor.number(wide)
        method = cursor.number(2) & 15 if version else 0
        cursor.number(2)
        start = cursor.number(base)
        parts = []
        for _ in range(min(cursor.number(2), _MOST)):
            cursor.number(index)
            begin = start + cursor.number(offset)
            size = cursor.number(length)
            source = file if method == 0 else inside
            parts.append(source[begin : begin + size] if method < 2 else b"")
        if item == wanted:
            return parts
    raise KeyError(wanted)

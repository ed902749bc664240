"""Read boxes of the ISO base media file format (ISO/IEC 14496-12), the base of HEIF and AVIF.

HEIF is ISO/IEC 23008-12. A box is represented by its offsets in the file, and its content is copied
only on request. Broken or missing boxes are skipped here; the decoder of the pixels reports them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_MAX_BOXES = 4096
"""How many boxes of a container, or items or extents of a table, are read.

Real files have a few dozen.
"""

_VISUAL_SAMPLE_ENTRY = 78
"""Bytes of a VisualSampleEntry's fields before its boxes (ISO/IEC 14496-12, section 12.1.3)."""


class Box(NamedTuple):
    """A box: its type, and the offsets in the file where its content starts and ends."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True)
class Extent:
    """A part of an item's data.

    Attributes:
        method: the origin of the offset: 0 is the start of the file, 1 the content of the box
            ``idat``, 2 another item.
        offset: the offset in bytes.
        length: the length in bytes.
    """

    method: int
    offset: int
    length: int


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two offsets (ISO/IEC 14496-12, section 4.2).

    The iteration stops at the first box that doesn't fit.
    """
    at = start
    for _ in range(_MAX_BOXES):
        if at + 8 > end:
            return
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        stop = end if size == 0 else at + size
        if stop < at + head or stop > end:
            return
        yield Box(kind, at + head, stop)
        at = stop


def first_box(data: bytes, start: int, end: int, kind: bytes) -> Box | None:
    """Return the first box of a type between two offsets."""
    return next((box for box in boxes(data, start, end) if box.kind == kind), None)


@dataclass(frozen=True)
class Meta:
    """The box ``meta`` of a file, which lists items, the places of their data, and properties.

    Attributes:
        data: the whole file.
        start: offset of the first box inside ``meta``.
        end: offset where the last box inside ``meta`` ends.
    """

    data: bytes
    start: int
    end: int

    @classmethod
    def of(cls, data: bytes) -> Meta | None:
        """Find the box ``meta`` of a file; None if there is none."""
        box = first_box(data, 0, len(data), b"meta")
        return None if box is None else cls(data, box.start + 4, box.end)

    @property
    def primary_item(self) -> int | None:
        """The number of the primary item (``pitm``, ISO/IEC 14496-12, section 8.11.4)."""
        pitm = self._box(b"pitm")
        if pitm is None:
            return None
        width = 2 if self.data[pitm.start] == 0 else 4
        return int.from_bytes(self.data[pitm.start + 4 : pitm.start + 4 + width], "big")

    def items(self) -> Iterator[tuple[int, bytes]]:
        """Yield the number and type of each item (``iinf``, ISO/IEC 14496-12, section 8.11.6)."""
        iinf = self._box(b"iinf")
        if iinf is None or iinf.start >= iinf.end:
            return
        start = iinf.start + (6 if self.data[iinf.start] == 0 else 8)
        for kind, entry, end in boxes(self.data, start, iinf.end):
            version = self.data[entry] if entry < end else 0
            if kind == b"infe" and version in (2, 3):
                width = 2 if version == 2 else 4
                number = int.from_bytes(self.data[entry + 4 : entry + 4 + width], "big")
                yield number, self.data[entry + 6 + width : entry + 10 + width]

    def extents(self, item: int) -> list[Extent]:
        """Return where an item's data lie (``iloc``, ISO/IEC 14496-12, section 8.11.3).

        Returns:
            The extents; an empty list if the table doesn't have the item or is truncated before it.
        """
        iloc = self._box(b"iloc")
        if iloc is None:
            return []
        try:
            return _extents(_Cursor(self.data, iloc.start, iloc.end), item)
        except _EndOfBox:
            return []

    def content(self, item: int) -> bytes:
        """Return an item's data without parts that are missing or derived from other items."""
        idat = self._box(b"idat")
        inside = self.data[idat.start : idat.end] if idat else b""
        sources = {0: self.data, 1: inside}
        return b"".join(
            sources.get(part.method, b"")[part.offset : part.offset + part.length]
            for part in self.extents(item)
        )

    def references(self, item: int, kind: bytes) -> list[int]:
        """Return the items that an item refers to (``iref``, ISO/IEC 14496-12, 8.11.12)."""
        return [to for each, start, to in self._references() if (each, start) == (kind, item)]

    def referring(self, item: int, kind: bytes) -> list[int]:
        """Return the items that refer to an item."""
        return [start for each, start, to in self._references() if (each, to) == (kind, item)]

    def _references(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield the type, the referring item and the item of each reference."""
        iref = self._box(b"iref")
        if iref is None or iref.start + 4 > iref.end:
            return
        width = 4 if self.data[iref.start] else 2
        for kind, start, end in boxes(self.data, iref.start + 4, iref.end):
            cursor = _Cursor(self.data, start, end)
            try:
                item = cursor.number(width)
                for _ in range(min(cursor.number(2), _MAX_BOXES)):
                    yield kind, item, cursor.number(width)
            except _EndOfBox:
                continue

    def properties(self) -> list[Box]:
        """Return the primary item's properties in the order of its associations.

        They are defined in ISO/IEC 23008-12, sections 9.3.1 (``iprp``, ``ipco``) and 9.3.2
        (``ipma``).
        """
        primary, iprp = self.primary_item, self._box(b"iprp")
        if primary is None or iprp is None:
            return []
        ipco = first_box(self.data, iprp.start, iprp.end, b"ipco")
        if ipco is None:
            return []
        listed = list(boxes(self.data, ipco.start, ipco.end))
        indices = [
            index
            for kind, start, end in boxes(self.data, iprp.start, iprp.end)
            if kind == b"ipma"
            for index in _associations(self.data[start:end], primary)
        ]
        return [listed[index - 1] for index in indices if 0 < index <= len(listed)]

    def _box(self, kind: bytes) -> Box | None:
        return first_box(self.data, self.start, self.end, kind)


def track_properties(data: bytes, codec: bytes) -> list[Box]:
    """Return the boxes in the sample entry of the first track with a codec, such as ``av01``."""
    moov = first_box(data, 0, len(data), b"moov")
    for track in boxes(data, moov.start, moov.end) if moov else ():
        place = track if track.kind == b"trak" else None
        for name in (b"mdia", b"minf", b"stbl", b"stsd"):
            place = first_box(data, place.start, place.end, name) if place else None
        entry = first_box(data, place.start + 8, place.end, codec) if place else None
        if entry:
            return list(boxes(data, entry.start + _VISUAL_SAMPLE_ENTRY, entry.end))
    return []


class _EndOfBox(Exception):
    """A box is shorter than its fields."""


@dataclass
class _Cursor:
    """Reads the fields of a box one after another."""

    data: bytes
    at: int
    end: int

    def number(self, width: int) -> int:
        """Read an unsigned number of ``width`` bytes; a width of 0 gives 0."""
        if self.at + width > self.end:
            raise _EndOfBox
        self.at += width
        return int.from_bytes(self.data[self.at - width : self.at], "big")


def _extents(cursor: _Cursor, wanted: int) -> list[Extent]:
    version = cursor.number(1)
    cursor.number(3)  # flags
    widths = cursor.number(2)
    offset_width, length_width, base_width = (widths >> shift & 15 for shift in (12, 8, 4))
    index_width = widths & 15 if version else 0
    item_width = 2 if version < 2 else 4
    for _ in range(min(cursor.number(item_width), _MAX_BOXES)):
        item = cursor.number(item_width)
        method = cursor.number(2) & 15 if version else 0
        cursor.number(2)  # data_reference_index
        base = cursor.number(base_width)
        parts = []
        for _ in range(min(cursor.number(2), _MAX_BOXES)):
            cursor.number(index_width)
            offset = base + cursor.number(offset_width)
            parts.append(Extent(method, offset, cursor.number(length_width)))
        if item == wanted:
            return parts
    return []


def _associations(body: bytes, item: int) -> list[int]:
    """Return the 1-based indices of an item's properties from the content of an ``ipma`` box."""
    if len(body) < 8:
        return []
    id_width, wide = 2 if body[0] == 0 else 4, body[3] & 1
    at = 8
    for _ in range(int.from_bytes(body[4:8], "big")):
        if at + id_width >= len(body):
            break
        current, count = int.from_bytes(body[at : at + id_width], "big"), body[at + id_width]
        at += id_width + 1
        step = 2 if wide else 1
        entries = body[at : at + step * count]
        at += step * count
        if current == item:
            mask = 0x7FFF if wide else 0x7F
            return [
                int.from_bytes(entries[i : i + step], "big") & mask
                for i in range(0, len(entries), step)
            ]
    return []

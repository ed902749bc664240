"""Boxes of AVIF files: what the primary item's properties say of its colours and its depth.

ISO/IEC 14496-12 (boxes, ``colr``), 23008-12 (items and properties), AV1-ISOBMFF (``av1C``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .av1 import colour_description

_BOXES = 4096  # more in one container than any real file has: stop reading


@dataclass(frozen=True)
class ItemColour:
    """What an AVIF's primary item says.

    Attributes:
        primaries: ITU-T H.273's code point; 2 where it isn't specified.
        characteristics: the same, of the transfer function.
        bits: of a sample: 8, 10 or 12.
        max_light: MaxCLL in cd/m², None where it isn't told.
    """

    primaries: int = 2
    characteristics: int = 2
    bits: int = 8
    max_light: float | None = None


def primary_colour(data: bytes) -> ItemColour:
    """Read the colours of an AVIF's primary item; what is broken or absent is unspecified.

    A ``colr`` box of type nclx comes first, as in libavif; without one, the AV1 stream's own
    sequence header. Where the major brand is that of a sequence, its track tells, not the item.
    """
    meta = _first(data, 0, len(data), b"meta")
    track = _track_properties(data) if data[8:12] == b"avis" else []
    if meta is None and not track:
        return ItemColour()
    start, end = (meta[0] + 4, meta[1]) if meta else (0, 0)
    properties = track or _properties(data, start, end)
    bits, nclx, max_light = 8, None, None
    for kind, at, stop in properties:
        body = data[at:stop]
        if kind == b"av1C" and len(body) >= 4:
            bits = (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
            nclx = nclx or colour_description(body[4:])
        elif kind == b"clli" and len(body) >= 4:
            max_light = int.from_bytes(body[:2], "big") or None
    for kind, at, stop in properties:
        if kind == b"colr" and data[at : at + 4] == b"nclx" and stop - at >= 8:
            nclx = (
                int.from_bytes(data[at + 4 : at + 6], "big"),
                int.from_bytes(data[at + 6 : at + 8], "big"),
            )
            break
    if nclx is None and not track:
        nclx = _from_stream(data, start, end)
    primaries, characteristics = nclx or (2, 2)
    return ItemColour(primaries, characteristics, bits, max_light)


Found = tuple[bytes, int, int]
"""A box: its type, and where its content starts and ends."""


def _boxes(data: bytes, at: int, end: int) -> Iterator[Found]:
    for _ in range(_BOXES):
        if at + 8 > end:
            return
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        stop = end if size == 0 else at + size
        if stop < at + head or stop > end:
            return
        yield kind, at + head, stop
        at = stop


def _first(data: bytes, at: int, end: int, kind: bytes) -> tuple[int, int] | None:
    return next(((s, e) for found, s, e in _boxes(data, at, end) if found == kind), None)


def _properties(data: bytes, at: int, end: int) -> list[Found]:
    """Return the properties of the primary item in the order of its associations."""
    primary = _primary(data, at, end)
    iprp = _first(data, at, end, b"iprp")
    if primary is None or iprp is None:
        return []
    ipco = _first(data, *iprp, b"ipco")
    if ipco is None:
        return []
    listed = list(_boxes(data, *ipco))
    indices = [
        index
        for kind, start, stop in _boxes(data, *iprp)
        if kind == b"ipma"
        for index in _associations(data[start:stop], primary)
    ]
    return [listed[index - 1] for index in indices if 0 < index <= len(listed)]


def _track_properties(data: bytes) -> list[Found]:
    """Return the boxes in the sample entry of the first track of AV1 pictures."""
    moov = _first(data, 0, len(data), b"moov")
    for kind, start, stop in _boxes(data, *moov) if moov else ():
        place = (start, stop) if kind == b"trak" else None
        for name in (b"mdia", b"minf", b"stbl", b"stsd"):
            place = _first(data, *place, name) if place else None
        entry = _first(data, place[0] + 8, place[1], b"av01") if place else None
        if entry:
            return list(_boxes(data, entry[0] + 78, entry[1]))  # after VisualSampleEntry's fields
    return []


def _primary(data: bytes, at: int, end: int) -> int | None:
    pitm = _first(data, at, end, b"pitm")
    if pitm is None:
        return None
    width = 2 if data[pitm[0]] == 0 else 4
    return int.from_bytes(data[pitm[0] + 4 : pitm[0] + 4 + width], "big")


def _associations(body: bytes, item: int) -> list[int]:
    """Return the indices, from 1, of an item's properties in an ``ipma`` box."""
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


def _from_stream(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """Read the sequence header of the primary item, or of the first tile where it is a grid."""
    kinds, primary = _item_kinds(data, at, end), _primary(data, at, end)
    coded = sorted(item for item, kind in kinds.items() if kind == b"av01")
    if primary in coded:
        coded = [primary]
    offset = _location(data, at, end, coded[0]) if coded else None
    return None if offset is None else colour_description(data[offset : offset + 256])


def _item_kinds(data: bytes, at: int, end: int) -> dict[int, bytes]:
    iinf = _first(data, at, end, b"iinf")
    if iinf is None:
        return {}
    start, kinds = iinf[0] + (6 if data[iinf[0]] == 0 else 8), dict[int, bytes]()
    for kind, entry, stop in _boxes(data, start, iinf[1]):
        version = data[entry] if entry < stop else 0
        if kind == b"infe" and version in (2, 3):
            width = 2 if version == 2 else 4
            item = int.from_bytes(data[entry + 4 : entry + 4 + width], "big")
            kinds[item] = data[entry + 6 + width : entry + 10 + width]
    return kinds


def _location(data: bytes, at: int, end: int, wanted: int) -> int | None:
    """Return where in the file an item's first extent starts (``iloc``, construction method 0)."""
    iloc = _first(data, at, end, b"iloc")
    if iloc is None or iloc[1] - iloc[0] < 8:
        return None
    at, end = iloc
    version = data[at]
    offset_width, length_width = data[at + 4] >> 4, data[at + 4] & 15
    base_width, index_width = data[at + 5] >> 4, data[at + 5] & 15 if version else 0
    at += 6

    def number(width: int) -> int:
        nonlocal at
        at += width
        return int.from_bytes(data[at - width : at], "big")

    for _ in range(number(2 if version < 2 else 4)):
        if at >= end:
            break
        item = number(2 if version < 2 else 4)
        method = number(2) & 15 if version else 0
        number(2)
        base, extents = number(base_width), number(2)
        for extent in range(extents):
            if at >= end:
                return None
            number(index_width)
            offset = number(offset_width)
            number(length_width)
            if item == wanted and extent == 0:
                return base + offset if method == 0 else None
    return None

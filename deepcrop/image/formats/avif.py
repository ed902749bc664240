"""Read the colour description and EXIF of AVIF files (AVIF 1.1, HEIF, AV1-ISOBMFF).

Pillow doesn't return the colour description, and it returns re-encoded EXIF in which characters
outside ASCII have become question marks.
"""

from __future__ import annotations

from dataclasses import dataclass

from .av1 import colour_description
from .isobmff import Box, Meta, boxes, first_box, track_properties

_SEQUENCE_HEADER = 256
"""Bytes at the start of an AV1 stream in which its sequence header is searched."""


@dataclass(frozen=True)
class ItemColour:
    """The colour description of an AVIF's primary item, or of its image track.

    Attributes:
        primaries: colour primaries, a code point of ITU-T H.273; 2 if unspecified.
        characteristics: transfer characteristics, a code point of ITU-T H.273; 2 if unspecified.
        bits: bits of a sample: 8, 10 or 12.
        max_light: MaxCLL in cd/m²; None if the file doesn't declare it.
    """

    primaries: int = 2
    characteristics: int = 2
    bits: int = 8
    max_light: float | None = None


def primary_colour(data: bytes) -> ItemColour:
    """Read the colour description of an AVIF's primary item; broken parts count as unspecified.

    As in libavif, a ``colr`` box of type nclx takes precedence over the sequence header of the AV1
    stream. If the major brand is that of a sequence, its track is read instead of the item.
    """
    meta = Meta.of(data)
    track = track_properties(data, b"av01") if data[8:12] == b"avis" else []
    properties = track or (meta.properties() if meta else [])
    bits, nclx, max_light = 8, None, None
    for kind, start, end in properties:
        body = data[start:end]
        if kind == b"av1C" and len(body) >= 4:
            bits = (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
            nclx = nclx or colour_description(body[4:])
        elif kind == b"clli" and len(body) >= 4:
            max_light = int.from_bytes(body[:2], "big") or None
    nclx = _nclx(data, properties) or nclx
    if nclx is None and meta is not None and not track:
        nclx = _from_stream(meta)
    primaries, characteristics = nclx or (2, 2)
    return ItemColour(primaries, characteristics, bits, max_light)


def exif_of(data: bytes) -> bytes | None:
    """Return the TIFF structure of the first Exif item (HEIF, ISO/IEC 23008-12, annex A.2.1).

    The result is None if there is no such item, or if it can't be read.
    """
    meta = Meta.of(data)
    if meta is None:
        return None
    item = next((number for number, kind in meta.items() if kind == b"Exif"), None)
    if item is None:
        return None
    payload = meta.content(item)
    start = 4 + int.from_bytes(payload[:4], "big")  # exif_tiff_header_offset
    return payload[start:] or None


def with_joined_associations(data: bytes) -> bytes:
    """Return an AVIF whose property associations lie in one box of each kind.

    ISO/IEC 14496-12 (8.11.14.1) allows one box ``ipma`` of each version and flags, and libavif
    refuses files with more. Versions of cavif wrote one for each item, as in pictures with alpha.
    No offset in the file changes: the bytes that are saved become a box ``free``.
    """
    meta = Meta.of(data)
    iprp = first_box(data, meta.start, meta.end, b"iprp") if meta else None
    if iprp is None or not _compact(data, iprp):
        return data
    tables: dict[bytes, list[bytes]] = {}
    count, others = 0, b""
    for box in boxes(data, iprp.start, iprp.end):
        if not _compact(data, box):
            return data
        if box.kind == b"ipma" and box.end - box.start >= 8:
            tables.setdefault(data[box.start : box.start + 4], []).append(data[box.start : box.end])
            count += 1
        else:
            others += data[box.start - 8 : box.end]
    if count == len(tables):
        return data
    joined = b"".join(_joined(version, bodies) for version, bodies in tables.items())
    content = others + joined
    spare = iprp.end - iprp.start - len(content)
    padding = spare.to_bytes(4, "big") + b"free" + bytes(spare - 8)
    replaced = (8 + len(content)).to_bytes(4, "big") + b"iprp" + content + padding
    return data[: iprp.start - 8] + replaced + data[iprp.end :]


def _compact(data: bytes, box: Box) -> bool:
    """Return whether a box's header has 8 bytes that say its size."""
    head = data[max(0, box.start - 8) : box.start]
    return head == (box.end - box.start + 8).to_bytes(4, "big") + box.kind


def _joined(version: bytes, bodies: list[bytes]) -> bytes:
    """Return one box ``ipma`` of the entries of several."""
    entries = sum(int.from_bytes(body[4:8], "big") for body in bodies) & 0xFFFFFFFF
    content = version + entries.to_bytes(4, "big") + b"".join(body[8:] for body in bodies)
    return (8 + len(content)).to_bytes(4, "big") + b"ipma" + content


def _nclx(data: bytes, properties: list[Box]) -> tuple[int, int] | None:
    """Return the code points of the first ``colr`` box of type nclx."""
    for kind, start, end in properties:
        if kind == b"colr" and data[start : start + 4] == b"nclx" and end - start >= 8:
            return (
                int.from_bytes(data[start + 4 : start + 6], "big"),
                int.from_bytes(data[start + 6 : start + 8], "big"),
            )
    return None


def _from_stream(meta: Meta) -> tuple[int, int] | None:
    """Read the sequence header of the primary item, or of its first tile if it is a grid."""
    coded = sorted(item for item, kind in dict(meta.items()).items() if kind == b"av01")
    primary = meta.primary_item
    item = primary if primary in coded else next(iter(coded), None)
    extent = next(iter(meta.extents(item)), None) if item is not None else None
    if extent is None or extent.method != 0:
        return None
    return colour_description(meta.data[extent.offset : extent.offset + _SEQUENCE_HEADER])

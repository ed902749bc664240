"""Read EXIF blocks (TIFF structures) without loss, and write them.

Values are copied as bytes. A library that decodes and re-encodes them loses text in UTF-8, which
Exif 2.3 didn't allow but which cameras and editors write anyway.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice

from ..formats.tiff.directory import CLASSIC_SIZES, SIZES, RawDirectory, Structure

PREFIX = b"Exif\0\0"
"""The first bytes of an EXIF block in a JPEG's APP1 segment (Exif 3.0, section 4.7.2)."""
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005

# The format codes in `struct` of the numeric types; a RATIONAL has two numbers.
_CODES = {1: "B", 3: "H", 4: "I", 5: "I", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_OFFSET_TYPES = (4, 13, 16, 18)  # LONG, IFD, LONG8, IFD8


@dataclass(frozen=True)
class Entry:
    """An entry of a directory: one value, or several of one type.

    Attributes:
        type: TIFF's number of the type.
        value: the values' bytes, in the structure's byte order.
    """

    type: int
    value: bytes

    @property
    def classic(self) -> bool:
        """Whether classic TIFF has the type; the other types exist only in BigTIFF."""
        return self.type in CLASSIC_SIZES

    @property
    def count(self) -> int:
        """The number of values."""
        return len(self.value) // SIZES[self.type]


Directory = dict[int, Entry]


@dataclass(frozen=True)
class Exif:
    """The directories of an EXIF block.

    Attributes:
        order: the byte order of all values: ``<`` for little-endian or ``>`` for big-endian.
        main: entries of the main directory (IFD 0) by tag.
        photo: entries of the Exif directory by tag.
        gps: entries of the GPS directory by tag.
        interoperability: entries of the interoperability directory by tag.
    """

    order: str
    main: Directory = field(default_factory=dict)
    photo: Directory = field(default_factory=dict)
    gps: Directory = field(default_factory=dict)
    interoperability: Directory = field(default_factory=dict)

    def numbers(self, entry: Entry | None) -> list[Fraction]:
        """Return an entry's numbers; an empty list if its values aren't numbers."""
        if entry is None or entry.type not in _CODES:
            return []
        code = _CODES[entry.type]
        width = struct.calcsize(f"={code}")
        count = len(entry.value) // width
        values = struct.unpack(f"{self.order}{count}{code}", entry.value[: count * width])
        if entry.type != 5:
            return [Fraction(value) for value in values]
        pairs = zip(values[::2], values[1::2], strict=False)
        return [Fraction(top, bottom) for top, bottom in pairs if bottom]

    def shorts(self, *values: int) -> Entry:
        """Return an entry of 16-bit unsigned numbers."""
        return Entry(3, struct.pack(f"{self.order}{len(values)}H", *values))

    def long(self, value: int) -> Entry:
        """Return an entry of one 32-bit unsigned number."""
        return Entry(4, struct.pack(f"{self.order}I", value))

    def rational(self, value: Fraction) -> Entry | None:
        """Return an entry of one rational number; None if it doesn't fit 32 bits."""
        value = value.limit_denominator(2**20)
        if not 0 < value.numerator < 2**32:
            return None
        return Entry(5, struct.pack(f"{self.order}2I", value.numerator, value.denominator))

    def tobytes(self) -> bytes | None:
        r"""Return the block's bytes with the prefix ``Exif\0\0``; None if it has no entries."""
        if not (self.main or self.photo or self.gps or self.interoperability):
            return None
        photo = dict(self.photo)
        if self.interoperability:
            photo[_INTEROPERABILITY] = self.long(0)
        main = dict(self.main)
        main |= {_EXIF: self.long(0)} if photo else {}
        main |= {_GPS: self.long(0)} if self.gps else {}
        out = bytearray((b"II*\0" if self.order == "<" else b"MM\0*") + self.long(8).value)
        links: dict[int, int] = {}
        for pointer, directory in (
            (None, main),
            (_EXIF, photo),
            (_GPS, self.gps),
            (_INTEROPERABILITY, self.interoperability),
        ):
            if directory:
                if pointer is not None:
                    out[links[pointer] : links[pointer] + 4] = self.long(len(out)).value
                links |= self._append(out, directory)
        return PREFIX + bytes(out)

    def _append(self, out: bytearray, directory: Directory) -> dict[int, int]:
        """Append a directory; return the offset of each tag's value."""
        start = len(out)
        out += struct.pack(f"{self.order}H", len(directory)) + bytes(12 * len(directory) + 4)
        at = start + 2
        places = {}
        for tag, entry in sorted(directory.items()):
            head = struct.pack(f"{self.order}2HI", tag, entry.type, entry.count)
            value = entry.value.ljust(4, b"\0")
            if len(value) > 4:
                value = self.long(len(out)).value
                out += entry.value + bytes(len(entry.value) % 2)  # values start at even offsets
            out[at : at + 12] = head + value
            places[tag] = at + 8
            at += 12
        return places


def parse(block: bytes, page: int = 0) -> Exif | None:
    """Read an EXIF block or the EXIF tags of a TIFF file; None if the bytes are neither.

    Invalid entries (of an unknown type, or with an offset outside the block) are left out.

    Args:
        block: the EXIF block with or without the prefix, or a whole TIFF or BigTIFF file.
        page: the index of a TIFF file's page; tags that it lacks are taken from the first page.
    """
    structure = Structure.of(block.removeprefix(PREFIX))
    if structure is None:
        return None
    try:
        pages = [_read(structure, each) for each in islice(structure.chain(), page + 1)] or [{}]
    except struct.error:
        return None
    main = pages[0] | (pages[page] if page < len(pages) else {})
    photo, gps = _pointed(structure, main, _EXIF), _pointed(structure, main, _GPS)
    interoperability = _pointed(structure, photo, _INTEROPERABILITY)
    for directory in (main, photo, gps, interoperability):
        for pointer in (_EXIF, _GPS, _INTEROPERABILITY):
            directory.pop(pointer, None)
    return Exif(structure.order, main, photo, gps, interoperability)


def _read(structure: Structure, raw: RawDirectory) -> Directory:
    """Read the values of a directory's entries; invalid entries are left out."""
    found: Directory = {}
    for entry in raw.entries:
        size = entry.count * SIZES.get(entry.type, 0)
        if 0 < size <= len(structure.data) - entry.at:
            value = structure.data[entry.at : entry.at + size]
            found.setdefault(entry.tag, Entry(entry.type, value))
    return found


def _pointed(structure: Structure, directory: Directory, tag: int) -> Directory:
    """Return the directory that a tag points to; an empty one if the tag is missing."""
    entry = directory.get(tag)
    if entry is None or entry.type not in _OFFSET_TYPES:
        return {}
    try:
        (offset,) = struct.unpack(structure.order + _CODES[entry.type], entry.value)
        return _read(structure, structure.directory(offset))
    except struct.error:
        return {}

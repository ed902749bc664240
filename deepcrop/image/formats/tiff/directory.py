"""Read the TIFF directories of files and EXIF blocks (TIFF 6.0, section 2, and BigTIFF).

A file's pages and an EXIF block's tags are stored in the same structure. This module parses the
structure and finds the values; `pages` and `deepcrop.image.metadata.exif` interpret them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC_NUMBERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The possible first four bytes of TIFF and BigTIFF, little-endian and big-endian."""

MAX_ENTRIES = 4096
"""The largest number of entries that are read from a directory; real directories have fewer."""

CLASSIC_SIZES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4},
    129: 1,
}
"""Bytes of one value of each type of classic TIFF, by type number.

Types are defined in TIFF 6.0, section 2; 13 is IFD of TIFF Technical Note 1, 129 UTF-8 of Exif 3.0.
"""

SIZES = CLASSIC_SIZES | {16: 8, 17: 8, 18: 8}
"""Bytes of one value of each type, including BigTIFF's LONG8, SLONG8 and IFD8, by type number."""


@dataclass(frozen=True)
class Structure:
    """The bytes of a TIFF structure, and its parsed header.

    Attributes:
        data: the whole structure; offsets count from its start.
        order: the byte order in the notation of `struct`: ``<`` for little-endian or ``>`` for
            big-endian.
        big: whether the structure is BigTIFF, in which counts and offsets have 8 bytes.
    """

    data: bytes
    order: str
    big: bool

    @classmethod
    def of(cls, data: bytes) -> Structure | None:
        """Read a header; None if the bytes don't begin with one of `MAGIC_NUMBERS`."""
        head = data[:4]
        if head not in MAGIC_NUMBERS:
            return None
        return cls(data, "<" if head[:1] == b"I" else ">", b"+" in head)

    @property
    def offset_code(self) -> str:
        """The format code of an offset in the notation of `struct`."""
        return "Q" if self.big else "I"

    @property
    def offset_bytes(self) -> int:
        """Bytes of an offset, and the most bytes of values that are stored in the entry itself."""
        return 8 if self.big else 4

    @property
    def first_at(self) -> int:
        """The position at which the offset of the first directory is stored."""
        return 8 if self.big else 4

    def number(self, code: str, at: int) -> int:
        """Read an unsigned number.

        Args:
            code: ``H``, ``I`` or ``Q`` in the notation of `struct`.
            at: the number's offset.

        Raises:
            struct.error: the number lies beyond the end of the structure.
        """
        end = at + struct.calcsize(f"={code}")
        number: int = struct.unpack(self.order + code, self.data[at:end])[0]
        return number

    def chain(self) -> Iterator[RawDirectory]:
        """Yield the chained directories; the iteration stops at a loop in the chain.

        Raises:
            struct.error: the next directory lies beyond the end of the structure.
        """
        at = self.number(self.offset_code, self.first_at)
        seen: set[int] = set()
        while at and at not in seen:
            seen.add(at)
            directory = self.directory(at)
            yield directory
            at = directory.following

    def directory(self, offset: int) -> RawDirectory:
        """Read the directory at an offset.

        Raises:
            struct.error: the directory lies beyond the end of the structure.
        """
        counter, head = ("Q", "HHQ") if self.big else ("H", "HHI")
        inline = self.offset_bytes
        start = offset + struct.calcsize(f"={counter}")
        step = struct.calcsize(f"={head}") + inline
        count = self.number(counter, offset)
        entries: list[RawEntry] = []
        for at in range(start, start + min(count, MAX_ENTRIES) * step, step):
            fields = self.data[at : at + step]
            if len(fields) < step:
                return RawDirectory(offset, count, tuple(entries), 0)
            tag, kind, values = struct.unpack(self.order + head, fields[:-inline])
            place = at + step - inline
            if values * SIZES.get(kind, 0) > inline:
                place = self.number(self.offset_code, place)
            entries.append(RawEntry(tag, kind, values, place))
        after = start + min(count, MAX_ENTRIES) * step
        # Some writers omit the offset after the last directory.
        whole = after + inline <= len(self.data)
        following = self.number(self.offset_code, after) if whole else 0
        return RawDirectory(offset, count, tuple(entries), following)


@dataclass(frozen=True)
class RawEntry:
    """An entry of a directory, which locates its values; the location is not checked.

    Attributes:
        tag: TIFF's number of the tag.
        type: TIFF's number of the values' type; it may be unknown.
        count: number of values.
        at: offset of the values; for an unknown type, the offset of the entry's own value field.
    """

    tag: int
    type: int
    count: int
    at: int


@dataclass(frozen=True)
class RawDirectory:
    """An image file directory.

    Attributes:
        offset: the directory's offset in the structure.
        count: number of entries as stored in the directory.
        entries: the entries that could be read, at most `MAX_ENTRIES`.
        following: offset of the next directory; 0 in the last one.
    """

    offset: int
    count: int
    entries: tuple[RawEntry, ...]
    following: int

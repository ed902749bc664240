"""TIFF's directories, of files and of EXIF blocks: TIFF 6.0, section 2, and BigTIFF.

A file's pages and an EXIF block's tags are stored in the same structure. This module walks it and
says where values lie; `pages` and `deepcrop.image.metadata.exif` decide what to make of them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC_NUMBERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The first four bytes of a structure: TIFF and BigTIFF, little-endian and big-endian."""

MAX_ENTRIES = 4096
"""Entries of a directory that are read; no real directory has as many."""

CLASSIC_SIZES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4},
    129: 1,
}
"""Bytes of one value of each type that TIFF has (TIFF 6.0, section 2; 13 is IFD of TIFF Technical
Note 1; 129 is UTF-8 of Exif 3.0)."""

SIZES = CLASSIC_SIZES | {16: 8, 17: 8, 18: 8}
"""Bytes of one value of each type, those of BigTIFF included: LONG8, SLONG8, IFD8."""


@dataclass(frozen=True)
class Structure:
    """The bytes of a TIFF structure, and what its header says.

    Attributes:
        data: the whole structure; offsets count from its start.
        order: ``<`` for little-endian or ``>`` for big-endian, as `struct` has it.
        big: whether it is a BigTIFF: counts and offsets have 8 bytes.
    """

    data: bytes
    order: str
    big: bool

    @classmethod
    def of(cls, data: bytes) -> Structure | None:
        """Read a header; None where the bytes don't begin with one of `MAGIC_NUMBERS`."""
        head = data[:4]
        if head not in MAGIC_NUMBERS:
            return None
        return cls(data, "<" if head[:1] == b"I" else ">", b"+" in head)

    @property
    def offset_code(self) -> str:
        """The code of an offset in `struct`."""
        return "Q" if self.big else "I"

    @property
    def offset_bytes(self) -> int:
        """Bytes of an offset, and of the values that stand in an entry itself."""
        return 8 if self.big else 4

    @property
    def first_at(self) -> int:
        """Where the offset of the first directory stands."""
        return 8 if self.big else 4

    def number(self, code: str, at: int) -> int:
        """Read an unsigned number.

        Args:
            code: ``H``, ``I`` or ``Q``, as `struct` has it.
            at: its offset.

        Raises:
            struct.error: it lies beyond the end of the structure.
        """
        end = at + struct.calcsize(f"={code}")
        number: int = struct.unpack(self.order + code, self.data[at:end])[0]
        return number

    def chain(self) -> Iterator[RawDirectory]:
        """Yield the chained directories; a loop ends the chain.

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
        """Find the entries of the directory at an offset.

        Raises:
            struct.error: it lies beyond the end of the structure.
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
        # Some writers leave out the offset behind the last directory.
        whole = after + inline <= len(self.data)
        following = self.number(self.offset_code, after) if whole else 0
        return RawDirectory(offset, count, tuple(entries), following)


@dataclass(frozen=True)
class RawEntry:
    """An entry of a directory: where its values lie, which is not checked.

    Attributes:
        tag: TIFF's number of the tag.
        type: TIFF's number of the values' type; any number.
        count: number of values.
        at: offset of the values; of an unknown type, where they would stand in the entry itself.
    """

    tag: int
    type: int
    count: int
    at: int


@dataclass(frozen=True)
class RawDirectory:
    """An image file directory.

    Attributes:
        offset: where it stands.
        count: number of entries that it says it has.
        entries: those that could be read, `MAX_ENTRIES` at most.
        following: offset of the next directory, 0 after the last.
    """

    offset: int
    count: int
    entries: tuple[RawEntry, ...]
    following: int

"""TIFF directories, and which of them is the picture (TIFF 6.0, BigTIFF)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....errors import Corrupt

_MOST_PAGES = 1000
"""Directories that are looked at: more are counted as so many."""

# Types of TIFF 6.0, section 2, and of BigTIFF, as NumPy names them. RATIONAL isn't read here.
_TYPES = {
    **{1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 11: "f4", 12: "f8"},
    **{13: "u4", 16: "u8", 17: "i8", 18: "u8"},
}

WIDTH, HEIGHT, PHOTOMETRIC, XMP, ICC = 256, 257, 262, 700, 34675
_SUBFILE, _OLD_SUBFILE, _SUB_IFDS = 254, 255, 330


@dataclass(frozen=True)
class Directory:
    """One image file directory: its entries, found but not read yet."""

    data: bytes
    offset: int
    order: str
    entries: dict[int, tuple[int, int, int]]
    """Tag: type, count, and where the values lie in the file."""
    following: int
    """Offset of the next directory, 0 after the last."""

    def values(self, tag: int) -> NDArray | None:
        """Return a tag's numbers; None where the tag is absent.

        Raises:
            Corrupt: they lie outside the file, or are no numbers.
        """
        entry = self.entries.get(tag)
        if entry is None:
            return None
        kind, count, at = entry
        if kind not in _TYPES:
            raise Corrupt(f"tiff: tag {tag} has type {kind}")
        dtype = np.dtype(self.order + _TYPES[kind])
        if at + count * dtype.itemsize > len(self.data):
            raise Corrupt(f"tiff: the values of tag {tag} lie beyond the end of the file")
        return np.frombuffer(self.data, dtype, count, at) if count else np.empty(0, dtype)

    def number(self, tag: int, default: int) -> int:
        """Return a tag's first number."""
        values = self.values(tag)
        if values is None or not len(values) or values.dtype.kind not in "iu":
            return default
        return int(values[0])

    def block(self, tag: int) -> bytes | None:
        """Return a tag's bytes."""
        values = self.values(tag)
        return None if values is None else values.tobytes()

    @property
    def big(self) -> bool:
        """Whether the file is a BigTIFF."""
        return _is_big(self.data)

    @property
    def reduced(self) -> bool:
        """Whether it holds a smaller version of another page (a thumbnail, a pyramid's level)."""
        return bool(self.number(_SUBFILE, 0) & 1) or self.number(_OLD_SUBFILE, 1) == 2

    @property
    def mask(self) -> bool:
        """Whether it holds the transparency mask of another page."""
        return bool(self.number(_SUBFILE, 0) & 4) or self.number(PHOTOMETRIC, 0) == 4


@dataclass(frozen=True)
class Page:
    """The page that is the picture.

    Attributes:
        data: the file, changed where needed so that its first directory is this page's: readers
            that take the first page read this one.
        directory: its tags.
        count: directories in the chain.
        remark: which page it is, where a choice was made.
    """

    data: bytes
    directory: Directory
    count: int
    remark: str | None


def page_of(data: bytes) -> Page:
    """Find the picture: the first page that isn't marked as a reduced version or as a mask.

    Pages are the chained directories; if none of them qualifies, their sub-directories are looked
    at, where raw files and some scanners keep the full image; at last, the largest directory.

    Raises:
        Corrupt: there is no directory that can be read.
    """
    chain = list(_chain(data))
    full = [each for each in chain if not (each.reduced or each.mask)]
    nested = [] if full else [sub for page in chain for sub in _nested(page)]
    chosen = next((each for each in nested if not (each.reduced or each.mask)), None)
    if full:
        chosen = full[0]
    elif chosen is None:
        chosen = max([*chain, *nested], key=_area)
    index = next((i for i, each in enumerate(chain, 1) if each is chosen), None)
    remark = None
    if len(full) > 1 or chosen is not chain[0]:
        many = f"{len(chain)} or more" if len(chain) == _MOST_PAGES else str(len(chain))
        remark = f"page {index} of {many}" if index else f"an image inside page 1 of {many}"
    if chosen is not chain[0]:
        data = _starting(data, chosen)
    return Page(data, chosen, len(chain), remark)


def _area(directory: Directory) -> int:
    return directory.number(WIDTH, 0) * directory.number(HEIGHT, 0)


def _starting(data: bytes, directory: Directory) -> bytes:
    """Return the file with a directory made its first."""
    order, big = directory.order, _is_big(data)
    at = 8 if big else 4
    offset = struct.pack(order + ("Q" if big else "I"), directory.offset)
    return data[:at] + offset + data[at + len(offset) :]


def _chain(data: bytes) -> Iterator[Directory]:
    """Yield the chained directories; a loop or damage behind the first ends the chain."""
    if len(data) < 16:
        raise Corrupt("tiff: cut short")
    order = "<" if data[:2] == b"II" else ">"
    big = _is_big(data)
    (offset,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    seen: set[int] = set()
    while offset and offset not in seen and len(seen) < _MOST_PAGES:
        seen.add(offset)
        try:
            directory = _directory(data, offset, order, big)
        except Corrupt:
            if len(seen) == 1:
                raise
            return
        yield directory
        offset = directory.following
    if not seen:
        raise Corrupt("tiff: no directory")


def _nested(page: Directory) -> Iterator[Directory]:
    offsets = page.values(_SUB_IFDS)
    for offset in [] if offsets is None else offsets[:16].tolist():
        try:
            yield _directory(page.data, int(offset), page.order, page.big)
        except Corrupt:
            continue


def _is_big(data: bytes) -> bool:
    return data[2:4] in (b"+\0", b"\0+")


def _directory(data: bytes, offset: int, order: str, big: bool) -> Directory:
    """Find the entries of the directory at an offset (TIFF 6.0, section 2)."""
    head, entry = (order + "Q", order + "HHQ") if big else (order + "H", order + "HHI")
    room, pointer = (8, order + "Q") if big else (4, order + "I")
    step = struct.calcsize(entry) + room
    try:
        (count,) = struct.unpack_from(head, data, offset)
        start = offset + struct.calcsize(head)
        if count > 4096:
            raise Corrupt(f"tiff: a directory of {count} entries")
        entries: dict[int, tuple[int, int, int]] = {}
        for at in range(start, start + count * step, step):
            tag, kind, length = struct.unpack_from(entry, data, at)
            where = at + step - room
            size = length * np.dtype(_TYPES[kind]).itemsize if kind in _TYPES else 8 * length
            if size > room:
                (where,) = struct.unpack_from(pointer, data, where)
            entries.setdefault(tag, (kind, length, where))
        # Some writers leave out the offset behind the last directory.
        after = start + count * step
        following = struct.unpack_from(pointer, data, after)[0] if after + room <= len(data) else 0
    except struct.error:
        raise Corrupt("tiff: a directory lies beyond the end of the file") from None
    return Directory(data, offset, order, entries, following)

"""Read the pages of a TIFF or BigTIFF file, and select the page that is the main image."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ....errors import Corrupt
from .directory import MAX_ENTRIES, RawDirectory, RawEntry, Structure

MAX_PAGES = 1000
"""The most chained directories that are read; messages call this number "1000 or more"."""

MAX_NESTED_PAGES = 16
"""The most sub-directories of a page that are read."""

# NumPy's codes for the types of TIFF 6.0, section 2, and of BigTIFF. RATIONAL isn't needed here.
_DTYPES = {
    **{1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 11: "f4", 12: "f8"},
    **{13: "u4", 16: "u8", 17: "i8", 18: "u8"},
}

# Tags of TIFF 6.0, XMP Specification part 3 (1.1.4.1) and ICC.1:2022 (annex B.4).
WIDTH, HEIGHT, PHOTOMETRIC, XMP, ICC = 256, 257, 262, 700, 34675
_SUBFILE, _OLD_SUBFILE, _SUB_IFDS = 254, 255, 330

Values = NDArray[np.integer] | NDArray[np.floating]
"""The values of a tag: a 1-D array in the file's byte order."""


@dataclass(frozen=True)
class Directory:
    """One image file directory, whose values are read on demand.

    Attributes:
        structure: the whole file.
        offset: the directory's offset in the file.
        entries: the entries by tag; if a tag is repeated, its first entry.
    """

    structure: Structure
    offset: int
    entries: dict[int, RawEntry]

    @property
    def data(self) -> bytes:
        """The whole file."""
        return self.structure.data

    @property
    def order(self) -> str:
        """The file's byte order: ``<`` or ``>``."""
        return self.structure.order

    @property
    def big(self) -> bool:
        """Whether the file is a BigTIFF."""
        return self.structure.big

    def values(self, tag: int) -> Values | None:
        """Return a tag's numbers; None if the tag is absent.

        Raises:
            Corrupt: the values lie outside the file, or aren't numbers.
        """
        entry = self.entries.get(tag)
        if entry is None:
            return None
        if entry.type not in _DTYPES:
            raise Corrupt(f"tiff: tag {tag} has type {entry.type}")
        dtype = np.dtype(self.order + _DTYPES[entry.type])
        if entry.at + entry.count * dtype.itemsize > len(self.data):
            raise Corrupt(f"tiff: the values of tag {tag} lie beyond the end of the file")
        if not entry.count:
            return np.empty(0, dtype)
        return np.frombuffer(self.data, dtype, entry.count, entry.at)

    def rationals(self, tag: int) -> NDArray[np.float64] | None:
        """Return a tag's fractions; None if it is absent, has another type or a zero denominator.

        Raises:
            Corrupt: the values lie outside the file.
        """
        entry = self.entries.get(tag)
        if entry is None or entry.type not in (5, 10):
            return None
        dtype = np.dtype(f"{self.order}{'u' if entry.type == 5 else 'i'}4")
        if entry.at + entry.count * 8 > len(self.data):
            raise Corrupt(f"tiff: the values of tag {tag} lie beyond the end of the file")
        pairs = np.frombuffer(self.data, dtype, 2 * entry.count, entry.at).reshape(-1, 2)
        if not pairs[:, 1].all():
            return None
        return pairs[:, 0] / pairs[:, 1].astype(np.float64)

    def number(self, tag: int, default: int) -> int:
        """Return a tag's first integer; the default if the tag is absent or has no integer.

        Raises:
            Corrupt: the values lie outside the file, or aren't numbers.
        """
        values = self.values(tag)
        if values is None or not len(values) or values.dtype.kind not in "iu":
            return default
        return int(values[0])

    def block(self, tag: int) -> bytes | None:
        """Return the bytes of a tag's values; None if the tag is absent.

        Raises:
            Corrupt: the values lie outside the file, or aren't numbers.
        """
        values = self.values(tag)
        return None if values is None else values.tobytes()

    @property
    def reduced(self) -> bool:
        """Whether the page is a smaller version of another (a thumbnail, a level of a pyramid)."""
        return bool(self.number(_SUBFILE, 0) & 1) or self.number(_OLD_SUBFILE, 1) == 2

    @property
    def mask(self) -> bool:
        """Whether the page is the transparency mask of another page."""
        return bool(self.number(_SUBFILE, 0) & 4) or self.number(PHOTOMETRIC, 0) == 4


@dataclass(frozen=True)
class Page:
    """The page that is the main image of a file.

    Attributes:
        data: the file, changed if needed so that this page's directory is the first one, for
            readers that take the first page.
        directory: the page's directory.
        count: number of directories in the chain.
        remark: a note on which page was selected; None if there was no choice.
    """

    data: bytes
    directory: Directory
    count: int
    remark: str | None


def page_of(data: bytes) -> Page:
    """Find the main image: the first page that isn't marked as a reduced version or as a mask.

    Pages are the chained directories. If none of them qualifies, the first qualifying sub-directory
    is used, because raw files and some scanners store the full image there; else the largest
    directory.

    Raises:
        Corrupt: no directory can be read.
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
        many = f"{len(chain)} or more" if len(chain) == MAX_PAGES else str(len(chain))
        remark = f"page {index} of {many}" if index else f"an image inside page 1 of {many}"
    if chosen is not chain[0]:
        data = _starting(data, chosen)
    return Page(data, chosen, len(chain), remark)


def _area(directory: Directory) -> int:
    return directory.number(WIDTH, 0) * directory.number(HEIGHT, 0)


def _starting(data: bytes, directory: Directory) -> bytes:
    """Return the file with its header changed so that a directory is the first one."""
    structure = directory.structure
    at = structure.first_at
    offset = struct.pack(structure.order + structure.offset_code, directory.offset)
    return data[:at] + offset + data[at + len(offset) :]


def _chain(data: bytes) -> Iterator[Directory]:
    """Yield the chained directories; the iteration stops at damage after the first one."""
    structure = Structure.of(data)
    if structure is None or len(data) < 16:
        raise Corrupt("tiff: cut short")
    count = 0
    try:
        for raw in islice(structure.chain(), MAX_PAGES):
            yield _complete(structure, raw)
            count += 1
    except Corrupt:
        if not count:
            raise
    except struct.error:
        if not count:
            raise _beyond_end() from None
    if not count:
        raise Corrupt("tiff: no directory")


def _nested(page: Directory) -> Iterator[Directory]:
    """Yield the sub-directories of a page that can be read (TIFF Technical Note 1)."""
    offsets = page.values(_SUB_IFDS)
    for offset in [] if offsets is None else offsets[:MAX_NESTED_PAGES].tolist():
        try:
            yield _complete(page.structure, page.structure.directory(int(offset)))
        except (Corrupt, struct.error):
            continue


def _complete(structure: Structure, raw: RawDirectory) -> Directory:
    if raw.count > MAX_ENTRIES:
        raise Corrupt(f"tiff: a directory of {raw.count} entries")
    if len(raw.entries) < raw.count:
        raise _beyond_end()
    entries: dict[int, RawEntry] = {}
    for entry in raw.entries:
        entries.setdefault(entry.tag, entry)
    return Directory(structure, raw.offset, entries)


def _beyond_end() -> Corrupt:
    return Corrupt("tiff: a directory lies beyond the end of the file")

"""TIFF directories: which page is the picture, and how its samples lie (TIFF 6.0, BigTIFF)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import Corrupt

_MOST_PAGES = 1000
"""Directories that are looked at: more are counted as so many."""

# Types of TIFF 6.0, section 2, and of BigTIFF, as NumPy names them. RATIONAL isn't read here.
_TYPES = {
    **{1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 11: "f4", 12: "f8"},
    **{13: "u4", 16: "u8", 17: "i8", 18: "u8"},
}

SUBFILE, OLD_SUBFILE, SUB_IFDS = 254, 255, 330
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANAR = 273, 274, 277, 278, 279, 284
_PREDICTOR, _COLOURMAP, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = (
    317,
    320,
    322,
    323,
    324,
    325,
)
_INKS, _EXTRA, _FORMAT, _YCBCR_SAMPLING = 332, 338, 339, 530
XMP, ICC = 700, 34675


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
        return bool(self.number(SUBFILE, 0) & 1) or self.number(OLD_SUBFILE, 1) == 2

    @property
    def mask(self) -> bool:
        """Whether it holds the transparency mask of another page."""
        return bool(self.number(SUBFILE, 0) & 4) or self.number(_PHOTOMETRIC, 0) == 4


@dataclass(frozen=True)
class Layout:
    """How a page's samples lie in the file; names and values as in TIFF 6.0.

    Attributes:
        bits: bits of a sample, the same for all samples of a pixel; 0 where they differ.
        kind: ``u`` unsigned, ``i`` signed, ``f`` floating point, ``?`` anything else.
        samples: samples of a pixel, extra ones included.
        extra: what each extra sample is: 0 unspecified, 1 premultiplied alpha, 2 straight alpha.
        planar: whether each sample has a plane of its own.
        segment: width and height of a tile; of a strip, its height and the image's width.
    """

    directory: Directory
    width: int
    height: int
    bits: int
    kind: str
    samples: int
    extra: tuple[int, ...]
    photometric: int
    compression: int
    planar: bool
    predictor: int
    fill_order: int
    tiled: bool
    segment: tuple[int, int]
    sampling: tuple[int, int]
    inks: int

    @classmethod
    def of(cls, directory: Directory) -> Layout:
        """Read a directory's tags.

        Raises:
            Corrupt: a tag that must be there is missing, or says what can't be.
        """
        number = directory.number
        width, height = number(_WIDTH, 0), number(_HEIGHT, 0)
        samples = number(_SAMPLES, 1)
        if width < 1 or height < 1 or samples < 1:
            raise Corrupt(f"tiff: {width}x{height} pixels of {samples} samples")
        extra = directory.values(_EXTRA)
        sampling = directory.values(_YCBCR_SAMPLING)
        sampling = None if sampling is None or len(sampling) != 2 else sampling
        tiled = _TILE_WIDTH in directory.entries
        if tiled:
            segment = number(_TILE_WIDTH, 0), number(_TILE_HEIGHT, 0)
        else:
            segment = width, min(number(_ROWS, height), height)
        if min(segment) < 1:
            raise Corrupt(f"tiff: strips or tiles of {segment[0]}x{segment[1]} pixels")
        return cls(
            directory=directory,
            width=width,
            height=height,
            bits=_same(directory.values(_BITS), samples, 1),
            kind={1: "u", 2: "i", 3: "f", 4: "u"}.get(
                _same(directory.values(_FORMAT), samples, 1), "?"
            ),
            samples=samples,
            extra=() if extra is None else tuple(int(each) for each in extra[:samples]),
            photometric=number(_PHOTOMETRIC, -1),
            compression=number(_COMPRESSION, 1),
            planar=number(_PLANAR, 1) == 2,
            predictor=number(_PREDICTOR, 1),
            fill_order=number(_FILL_ORDER, 1),
            tiled=tiled,
            segment=segment,
            sampling=(2, 2) if sampling is None else (int(sampling[0]), int(sampling[-1])),
            inks=number(_INKS, 1),
        )

    @property
    def orientation(self) -> int:
        """EXIF orientation, 1 to 8."""
        value = self.directory.number(_ORIENTATION, 1)
        return value if 1 <= value <= 8 else 1

    @property
    def colours(self) -> int:
        """Samples of a pixel that aren't extra."""
        return self.samples - len(self.extra)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """Offset and length in the file of each strip or tile, (N, 2).

        Raises:
            Corrupt: there are none, too few, or some lie outside the file.
        """
        tags = (_TILES, _TILE_BYTES) if self.tiled else (_STRIPS, _STRIP_BYTES)
        columns = [column for tag in tags if (column := self.directory.values(tag)) is not None]
        if len(columns) < 2:
            raise Corrupt("tiff: no strips or tiles")
        across, down = self.grid
        count = across * down * (self.samples if self.planar else 1)
        if min(map(len, columns)) < count:
            raise Corrupt(f"tiff: fewer strips or tiles than the {count} that the image needs")
        places = np.stack([column[:count].astype(np.int64) for column in columns], axis=1)
        if places.min() < 0 or (places.sum(axis=1) > len(self.directory.data)).any():
            raise Corrupt("tiff: a strip or tile lies beyond the end of the file")
        return places

    @property
    def grid(self) -> tuple[int, int]:
        """Strips or tiles across and down."""
        return -(-self.width // self.segment[0]), -(-self.height // self.segment[1])

    @property
    def colourmap(self) -> NDArray[np.uint16] | None:
        """The palette, (levels, 3)."""
        values = self.directory.values(_COLOURMAP)
        if values is None or len(values) != 3 << self.bits:
            return None
        return values.reshape(3, -1).T.astype(np.uint16)


@dataclass(frozen=True)
class Page:
    """The page that is the picture.

    Attributes:
        data: the file, changed where needed so that its first directory is this page's: readers
            that take the first page read this one.
        layout: how its samples lie.
        count: directories in the chain.
        remark: which page it is, where a choice was made.
    """

    data: bytes
    layout: Layout
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
    return Page(data, Layout.of(chosen), len(chain), remark)


def _area(directory: Directory) -> int:
    return directory.number(_WIDTH, 0) * directory.number(_HEIGHT, 0)


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
    offsets = page.values(SUB_IFDS)
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


def _same(values: NDArray | None, samples: int, default: int) -> int:
    """Return what all samples have in common, 0 where they differ; one value stands for all."""
    if values is None or not len(values):
        return default
    distinct = {int(each) for each in values[:samples].tolist()}
    return distinct.pop() if len(distinct) == 1 else 0

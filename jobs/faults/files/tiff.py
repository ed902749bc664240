"""A TIFF writer for the layouts that other writers don't make (TIFF 6.0)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray

ByteOrder = Literal["<", ">"]
"""The byte order: little-endian or big-endian."""
Tags = Mapping[int, tuple[str, Sequence[float]]]
"""The type and the values of each tag: a code of the module ``struct``, or R for fractions, whose
numerators and denominators follow each other."""
Page = tuple[Tags, list[bytes], bool]
"""A page: its tags, its segments, and whether the segments are tiles."""

_TYPE = {"B": 1, "H": 3, "I": 4, "R": 5, "f": 11, "d": 12, "Q": 16}
COMPRESSIONS = {"none": 1, "lzw": 5, "deflate": 8, "packbits": 32773, "lzma": 34925, "zstd": 50000}
COMPRESS: Mapping[str, Callable[[bytes], bytes | bytearray]] = {
    "none": bytes,
    "lzw": imagecodecs.lzw_encode,
    "deflate": zlib.compress,
    "packbits": imagecodecs.packbits_encode,
    "lzma": imagecodecs.lzma_encode,
    "zstd": imagecodecs.zstd_encode,
}


def page(
    values: NDArray[Any],
    photometric: int,
    *,
    bits: int | None = None,
    extra: Sequence[int] = (),
    planar: bool = False,
    order: ByteOrder = "<",
    tile: tuple[int, int] | None = None,
    rows: int | None = None,
    compression: str = "none",
    predictor: int = 1,
    fill_order: int = 1,
    tags: Tags | None = None,
) -> Page:
    """Return a page's tags and segments.

    Args:
        values: (H, W, samples) of any dtype.
        photometric: TIFF's PhotometricInterpretation.
        bits: bits a sample; by default those of the dtype.
        extra: what samples beyond the colours mean, TIFF's ExtraSamples.
        planar: store each sample in segments of its own.
        order: ``<`` for little-endian, ``>`` for big-endian.
        tile: width and height of tiles; by default there are strips.
        rows: rows of a strip; by default all.
        compression: one of ``COMPRESSIONS``.
        predictor: 1 none, 2 horizontal differences, 3 floating point.
        fill_order: 2 for bits from the lowest up.
        tags: further tags.
    """
    height, width, samples = values.shape
    bits = bits or 8 * values.itemsize
    tile_w, tile_h = tile or (width, rows or height)
    segments = []
    planes = [values[..., i : i + 1] for i in range(samples)] if planar else [values]
    for plane in planes:
        for top in range(0, height, tile_h):
            for left in range(0, width, tile_w):
                part = plane[top : top + tile_h, left : left + tile_w]
                if tile:
                    room = ((0, tile_h - part.shape[0]), (0, tile_w - part.shape[1]), (0, 0))
                    part = np.pad(part, room, mode="edge")
                segments.append(_segment(part, bits, order, compression, predictor, fill_order))
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    described: dict[int, tuple[str, Sequence[float]]] = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [bits] * samples),
        259: ("H", [COMPRESSIONS[compression]]),
        262: ("H", [photometric]),
        266: ("H", [fill_order]),
        277: ("H", [samples]),
        284: ("H", [2 if planar else 1]),
        317: ("H", [predictor]),
        339: ("H", [kind] * samples),
    }
    if extra:
        described[338] = ("H", list(extra))
    if tile:
        described |= {322: ("I", [tile_w]), 323: ("I", [tile_h])}
    else:
        described[278] = ("I", [tile_h])
    return {**described, **(tags or {})}, segments, bool(tile)


def _segment(
    part: NDArray[Any],
    bits: int,
    order: ByteOrder,
    compression: str,
    predictor: int,
    fill_order: int,
) -> bytes:
    """Return a segment's bytes."""
    rows, width, samples = part.shape
    if predictor == 2:
        part = part.copy()
        part[:, 1:] -= part[:, :-1]
    if predictor == 3:
        size = part.itemsize
        significance = part.astype(part.dtype.newbyteorder(">")).view(np.uint8)
        planes = significance.reshape(rows, width * samples, size).transpose(0, 2, 1)
        planes = planes.reshape(rows, size * width, samples).copy()
        planes[:, 1:] -= planes[:, :-1].copy()
        raw = planes.tobytes()
    elif bits in (8, 16, 32, 64):
        raw = part.astype(part.dtype.newbyteorder(order)).tobytes()
    else:
        each = (part.reshape(rows, -1, 1) >> np.arange(bits - 1, -1, -1).astype(part.dtype)) & 1
        raw = np.packbits(each.reshape(rows, -1).astype(np.uint8), axis=1).tobytes()
    raw = bytes(COMPRESS[compression](raw))
    if fill_order == 2:
        raw = bytes(int(f"{byte:08b}"[::-1], 2) for byte in raw)
    return raw


def tiff(
    *pages: Page, order: ByteOrder = "<", big: bool = False, nested: Sequence[Page] = ()
) -> bytes:
    """Return a file of chained pages.

    Args:
        pages: what `page` returned.
        order: ``<`` for little-endian, ``>`` for big-endian.
        big: write a BigTIFF.
        nested: sub-directories of the first page.
    """
    word, entry = ("Q", "HHQ") if big else ("I", "HHI")
    room = struct.calcsize(word)
    head = (b"II" if order == "<" else b"MM") + struct.pack(
        order + "HHH" if big else order + "H", *((43, 8, 0) if big else (42,))
    )
    data = bytearray(head + bytes(room))
    starts = [_directory(data, each, order, word, entry) for each in nested]
    previous = len(head)
    for number, (tags, segments, tiled) in enumerate(pages):
        if number == 0 and starts:
            tags = {**tags, 330: ("I", starts)}
        start = _directory(data, (tags, segments, tiled), order, word, entry)
        data[previous : previous + room] = struct.pack(order + word, start)
        previous = len(data) - room
    return bytes(data)


def _directory(data: bytearray, page: Page, order: ByteOrder, word: str, entry: str) -> int:
    """Append segments, long values and the directory, and return where the directory begins."""
    tags, segments, tiled = page
    places = []
    for segment in segments:
        places.append(len(data))
        data += segment + bytes(len(segment) % 2)
    long = "Q" if word == "Q" else "I"
    tags = {
        **tags,
        324 if tiled else 273: (long, places),
        325 if tiled else 279: (long, [len(segment) for segment in segments]),
    }
    room, entries = struct.calcsize(word), b""
    for tag, (kind, values) in sorted(tags.items()):
        number = "I" if kind == "R" else kind
        body = struct.pack(f"{order}{len(values)}{number}", *values)
        count = len(values) // 2 if kind == "R" else len(values)
        if len(body) > room:
            where = struct.pack(order + word, len(data))
            data += body + bytes(len(body) % 2)
        else:
            where = body.ljust(room, b"\0")
        entries += struct.pack(order + entry[:2] + word, tag, _TYPE[kind], count) + where
    start = len(data)
    data += struct.pack(order + ("Q" if word == "Q" else "H"), len(tags)) + entries + bytes(room)
    return start

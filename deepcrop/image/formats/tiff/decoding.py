"""Decode TIFF pages in layouts that Pillow's reader doesn't support, or reads wrong."""

from __future__ import annotations

import zlib
from typing import Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ....errors import Corrupt
from ...samples import Samples
from .layout import Layout
from .support import (
    CIELAB,
    COLOURS,
    DEFLATE,
    ICCLAB,
    LOSSLESS,
    NONE,
    PALETTE,
    RGB,
    SPACES,
    WHITE_IS_ZERO,
    YCBCR,
)
from .ycbcr import YCbCr

Values = NDArray[np.number]
"""Samples of any integer or floating-point type, shape (rows, columns, samples)."""


def read(layout: Layout) -> Samples:
    """Read the samples of a layout that `support.check` accepted; orientation isn't applied.

    Raises:
        Corrupt: a strip or tile is missing, broken or too short.
    """
    if layout.photometric == YCBCR:
        return Samples(_ycbcr(layout), "RGB", 255)
    values = _array(layout)
    colours = COLOURS[layout.photometric]
    alpha, kept = _alpha(layout, colours)
    values = values if kept == list(range(values.shape[2])) else values[..., kept]
    white = float(2**layout.bits - 1) if layout.kind == "u" and layout.bits <= 16 else None
    if layout.photometric == PALETTE:
        values, white = _looked_up(layout, values), 65535.0
    if layout.photometric in (CIELAB, ICCLAB):
        values, white = _lab(layout, values), 255.0
    return Samples(
        values,
        SPACES[layout.photometric],
        white,
        white_is_zero=layout.photometric == WHITE_IS_ZERO,
        alpha=alpha,
        linear=layout.photometric == RGB,
    )


def _alpha(
    layout: Layout, colours: int
) -> tuple[Literal["straight", "premultiplied"] | None, list[int]]:
    """Return the kind of alpha, and the indices of the kept samples: colours, then any alpha."""
    extra = layout.extra or (0,) * (layout.samples - colours)
    for index, kind in enumerate(extra[: layout.samples - colours]):
        if kind in (1, 2):
            kept = [*range(colours), colours + index]
            return ("premultiplied" if kind == 1 else "straight"), kept
    return None, list(range(colours))


def _array(layout: Layout) -> Values:
    """Assemble strips or tiles to an array (H, W, samples) in native byte order."""
    dtype = np.dtype(f"{layout.kind}{max(1, -(-layout.bits // 8))}")
    result = np.empty((layout.height, layout.width, layout.samples), dtype)
    across, down = layout.grid
    each = 1 if layout.planar else layout.samples
    width, height = layout.segment
    for index, (offset, length) in enumerate(layout.places.tolist()):
        plane, place = divmod(index, across * down)
        row, column = divmod(place, across)
        top, left = row * height, column * width
        rows = height if layout.tiled else min(height, layout.height - top)
        packed = layout.directory.data[offset : offset + length]
        part = _segment(layout, packed, rows, width, each)
        part = part[: layout.height - top, : layout.width - left]
        planes = slice(plane, plane + 1) if layout.planar else slice(None)
        result[top : top + rows, left : left + width, planes] = part
    return result


def _segment(layout: Layout, packed: bytes, rows: int, width: int, samples: int) -> Values:
    """Decompress and unpack a strip or tile: (rows, width, samples)."""
    row_bytes = -(-width * samples * layout.bits // 8)
    raw = _decompressed(layout, packed, rows * row_bytes, layout.segment[1] * row_bytes)
    if layout.bits not in (8, 16, 32, 64):
        unpacked = "u1" if layout.bits < 8 else "u2"
        values = imagecodecs.packints_decode(raw, unpacked, layout.bits, runlen=width * samples)
        return np.asarray(values).reshape(rows, width, samples)
    order = layout.directory.order
    if layout.predictor == 3:
        return _unpredicted_floats(raw, layout.bits // 8, (rows, width, samples))
    dtype = np.dtype(f"{order}{layout.kind}{layout.bits // 8}")
    values = np.frombuffer(raw, dtype).reshape(rows, width, samples)
    if layout.predictor == 2:
        unsigned = values.view(f"{order}u{layout.bits // 8}")
        native = unsigned.astype(unsigned.dtype.newbyteorder("="))
        summed = np.cumsum(native, axis=1, dtype=native.dtype)
        values = summed.view(dtype.newbyteorder("="))
    return values


def _decompressed(
    layout: Layout, packed: bytes | bytearray, size: int, room: int
) -> bytes | bytearray:
    """Return the first ``size`` bytes of a decompressed strip or tile.

    Up to ``room`` bytes are decompressed, because some writers pad the last strip.
    """
    if layout.fill_order == 2:
        packed = imagecodecs.bitorder_decode(packed)
    try:
        raw = _unpacked(layout.compression, packed, room)
    except (RuntimeError, ValueError, zlib.error) as error:
        raise Corrupt(f"tiff: a strip or tile is broken ({error})") from error
    if len(raw) < size:
        raise Corrupt(f"tiff: a strip or tile of {len(raw)} bytes instead of {size}")
    return raw[:size]


def _unpacked(compression: int, packed: bytes | bytearray, room: int) -> bytes | bytearray:
    if compression == NONE:
        return packed
    if compression in DEFLATE:
        return zlib.decompressobj().decompress(packed, room)
    unpacked: bytes | bytearray = getattr(imagecodecs, f"{LOSSLESS[compression]}_decode")(
        packed, out=room
    )
    return unpacked


def _unpredicted_floats(raw: bytes | bytearray, size: int, shape: tuple[int, int, int]) -> Values:
    """Undo predictor 3, which splits floats by byte significance and stores byte differences.

    See Adobe's TIFF Technical Note 3.
    """
    rows, width, samples = shape
    planes = np.frombuffer(raw, np.uint8).reshape(rows, size * width, samples)
    summed = np.cumsum(planes, axis=1, dtype=np.uint8)
    by_value = summed.reshape(rows, size, width * samples).transpose(0, 2, 1)
    return np.ascontiguousarray(by_value).view(f">f{size}").reshape(shape)


def _looked_up(layout: Layout, values: Values) -> NDArray[np.uint16]:
    """Replace palette indices by the palette's 16-bit colours, and scale alpha to 16 bits."""
    colourmap = layout.colourmap
    assert colourmap is not None
    if not layout.deep_colours:
        colourmap = colourmap * np.uint16(257)
    colours = colourmap[values[..., 0]]
    if values.shape[2] == 1:
        return colours
    alpha = values[..., 1:].astype(np.uint16) * np.uint16(65535 // (2**layout.bits - 1))
    return np.concatenate([colours, alpha], axis=2)


def _lab(layout: Layout, values: Values) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Return L*a*b* and alpha as `Samples` holds them.

    CIELab (TIFF 6.0, section 23) has signed a* and b*; ICCLab (TIFF Technote 4) adds 128 to them
    and, with 16 bits, stores L* = 100 as 65280.
    """
    shifted = layout.photometric == ICCLAB
    if layout.bits == 8:
        whole = values.astype(np.uint8)
        return whole ^ np.array([0, 128, 128, 0][: whole.shape[2]], np.uint8) if shifted else whole
    words = values.astype(np.int64) & 65535
    result = np.empty(values.shape, np.float32)
    result[..., 0] = words[..., 0] * (100 / (65280 if shifted else 65535))
    chroma = words[..., 1:3]
    result[..., 1:3] = (chroma - 32768 if shifted else (chroma ^ 32768) - 32768) / 256
    result[..., 3:] = words[..., 3:] / 65535
    return result


def _ycbcr(layout: Layout) -> NDArray[np.uint8]:
    """Assemble YCbCr with or without sub-sampling (TIFF 6.0, section 21), and convert it to RGB."""
    conversion = YCbCr.of(layout.directory)
    if layout.sampling == (1, 1):
        return conversion.to_rgb(np.asarray(_array(layout), np.uint8))
    h, v = layout.sampling
    width, height = layout.segment
    blocks_across = -(-width // h)
    unit = h * v + 2
    result = np.empty((layout.height, layout.width, 3), np.uint8)
    across, _ = layout.grid
    for index, (offset, length) in enumerate(layout.places.tolist()):
        row, column = divmod(index, across)
        top, left = row * height, column * width
        rows = height if layout.tiled else min(height, layout.height - top)
        blocks_down = -(-rows // v)
        packed = layout.directory.data[offset : offset + length]
        row_bytes = blocks_across * unit
        raw = _decompressed(layout, packed, blocks_down * row_bytes, -(-height // v) * row_bytes)
        blocks = np.frombuffer(raw, np.uint8).reshape(blocks_down, blocks_across, unit)
        luma = blocks[..., : h * v].reshape(blocks_down, blocks_across, v, h)
        full = np.empty((blocks_down * v, blocks_across * h, 3), np.uint8)
        full[..., 0] = luma.transpose(0, 2, 1, 3).reshape(full.shape[:2])
        full[..., 1:] = blocks[..., h * v :].repeat(v, axis=0).repeat(h, axis=1)
        part = full[: min(rows, layout.height - top), : min(width, layout.width - left)]
        result[top : top + len(part), left : left + part.shape[1]] = part
    return conversion.to_rgb(result)

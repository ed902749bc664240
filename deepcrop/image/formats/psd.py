"""Read the flattened image of Photoshop files: PSD and, for large documents, PSB.

Source: Adobe Photoshop File Formats Specification (2019). A file ends with its layers composited,
if the application saved it so ("Maximize compatibility").
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import Corrupt, Unsupported
from ..samples import Samples, Space

SIGNATURE = b"8BPS"
"""The first bytes of a Photoshop file."""
ICC, EXIF, XMP, VERSION = 1039, 1058, 1060, 1057
"""Numbers of image resources: the profile, EXIF, XMP, and whether there is a flattened image."""

_BITMAP, _GREY, _INDEXED, _RGB, _CMYK, _DUOTONE, _LAB = 0, 1, 2, 3, 4, 8, 9
_COLOURS: dict[int, tuple[Space, int]] = {
    _BITMAP: ("L", 1), _GREY: ("L", 1), _INDEXED: ("RGB", 1), _RGB: ("RGB", 3),
    _CMYK: ("CMYK", 4), _DUOTONE: ("L", 1), _LAB: ("LAB", 3),
}  # fmt: skip
_LONG_BLOCKS = (
    *(b"LMsk", b"Lr16", b"Lr32", b"Layr", b"Mt16", b"Mt32", b"Mtrn", b"Alph", b"FMsk"),
    *(b"lnk2", b"FEid", b"FXid", b"PxSD"),
)
"""Keys of blocks whose length has 8 bytes in a PSB."""
_LAYERS, _TRANSPARENCY = (b"Layr", b"Lr16", b"Lr32"), (b"Mtrn", b"Mt16", b"Mt32")
_MAX_CHANNELS = 56
_RAW, _PACKBITS, _ZIP, _ZIP_PREDICTED = range(4)


@dataclass(frozen=True)
class Document:
    """The header of a Photoshop file, and where its parts lie.

    Attributes:
        large: whether the file is a PSB, whose lengths have 8 bytes.
        channels: how many channels the flattened image has, extra ones included.
        depth: bits of a sample.
        mode: Photoshop's number of the colour mode.
        palette: the content of the section of colour mode data.
        resources: the content of the section of image resources.
        layers: offsets where the section of layers and masks starts and ends.
    """

    large: bool
    channels: int
    height: int
    width: int
    depth: int
    mode: int
    palette: bytes
    resources: bytes
    layers: tuple[int, int]

    @property
    def name(self) -> str:
        """The colour mode and the bits of a sample."""
        space, _ = _COLOURS[self.mode]
        return f"{'P' if self.mode == _INDEXED else space};{self.depth}"

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of a channel."""
        return -(-self.width * self.depth // 8)


def document_of(data: bytes) -> Document:
    """Read the header and find the sections.

    Raises:
        Corrupt: the file ends before its flattened image.
        Unsupported: the colour mode is unknown, or has no meaning without its inks.
    """
    if len(data) < 26:
        raise Corrupt("psd: cut short")
    version, channels, height, width, depth, mode = struct.unpack(">H6xHIIHH", data[4:26])
    if version not in (1, 2):
        raise Unsupported(f"psd: version {version}")
    if mode not in _COLOURS:
        raise Unsupported(f"psd: colour mode {mode} (multichannel is 7)")
    if depth not in (1, 8, 16, 32) or (depth == 1) != (mode == _BITMAP):
        raise Unsupported(f"psd: {depth} bits in colour mode {mode}")
    if not _COLOURS[mode][1] <= channels <= _MAX_CHANNELS:
        raise Corrupt(f"psd: {channels} channels in colour mode {mode}")
    large = version == 2
    palette, resources = _section(data, 26, 4), (0, 0)
    resources = _section(data, palette[1], 4)
    layers = _section(data, resources[1], 8 if large else 4)
    return Document(
        large, channels, height, width, depth, mode,
        data[slice(*palette)], data[slice(*resources)], layers,
    )  # fmt: skip


def check(document: Document, version: bytes) -> None:
    """Check that the file has a flattened image.

    Args:
        document: the file's header.
        version: the resource `VERSION`; empty if there is none.

    Raises:
        Unsupported: it was saved without one; the message says how to save it.
    """
    if len(version) >= 5 and not version[4]:
        raise Unsupported("psd: no flattened image: save it with Maximize compatibility")
    if document.depth == 32 and document.mode not in (_GREY, _RGB):
        raise Unsupported(f"psd: 32 bits in colour mode {document.mode}")


def read(data: bytes, document: Document) -> Samples:
    """Decode the flattened image.

    Raises:
        Corrupt: the image is damaged or cut short.
    """
    space, colours = _COLOURS[document.mode]
    clear = document.channels > colours and _has_transparency(data, document)
    planes = _planes(data, document, colours + clear)
    white = {1: 1.0, 8: 255.0, 16: 65535.0, 32: 1.0}[document.depth]
    if document.mode == _INDEXED:
        table = np.frombuffer(document.palette[:768], np.uint8)
        if len(table) != 768:
            raise Corrupt("psd: a palette without its colours")
        return Samples(table.reshape(3, 256).T[planes[0]], "RGB", 255.0)
    values: NDArray[np.number] = np.stack(planes, axis=2)
    if document.mode == _LAB:
        # Lightness from 0, a* and b* around half of the range; alpha isn't read beside it.
        if document.depth == 8:
            whole = np.asarray(values[..., :3], np.uint8)
            return Samples(whole ^ np.array([0, 128, 128], np.uint8), "LAB")
        deep = np.asarray(values[..., :3], np.float32)
        # 16 bits are 257 times 8 bits, so that 0 is 32896 and not half of the range.
        deep -= np.array([0, 128 * 257, 128 * 257], np.float32)
        deep /= np.array([655.35, 257, 257], np.float32)
        return Samples(deep, "LAB")
    inverted = document.mode in (_BITMAP, _CMYK)  # 1 is black; ink is stored from full to none
    if clear:
        values = _without_white(values, white)
    return Samples(values, space, white, inverted, "straight" if clear else None)


def _section(data: bytes, at: int, width: int) -> tuple[int, int]:
    """Return where the content of a section starts and ends."""
    start = at + width
    end = start + int.from_bytes(data[at:start], "big")
    if end > len(data) or start > len(data):
        raise Corrupt("psd: cut short")
    return start, end


def _has_transparency(data: bytes, document: Document) -> bool:
    """Return whether the first extra channel is the transparency of the flattened image.

    A negative number of layers says so. In deep files the layers lie in a block of their own, or a
    block without content says it.
    """
    start, end = document.layers
    width = 8 if document.large else 4
    if end - start < width:
        return False
    length = int.from_bytes(data[start : start + width], "big")
    at = start + width
    if length >= 2:
        return _signed(data, at) < 0
    at += length
    at += 4 + int.from_bytes(data[at : at + 4], "big")  # the global mask
    while at + 12 <= end and data[at : at + 4] in (b"8BIM", b"8B64"):
        key = data[at + 4 : at + 8]
        size = 8 if document.large and key in _LONG_BLOCKS else 4
        length = int.from_bytes(data[at + 8 : at + 8 + size], "big")
        if key in _TRANSPARENCY:
            return True
        if key in _LAYERS and length >= 2:
            return _signed(data, at + 8 + size) < 0
        at += 8 + size + length + -length % 4
    return False


def _signed(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big", signed=True)


def _planes(data: bytes, document: Document, count: int) -> list[NDArray[np.number]]:
    """Decode the first channels: (H, W) each."""
    at = document.layers[1]
    compression = int.from_bytes(data[at : at + 2], "big")
    at += 2
    size = document.row_bytes * document.height
    if compression == _RAW:
        bodies = [data[at + i * size : at + (i + 1) * size] for i in range(count)]
    elif compression == _PACKBITS:
        bodies = _unpacked(data, at, document, count)
    elif compression in (_ZIP, _ZIP_PREDICTED):
        whole = zlib.decompressobj().decompress(data[at:], size * count)
        bodies = [whole[i * size : (i + 1) * size] for i in range(count)]
    else:
        raise Corrupt(f"psd: compression {compression}")
    if any(len(body) != size for body in bodies):
        raise Corrupt("psd: the flattened image is cut short")
    return [_plane(body, document, compression == _ZIP_PREDICTED) for body in bodies]


def _unpacked(data: bytes, at: int, document: Document, count: int) -> list[bytes]:
    """Decompress channels row by row, so that a damaged row can't shift the next ones."""
    import imagecodecs

    width = ">u4" if document.large else ">u2"
    rows = document.channels * document.height
    table = np.frombuffer(data[at : at + rows * int(width[-1])], width).astype(np.int64)
    if len(table) != rows:
        raise Corrupt("psd: the flattened image is cut short")
    ends = at + rows * int(width[-1]) + np.cumsum(table)
    starts = ends - table
    bodies = []
    for first in range(0, count * document.height, document.height):
        parts = []
        for row in range(first, first + document.height):
            try:
                part = imagecodecs.packbits_decode(
                    data[starts[row] : ends[row]], out=document.row_bytes
                )
            except (RuntimeError, ValueError) as error:
                raise Corrupt(f"psd: {error}") from error
            parts.append(bytes(part))
        bodies.append(b"".join(parts))
    return bodies


def _plane(body: bytes, document: Document, predicted: bool) -> NDArray[np.number]:
    height, width, depth = document.height, document.width, document.depth
    if depth == 1:
        bits = np.frombuffer(body, np.uint8).reshape(height, -1)
        return np.unpackbits(bits, axis=1)[:, :width]
    if depth == 32 and predicted:
        # The four bytes of the floats lie apart in each row, as in TIFF's predictor 3.
        sums = np.cumsum(np.frombuffer(body, np.uint8).reshape(height, -1), axis=1, dtype=np.uint8)
        apart = sums.reshape(height, 4, width).transpose(0, 2, 1)
        return np.ascontiguousarray(apart).view(">f4")[..., 0].astype(np.float32)
    kind = {8: ">u1", 16: ">u2", 32: ">f4"}[depth]
    values = np.frombuffer(body, kind).reshape(height, width)
    plain = values.astype(values.dtype.newbyteorder("="))
    return np.cumsum(plain, axis=1, dtype=plain.dtype) if predicted else plain


def _without_white(values: NDArray[np.number], white: float) -> NDArray[np.number]:
    """Return straight colours: Photoshop composites the flattened image over white.

    Args:
        values: (H, W, C), alpha last.
        white: the value of white and of opaque alpha.
    """
    result = np.empty_like(values)
    result[..., -1] = values[..., -1]
    for top in range(0, len(values), 256):
        rows = values[top : top + 256].astype(np.float64)
        alpha = rows[..., -1:] / white
        colours = (rows[..., :-1] - (1 - alpha) * white) / np.where(alpha > 0, alpha, 1)
        colours = colours.clip(0, white if values.dtype.kind == "u" else None)
        if values.dtype.kind == "u":
            colours = np.rint(colours)
        result[top : top + 256, :, :-1] = colours.astype(values.dtype)
    return result

"""Read the gain map of a JPEG, and write a JPEG with one (Ultra HDR, ISO 21496-1, Apple's).

The gain map is a JPEG of its own behind the base picture. The base's Multi-Picture Format segment
says where (CIPA DC-007), and XMP and ISO 21496-1 segments say what it is, in both pictures.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ..formats import jpeg
from . import apple, binary, xmp_form
from .model import GainMap, Parameters, from_apple

_MPF = b"MPF\0"
_SOI, _EXIF = b"\xff\xd8", b"Exif\0\0"
_MAX_PICTURES = 16
_QUALITY = 90
"""Quality of the gain map's JPEG; its errors are spread over the picture's pixels."""


@dataclass(frozen=True, eq=False)
class Found:
    """A gain map in a JPEG that is not decoded yet.

    Attributes:
        data: the gain map's JPEG.
        parameters: what its samples mean; None for Apple's.
        headroom: Apple's headroom; None for others, and if the photo doesn't state it.
    """

    data: bytes
    parameters: Parameters | None
    headroom: float | None

    def read(self, largest: int) -> GainMap | None:
        """Decode the gain map as stored.

        Returns:
            The gain map; None if it is broken, has more than ``largest`` pixels, or if nothing says
            what its samples mean.
        """
        if self.parameters is None and self.headroom is None:
            return None
        frame = jpeg.frame_of(self.data)
        if frame is None or not frame.ordinary or not 0 < frame.width * frame.height <= largest:
            return None
        grey = len(frame.components) == 1 or self.headroom is not None
        try:
            pixels = simplejpeg.decode_jpeg(self.data, "GRAY" if grey else "RGB")
        except ValueError:
            return None
        return _as_map(pixels, self.parameters, self.headroom)


def _as_map(
    pixels: NDArray[np.uint8], parameters: Parameters | None, headroom: float | None
) -> GainMap | None:
    if headroom is not None:
        return from_apple(pixels, headroom)
    if parameters is None:
        return None
    if pixels.shape[2] == 1 and len(parameters.maximum) == 3:
        pixels = np.repeat(pixels, 3, axis=2)
    return GainMap(np.ascontiguousarray(pixels), parameters)


def find(data: bytes) -> Found | None:
    """Find the gain map behind a JPEG; None if there is none."""
    exif = next((body for _, body in _segments(data) if body.startswith(_EXIF)), None)
    for picture in _pictures(data):
        found = _described(picture, exif)
        if found is not None:
            return found
    return None


def _described(picture: bytes, exif: bytes | None) -> Found | None:
    packet = None
    for marker, body in _segments(picture):
        if marker == jpeg.APP2 and body.startswith(binary.NAMESPACE):
            parameters = binary.parse(body[len(binary.NAMESPACE) :])
            if parameters is not None:
                return Found(picture, parameters, None)
        if marker == jpeg.APP1 and body.startswith(jpeg.XMP_HEADER):
            packet = body[len(jpeg.XMP_HEADER) :]
    if packet is None:
        return None
    if (parameters := xmp_form.parse(packet)) is not None:
        return Found(picture, parameters, None)
    if xmp_form.is_apple(packet):
        headroom = xmp_form.apple_headroom(packet) or apple.headroom_of(exif)
        return Found(picture, None, headroom)
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment before the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA or marker == 0xD9:
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def _pictures(data: bytes) -> Iterator[bytes]:
    """Yield the pictures that the Multi-Picture Format lists behind the first one."""
    at = 2
    for marker, body in _segments(data):
        at = data.find(body, at)
        if marker == jpeg.APP2 and body.startswith(_MPF):
            start = at + len(_MPF)
            for size, offset in _entries(body[len(_MPF) :]):
                picture = data[start + offset : start + offset + size]
                if offset and picture.startswith(_SOI):
                    yield picture
            return


def _entries(index: bytes) -> Iterator[tuple[int, int]]:
    """Yield size and offset of each picture (CIPA DC-007-2009, section 5.2.3)."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(index[:4])
    if order is None:
        return
    try:
        (at,) = struct.unpack_from(f"{order}I", index, 4)
        (count,) = struct.unpack_from(f"{order}H", index, at)
        for entry in range(at + 2, at + 2 + 12 * min(count, 16), 12):
            tag, _, size, place = struct.unpack_from(f"{order}HHII", index, entry)
            if tag == 0xB002:
                for each in range(place, place + min(size, 16 * _MAX_PICTURES) - 15, 16):
                    yield struct.unpack_from(f"{order}4xII", index, each)
    except struct.error:
        return


def encoded(gain_map: GainMap) -> bytes:
    """Return the JPEG of a gain map, with its parameters in both forms."""
    grey = gain_map.pixels.shape[2] == 1
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(gain_map.pixels),
        quality=_QUALITY,
        colorspace="GRAY" if grey else "RGB",
        colorsubsampling="Gray" if grey else "444",
    )
    packet = jpeg.XMP_HEADER + xmp_form.for_map(gain_map.parameters)
    parameters = binary.NAMESPACE + binary.written(gain_map.parameters)
    blocks = jpeg.segment(jpeg.APP1, packet) + jpeg.segment(jpeg.APP2, parameters)
    return jpeg.with_blocks(data, blocks)


def joined(base: bytes, gain_map: bytes) -> bytes:
    """Return one file of the base picture's JPEG and the gain map's.

    Args:
        base: a JPEG whose XMP packet says already that the gain map follows (`xmp_form.for_base`).
        gain_map: what `encoded` returned.
    """
    version = jpeg.segment(jpeg.APP2, binary.NAMESPACE + binary.VERSION)
    index_bytes = 4 + len(_MPF) + 8 + 2 + 3 * 12 + 4 + 32
    size = len(base) + len(version) + index_bytes
    # Behind the other blocks: the index counts from its own place to the end of the base.
    at = jpeg.end_of_blocks(base)
    offset = size - (at + len(version) + 4 + len(_MPF))
    index = jpeg.segment(jpeg.APP2, _MPF + _index(size, offset, len(gain_map)))
    return base[:at] + version + index + base[at:] + gain_map


def _index(base: int, offset: int, gain_map: int) -> bytes:
    entries = struct.pack(">IIIHH", 0x030000, base, 0, 0, 0)
    entries += struct.pack(">IIIHH", 0, gain_map, offset, 0, 0)
    tags = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100")
    tags += struct.pack(">HHII", 0xB001, 4, 1, 2)
    tags += struct.pack(">HHII", 0xB002, 7, len(entries), 8 + 2 + 3 * 12 + 4)
    return b"MM\0*" + struct.pack(">IH", 8, 3) + tags + bytes(4) + entries

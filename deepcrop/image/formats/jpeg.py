"""Read JPEG frame headers, and decode the rare coding processes that Pillow can't read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import Corrupt, Unsupported
from ..samples import Samples

# Markers of ITU-T T.81, table B.1, and of T.87 (JPEG-LS).
BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS = 0xC0, 0xC1, 0xC2, 0xC3
ARITHMETIC, ARITHMETIC_PROGRESSIVE, JPEG_LS = 0xC9, 0xCA, 0xF7
_FRAMES = {*range(0xC0, 0xD0), JPEG_LS} - {0xC4, 0xC8, 0xCC}
_HIERARCHICAL = (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)
_DCT = (BASELINE, EXTENDED, PROGRESSIVE, ARITHMETIC, ARITHMETIC_PROGRESSIVE)
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
APP1, APP2, APP13 = 0xE1, 0xE2, 0xED

MAX_PAYLOAD = 65533
"""The most bytes of a segment's content: its 16-bit length includes the length itself (T.81, B.1).
"""

XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
"""The first bytes of an APP1 segment with XMP (XMP Specification part 3, section 1.1.3)."""

PHOTOSHOP_HEADER = b"Photoshop 3.0\0"
"""The first bytes of an APP13 segment with Photoshop's image resources.

See the XMP Specification part 3, section 1.1.3.
"""

ICC_HEADER = b"ICC_PROFILE\0"
"""The first bytes of an APP2 segment with a part of an ICC profile (ICC.1:2022, annex B.4)."""

# The ratios of luma's sampling factors to chroma's (horizontal, vertical) in the subsamplings that
# TurboJPEG's documentation lists (TJSAMP: 4:4:4, 4:2:2, 4:2:0, 4:4:0, 4:1:1, 4:4:1).
_RATIOS = {(1, 1), (2, 1), (2, 2), (1, 2), (4, 1), (1, 4)}


@dataclass(frozen=True)
class Frame:
    """A JPEG's frame header (ITU-T T.81, section B.2.2).

    Attributes:
        process: the second byte of the frame's marker, which names the coding process.
        precision: bits of a sample.
        components: identifier, horizontal and vertical sampling factor of each component.
        at: offset of the marker in the file.
        plain: whether all markers before the first scan are well-formed.
    """

    process: int
    precision: int
    width: int
    height: int
    components: tuple[tuple[int, int, int], ...]
    at: int
    plain: bool

    @property
    def scalable(self) -> bool:
        """Whether libjpeg-turbo may decode the frame at 1/2, 1/4 and 1/8.

        This is an allowlist of what its documentation describes as scalable: sequential and
        progressive DCT with Huffman coding, 8 bits, one, three or four components in a listed
        subsampling. Scaled decoding of other files can crash the process.
        """
        if not self.plain or self.process not in (BASELINE, EXTENDED, PROGRESSIVE):
            return False
        if self.precision != 8 or len({each[0] for each in self.components}) < len(self.components):
            return False
        factors = [each[1:] for each in self.components]
        if any(not 1 <= h <= 4 or not 1 <= v <= 4 for h, v in factors):
            return False
        if len(factors) == 1:
            return True
        if len(factors) not in (3, 4) or factors[1] != factors[2]:
            return False
        if len(factors) == 4 and factors[3] != factors[0]:
            return False
        (h, v), (chroma_h, chroma_v) = factors[:2]
        ratio = (h // chroma_h, v // chroma_v)
        return h % chroma_h == v % chroma_v == 0 and ratio in _RATIOS

    @property
    def ordinary(self) -> bool:
        """Whether Pillow reads the frame: 8-bit DCT with Huffman or arithmetic coding."""
        return self.process in _DCT and self.precision == 8 and self._count != 2

    @property
    def arithmetic(self) -> bool:
        """Whether the frame is arithmetic-coded."""
        return self.process in (ARITHMETIC, ARITHMETIC_PROGRESSIVE)

    @property
    def _count(self) -> int:
        return len(self.components)

    def check(self) -> None:
        """Check that `read` can decode this frame, which isn't ordinary.

        Raises:
            Unsupported: it can't; the message names the coding process.
        """
        if self.process in _HIERARCHICAL:
            why = "hierarchical coding"
        elif self.process == 0xCB:
            why = "lossless arithmetic coding"
        elif self._count not in (1, 3):
            why = f"{self._count} components of {self.precision} bits in an unusual process"
        elif self.process == JPEG_LS and not 2 <= self.precision <= 16:
            why = f"JPEG-LS of {self.precision} bits"
        elif self.process == LOSSLESS and not 2 <= self.precision <= 16:
            why = f"lossless coding of {self.precision} bits"
        elif self.process not in (LOSSLESS, JPEG_LS) and (self.precision != 12 or self.arithmetic):
            why = f"{self.precision} bits"
        else:
            return
        raise Unsupported(f"jpeg: {why} (marker FF {self.process:02X}) is not read")


def frame_of(data: bytes) -> Frame | None:
    """Read the frame header; None if it is broken, or missing before the first scan."""
    at, plain = 2, True
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            at = data.find(b"\xff", at)  # skip garbage, as libjpeg does
            plain = False
            if at < 0:
                return None
            continue
        marker = data[at + 1]
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # fill, or no body
            plain = plain and marker == 0xFF
            at += 1 if marker == 0xFF else 2
            continue
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return None
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            return _frame(data[at + 4 : at + 2 + length], marker, at, plain)
        at += 2 + max(length, 2)
    return None


def _frame(body: bytes, marker: int, at: int, plain: bool) -> Frame | None:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        return None
    triples = [body[i : i + 3] for i in range(6, 6 + 3 * body[5], 3)]
    components = tuple((triple[0], triple[1] >> 4, triple[1] & 15) for triple in triples)
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    return Frame(marker, body[0], width, height, components, at, plain)


def as_ordinary(data: bytes, frame: Frame) -> bytes:
    """Return the file's header with its frame relabelled as 8-bit baseline, to read metadata.

    Pillow refuses to open other frames, although EXIF, XMP and ICC don't depend on the frame.
    """
    end = frame.at + 2 + int.from_bytes(data[frame.at + 2 : frame.at + 4], "big")
    head = data[: frame.at + 1] + bytes([BASELINE]) + data[frame.at + 2 : frame.at + 4]
    length = 6 + 2 * len(frame.components)
    scan = b"\xff\xda" + length.to_bytes(2, "big") + bytes(length - 2)
    return head + b"\x08" + data[frame.at + 5 : end] + scan


def segment(marker: int, payload: bytes) -> bytes:
    """Return a segment; nothing if the payload is too long for one."""
    if len(payload) > MAX_PAYLOAD:
        return b""
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def with_blocks(data: bytes, blocks: bytes) -> bytes:
    """Return a JPEG with segments inserted after its JFIF header."""
    after = 4 + int.from_bytes(data[4:6], "big") if data[2:4] == b"\xff\xe0" else 2
    return data[:after] + blocks + data[after:]


def end_of_blocks(data: bytes) -> int:
    """Return the offset behind a JPEG's application segments."""
    at = 2
    while data[at : at + 1] == b"\xff" and 0xE0 <= data[at + 1] <= 0xEF:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def read(data: bytes, frame: Frame) -> Samples:
    """Decode a frame of 12 bits, lossless coding or JPEG-LS, with 1 or 3 components.

    Raises:
        Corrupt: the decoder reports damage, or the file has no end marker.
    """
    import imagecodecs  # imported here because other JPEGs don't need it

    end = data.find(b"\xff\xd9", data.find(b"\xff\xda", frame.at))
    if end < 0:  # decoders can take half a minute to report this
        raise Corrupt("jpeg: no end marker")
    whole = True
    try:
        if frame.process == JPEG_LS:
            values = imagecodecs.jpegls_decode(data[: end + 2])
        else:
            values = imagecodecs.jpeg8_decode(data)
            # imagecodecs doesn't report libjpeg's warning that missing data were filled in. So the
            # file is decoded again with extra bytes before its end marker: if it is complete, they
            # are ignored; if data are missing, they are decoded and change the pixels.
            longer = data[:end] + bytes(range(1, 128)) + b"\xff\xd9"
            whole = np.array_equal(values, imagecodecs.jpeg8_decode(longer))
    except (RuntimeError, ValueError) as error:
        raise Corrupt(f"jpeg: {error}") from error
    if not whole:
        raise Corrupt("jpeg: cut short before its end marker")
    if values.ndim == 2:
        values = values[..., None]
    if values.shape != (frame.height, frame.width, len(frame.components)):
        raise Corrupt(f"jpeg: {values.shape} samples are not what the header says")
    white = float(2**frame.precision - 1)
    return Samples(values, "L" if len(frame.components) == 1 else "RGB", white)

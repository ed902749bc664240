"""Parse the header of a JPEG XL codestream (ISO/IEC 18181-1:2024, annexes A, D and E)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")

Point = tuple[float, float]
"""A chromaticity: the CIE 1931 coordinates x and y."""
Range = tuple[int, int]
"""A range of numbers: how many bits are read, and what is added to them."""

ALPHA, BLACK = 0, 4
"""Types of extra channels: transparency, and the black ink of CMYK."""
_GREY, _XYB = 1, 2
Alpha = Literal["straight", "premultiplied"]
_Kind = Literal["straight", "premultiplied", "black", "other"]
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_WHITES: dict[int, Point] = {1: (0.3127, 0.3290), 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
_PRIMARIES: dict[int, tuple[Point, Point, Point]] = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_CUSTOM = 2
_COORDINATE = ((19, 0), (19, 524288), (20, 1048576), (21, 2097152))
_SIDE = ((9, 1), (13, 1), (18, 1), (30, 1))


class BrokenHeader(Exception):
    """The header is cut short or has an impossible value."""


@dataclass(frozen=True)
class Colours:
    """A colour space that a header names.

    Attributes:
        primaries: chromaticities of red, green and blue.
        white: chromaticity of white.
        transfer: the transfer characteristics, a code point of ITU-T H.273; 2 if unknown.
        gamma: the exponent from light to signal in place of ``transfer``; None if there is none.
    """

    primaries: tuple[Point, Point, Point] = _PRIMARIES[1]
    white: Point = _WHITES[1]
    transfer: int = 13
    gamma: float | None = None


@dataclass(frozen=True)
class Header:
    """The header of a codestream.

    Attributes:
        width: width as stored, in pixels.
        height: height as stored, in pixels.
        orientation: the orientation as EXIF numbers it, 1 to 8.
        animated: whether there are several frames.
        bits: bits of a sample.
        floats: whether samples are floating-point numbers.
        bits_at: position of the selector of ``bits``, counted in bits from the codestream's start;
            0 if the header has none.
        grey: whether the picture is grey.
        alpha: the kind of transparency; None if there is none.
        black: whether an extra channel is the black ink of CMYK.
        xyb: whether colours are coded in XYB, as lossy pictures are.
        icc: whether there is an ICC profile.
        colours: the colour space of the picture; None if an ICC profile sets it.
        peak: the brightest luminance that the picture is meant for, in cd/m².
    """

    width: int
    height: int
    orientation: int = 1
    animated: bool = False
    bits: int = 8
    floats: bool = False
    bits_at: int = 0
    grey: bool = False
    alpha: Alpha | None = None
    black: bool = False
    xyb: bool = True
    icc: bool = False
    colours: Colours | None = Colours()
    peak: float = 255.0

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height as shown."""
        if self.orientation >= 5:
            return self.height, self.width
        return self.width, self.height


class BitReader:
    """Reads a byte string bit by bit, the lowest bit first (annex B)."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        """Start at a byte."""
        self._number = int.from_bytes(data, "little")
        self._end = 8 * len(data)
        self.at = 8 * at

    def read(self, bits: int) -> int:
        """Read an unsigned number.

        Raises:
            BrokenHeader: the bytes end before.
        """
        if self.at + bits > self._end:
            raise BrokenHeader("cut short")
        self.at += bits
        return self._number >> (self.at - bits) & ((1 << bits) - 1)

    def flag(self) -> bool:
        """Read one bit."""
        return bool(self.read(1))

    def chosen(self, *ranges: Range) -> int:
        """Read a number that lies in one of four ranges (``U32``)."""
        bits, offset = ranges[self.read(2)]
        return self.read(bits) + offset

    def enum(self) -> int:
        """Read the number of a named value."""
        return self.chosen((0, 0), (0, 1), (4, 2), (6, 18))

    def half(self) -> float:
        """Read a number in half precision."""
        return float(struct.unpack("<e", self.read(16).to_bytes(2, "little"))[0])


def header_of_codestream(stream: bytes) -> Header:
    """Parse the header.

    Args:
        stream: the codestream from its signature on; 4,096 bytes suffice.

    Raises:
        BrokenHeader: it is cut short or has an impossible value.
    """
    bits = BitReader(stream, 2)
    width, height = _size(bits)
    if bits.flag():  # all values are the default ones
        return Header(width, height)
    extra = bits.flag()
    orientation, animated = 1, False
    if extra:
        orientation = 1 + bits.read(3)
        if bits.flag():
            _size(bits)  # the intrinsic size
        if bits.flag():
            _preview(bits)
        if animated := bits.flag():
            _animation(bits)
    bits_at = bits.at + 1
    floats, depth = _depth(bits)
    bits.flag()  # whether 16-bit buffers suffice
    kinds = [_extra_channel(bits) for _ in range(bits.chosen((0, 0), (0, 1), (4, 2), (12, 1)))]
    xyb = bits.flag()
    grey, icc, colours = _colours(bits)
    peak = 255.0
    if extra and not bits.flag():  # the tone mapping isn't the default
        peak = bits.half()
    alpha: Alpha | None = None
    for kind in reversed(kinds):
        alpha = kind if kind == "straight" or kind == "premultiplied" else alpha
    return Header(
        width, height, orientation, animated, depth, floats, bits_at, grey,
        alpha, "black" in kinds, xyb, icc, colours, peak,
    )  # fmt: skip


def _size(bits: BitReader) -> tuple[int, int]:
    eighths = bits.flag()
    height = 8 * bits.read(5) + 8 if eighths else bits.chosen(*_SIDE)
    ratio = bits.read(3)
    if ratio:
        top, bottom = _RATIOS[ratio]
        return height * top // bottom, height
    return (8 * bits.read(5) + 8 if eighths else bits.chosen(*_SIDE)), height


def _preview(bits: BitReader) -> None:
    eighths = bits.flag()
    side: tuple[Range, ...] = ((6, 1), (8, 65), (10, 321), (12, 1345))
    if eighths:
        side = ((0, 16), (0, 32), (5, 1), (9, 33))
    bits.chosen(*side)
    if not bits.read(3):
        bits.chosen(*side)


def _animation(bits: BitReader) -> None:
    bits.chosen((0, 100), (0, 1000), (10, 1), (30, 1))
    bits.chosen((0, 1), (0, 1001), (8, 1), (10, 1))
    bits.chosen((0, 0), (3, 0), (16, 0), (32, 0))
    bits.flag()


def _depth(bits: BitReader) -> tuple[bool, int]:
    """Return whether samples are floats, and their bits."""
    floats = bits.flag()
    if not floats:
        return False, bits.chosen((0, 8), (0, 10), (0, 12), (6, 1))
    depth = bits.chosen((0, 32), (0, 16), (0, 24), (6, 1))
    bits.read(4)
    return True, depth


def _extra_channel(bits: BitReader) -> _Kind:
    """Return what an extra channel is: straight, premultiplied, black or other."""
    if bits.flag():
        return "straight"
    kind = bits.enum()
    _depth(bits)
    bits.chosen((0, 0), (0, 3), (0, 4), (3, 1))  # how much smaller the channel is
    bits.read(8 * bits.chosen((0, 0), (4, 0), (5, 16), (10, 48)))  # its name
    if kind == ALPHA:
        return "premultiplied" if bits.flag() else "straight"
    if kind == 2:  # a spot colour
        bits.read(64)
    elif kind == 5:  # a colour filter array
        bits.chosen((0, 1), (2, 0), (4, 3), (8, 19))
    return "black" if kind == BLACK else "other"


def _colours(bits: BitReader) -> tuple[bool, bool, Colours | None]:
    """Return whether the picture is grey, whether it has an ICC profile, and its colour space."""
    if bits.flag():
        return False, False, Colours()
    icc, space = bits.flag(), bits.enum()
    grey = space == _GREY
    if icc:
        return grey, True, None
    white, primaries = _WHITES[1], _PRIMARIES[1]
    if space != _XYB:
        code = bits.enum()
        white = _point(bits) if code == _CUSTOM else _known(_WHITES, code)
        if not grey:
            code = bits.enum()
            if code == _CUSTOM:
                primaries = _point(bits), _point(bits), _point(bits)
            else:
                primaries = _known(_PRIMARIES, code)
    gamma, transfer = None, 13
    if space != _XYB:
        if bits.flag():
            gamma = bits.read(24) / 1e7
        else:
            transfer = bits.enum()
    bits.enum()  # the rendering intent
    return grey, False, Colours(primaries, white, transfer, gamma)


def _known(table: Mapping[int, T], code: int) -> T:
    if code not in table:
        raise BrokenHeader(f"an unknown colour space ({code})")
    return table[code]


def _point(bits: BitReader) -> Point:
    x, y = (_signed(bits.chosen(*_COORDINATE)) / 1e6 for _ in range(2))
    return x, y


def _signed(value: int) -> int:
    return -((value + 1) // 2) if value & 1 else value // 2

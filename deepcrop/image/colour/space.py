"""RGB colour spaces by their primaries and transfer function, and the ICC profile of each."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...errors import Unsupported
from .transfer import CURVES, HLG, PQ, SRGB, Curve

Point = tuple[float, float]
"""A chromaticity: the CIE 1931 coordinates x and y."""

D65: Point = (0.3127, 0.3290)
D50 = np.array([0.9642, 1.0, 0.8249])  # the ICC's profile connection space
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@dataclass(frozen=True)
class Primaries:
    """The chromaticities of a colour space's red, green, blue and white."""

    red: Point
    green: Point
    blue: Point
    white: Point = D65

    @property
    def sane(self) -> bool:
        """Whether a display could have these chromaticities, and they give an invertible matrix."""
        points = np.array([self.red, self.green, self.blue, self.white])
        if points.min() < -0.2 or points.max() > 1.2 or self.white[1] < 0.05:
            return False
        corners = np.column_stack([points[:3], np.ones(3)])
        if abs(np.linalg.det(corners)) < 0.02:  # twice the triangle's area; sRGB's is 0.22
            return False
        weights = np.linalg.solve(corners.T, np.append(points[3], 1.0))
        return bool(weights.min() > 0.01)  # white lies inside the triangle

    def close_to(self, other: Primaries) -> bool:
        """Return whether all chromaticities are equal up to the rounding of files."""
        mine = (self.red, self.green, self.blue, self.white)
        others = (other.red, other.green, other.blue, other.white)
        return bool(np.abs(np.subtract(mine, others)).max() < 0.0015)

    @property
    def to_xyz(self) -> NDArray[np.float64]:
        """The matrix from linear RGB to CIE XYZ, with white adapted to D50 (Bradford)."""
        corners = np.array([(x, y, 1 - x - y) for x, y in (self.red, self.green, self.blue)]).T
        matrix = corners * np.linalg.solve(corners, _xyz(self.white))
        return np.asarray(self.adaptation @ matrix)

    @property
    def adaptation(self) -> NDArray[np.float64]:
        """The matrix that adapts CIE XYZ from the space's white to D50 (Bradford)."""
        gain = (_BRADFORD @ D50) / (_BRADFORD @ _xyz(self.white))
        return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(gain) @ _BRADFORD)

    @property
    def to_srgb(self) -> NDArray[np.float64]:
        """The matrix from linear RGB to linear sRGB, relative colorimetric: white stays white."""
        return np.asarray(np.linalg.solve(BT709.to_xyz, self.to_xyz))

    @property
    def luminance(self) -> NDArray[np.float64]:
        """The shares of red, green and blue in luminance; their sum is 1."""
        return np.asarray(self.to_xyz[1])


BT709 = Primaries((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE_RGB = Primaries((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
_C: Point = (0.310, 0.316)
_SMPTE170M = Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))

PRIMARIES: dict[int, Primaries] = {
    1: BT709,
    4: Primaries((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: Primaries((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: _SMPTE170M,
    7: _SMPTE170M,
    8: Primaries((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    10: Primaries((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1 / 3, 1 / 3)),
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: Primaries((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
"""The colour primaries of ITU-T H.273, table 2, by code point."""


@dataclass(frozen=True)
class ColourSpace:
    """An RGB colour space that something other than an ICC profile declares.

    Attributes:
        primaries: the chromaticities.
        curve: the transfer function from signal to light; None if ``hdr`` is set.
        hdr: the transfer characteristics of H.273 with a high dynamic range: 16 (PQ) or 18 (HLG);
            None for SDR.
        full_range: whether all levels of the samples are used; otherwise black and white lie at
            16/255 and 235/255 of 8 bits, and at the same levels shifted left in deeper samples.
        max_light: the brightest pixel's max(R, G, B) in cd/m² (MaxCLL); None if the file doesn't
            declare it.
    """

    primaries: Primaries
    curve: Curve | None
    hdr: int | None = None
    full_range: bool = True
    max_light: float | None = None

    @property
    def is_srgb(self) -> bool:
        """Whether the samples are sRGB already."""
        return self.curve == SRGB and self.full_range and self.primaries == BT709

    @property
    def needs_depth(self) -> bool:
        """Whether 8 bits are too few for the space: HDR, and linear or almost linear light."""
        return self.curve is None or self.curve.gamma < 1.6

    @property
    def profile(self) -> bytes | None:
        """The ICC profile of 8-bit samples; None for sRGB, or if no profile can be used.

        No profile can be used if 8 bits are too few or if the samples don't use their full range.
        """
        if self.curve is None or self.is_srgb or self.needs_depth or not self.full_range:
            return None
        return icc_profile(self.primaries, self.curve)

    @property
    def name_of_hdr(self) -> str:
        """The name of the HDR transfer function: PQ or HLG."""
        return "PQ" if self.hdr == PQ else "HLG"


def from_code_points(
    primaries: int, characteristics: int, *, full_range: bool = True, max_light: float | None = None
) -> ColourSpace | None:
    """Return the colour space that two code points of ITU-T H.273 declare.

    Returns:
        The space; None if one of the code points is reserved or unspecified (2).

    Raises:
        Unsupported: the transfer function is logarithmic (9 and 10), which no still image uses.
    """
    if characteristics in (9, 10):
        raise Unsupported(
            f"colours in logarithmic steps (transfer characteristics {characteristics})"
        )
    chromaticities = PRIMARIES.get(primaries)
    hdr = characteristics if characteristics in (PQ, HLG) else None
    curve = CURVES.get(characteristics)
    if chromaticities is None or (curve is None and hdr is None):
        return None
    return ColourSpace(chromaticities, curve, hdr, full_range, max_light)


@lru_cache(maxsize=16)
def icc_profile(primaries: Primaries, curve: Curve) -> bytes:
    """Return the ICC profile (version 4.4, matrix and curves) of an SDR space; about 500 bytes."""
    numbers = (curve.gamma, curve.a, curve.b, curve.c, curve.d)
    trc = b"para" + bytes(4) + struct.pack(">HH", 3, 0) + _fixed(numbers)
    tags = [
        (b"desc", _text("RGB by primaries and transfer function")),
        (b"cprt", _text("CC0")),
        (b"wtpt", b"XYZ " + bytes(4) + _fixed(D50)),
        (b"chad", b"sf32" + bytes(4) + _fixed(primaries.adaptation.ravel())),
    ]
    for column, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ")):
        tags.append((name, b"XYZ " + bytes(4) + _fixed(primaries.to_xyz[:, column])))
    tags += [(name, trc) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return _assembled(tags)


def _xyz(point: Point) -> NDArray[np.float64]:
    """Return the CIE XYZ coordinates of a chromaticity at Y = 1."""
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _assembled(tags: list[tuple[bytes, bytes]]) -> bytes:
    """Assemble the bytes of a profile (ICC.1:2022, section 7); equal tags share their data."""
    start = 128 + 4 + 12 * len(tags)
    directory, body, places = b"", b"", dict[bytes, int]()
    for name, value in tags:
        if value not in places:
            places[value] = start + len(body)
            body += value + bytes(-len(value) % 4)
        directory += name + struct.pack(">II", places[value], len(value))
    header = struct.pack(
        ">I4sI4s4s4s", start + len(body), b"", 0x04400000, b"mntr", b"RGB ", b"XYZ "
    )
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(24)
    header += struct.pack(">I", 1) + _fixed(D50) + bytes(48)  # intent: relative colorimetric
    return header + struct.pack(">I", len(tags)) + directory + body


def _fixed(values: NDArray[np.float64] | tuple[float, ...]) -> bytes:
    return b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return (
        b"mluc"
        + bytes(4)
        + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28)
        + encoded
    )

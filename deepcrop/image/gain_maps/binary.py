"""The binary form of a gain map's parameters (ISO 21496-1:2025, annex C)."""

from __future__ import annotations

import struct
from fractions import Fraction

from .model import Channels, Parameters

NAMESPACE = b"urn:iso:std:iso:ts:21496:-1\0"
"""The first bytes of a JPEG's APP2 segment with a gain map's parameters or its version."""
VERSION = bytes(4)
"""Minimum version and writer's version; in the base picture's file they stand alone."""

_THREE, _BASE_COLOURS, _BACKWARD, _COMMON = 0x80, 0x40, 0x04, 0x08
_DENOMINATOR = 1 << 20


def parse(data: bytes) -> Parameters | None:
    """Read the parameters; None if they are broken or of a later version.

    Drafts of the standard allowed one denominator for all numbers, and a base that is the brighter
    rendition; the first is read, the second isn't.
    """
    try:
        minimum_version, _, flags = struct.unpack(">HHB", data[:5])
        if minimum_version or flags & _BACKWARD:
            return None
        count = 3 if flags & _THREE else 1
        numbers = _common(data[5:], count) if flags & _COMMON else _fractions(data[5:], count)
    except (struct.error, ZeroDivisionError):
        return None
    columns = [tuple(numbers[2 + field :: 5][:count]) for field in range(5)]
    minimum, maximum, gamma, base, alternate = columns
    parameters = Parameters(
        minimum, maximum, gamma, base, alternate, numbers[0], numbers[1],
        bool(flags & _BASE_COLOURS),
    )  # fmt: skip
    return parameters if parameters.plausible else None


def written(parameters: Parameters) -> bytes:
    """Write the parameters, each number as a fraction."""
    count = max(len(each) for each in _fields(parameters))
    flags = _THREE * (count == 3) | _BASE_COLOURS * parameters.base_colours
    data = VERSION + bytes([flags])
    data += _unsigned(parameters.base_headroom) + _unsigned(parameters.alternate_headroom)
    for channel in range(count):
        low, high, gamma, base, alternate = (
            each[channel % len(each)] for each in _fields(parameters)
        )
        data += _signed(low) + _signed(high) + _unsigned(gamma) + _signed(base) + _signed(alternate)
    return data


def _fields(parameters: Parameters) -> list[Channels]:
    return [
        parameters.minimum,
        parameters.maximum,
        parameters.gamma,
        parameters.base_offset,
        parameters.alternate_offset,
    ]


def _fractions(data: bytes, count: int) -> list[float]:
    kinds = "II" + "II" + "iIiIIIiIiI" * count
    values = struct.unpack(f">{kinds}", data[: struct.calcsize(f">{kinds}")])
    return [top / bottom for top, bottom in zip(values[::2], values[1::2], strict=True)]


def _common(data: bytes, count: int) -> list[float]:
    kinds = "III" + "iiIii" * count
    bottom, *tops = struct.unpack(f">{kinds}", data[: struct.calcsize(f">{kinds}")])
    return [top / bottom for top in tops]


def _signed(value: float) -> bytes:
    near = Fraction(value).limit_denominator(_DENOMINATOR)
    return struct.pack(">iI", near.numerator, near.denominator)


def _unsigned(value: float) -> bytes:
    near = Fraction(value).limit_denominator(_DENOMINATOR)
    return struct.pack(">II", near.numerator, near.denominator)

"""Quantities as people write them in presets: numbers of bytes, colours, lists in one text."""

from __future__ import annotations

import re

from ..errors import RequestError

_BYTES = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(k|ki|m|mi)?b?\s*$", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1000, "ki": 1024, "m": 1000**2, "mi": 1024**2}
_COLOUR = re.compile(r"^#([0-9a-f]{3}|[0-9a-f]{6})$", re.IGNORECASE)

EDGE = "edge"
"""The background that has the colours of the photo's own edges."""


def bytes_of(value: object) -> object:
    """Read a number of bytes such as ``60k`` (60,000) or ``64KiB``; others are returned as is.

    Raises:
        RequestError: the text is no number of bytes.
    """
    if not isinstance(value, str):
        return value
    match = _BYTES.match(value)
    if match is None:
        raise RequestError(f"{value!r}: expected a number of bytes, such as 60000, 60k or 64KiB")
    return int(float(match[1]) * _FACTORS[(match[2] or "").lower()])


def background_of(text: str) -> str:
    """Check a background: ``edge``, or a colour such as ``#ffffff`` or ``#fff``.

    Raises:
        RequestError: it is neither.
    """
    if text != EDGE and not _COLOUR.match(text):
        raise RequestError(f"{text!r}: expected edge, or a colour such as '#ffffff' (in quotes)")
    return text.lower()


def rgb_of(colour: str) -> tuple[int, int, int]:
    """Return the channels of a colour such as ``#ffffff`` or ``#fff``, 0 to 255 each."""
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * each for each in digits)
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def list_of(value: object) -> object:
    """Read a text such as ``320,640`` as a list, and a single number as a list of one."""
    if isinstance(value, str):
        return [each.strip() for each in value.split(",") if each.strip()]
    return [value] if isinstance(value, int | float) else value

"""Apple's headroom: how much brighter than SDR white an iPhone's photo becomes."""

from __future__ import annotations

import struct

from ..metadata import exif

_MAKER_NOTE = 0x927C
_APPLE = b"Apple iOS\0"
_HEADROOM, _GAIN = 33, 48


def headroom_of(block: bytes | None) -> float | None:
    """Return the headroom that the maker note says; None if there is none over 1.

    The stops are piecewise linear in two values of the maker note (Apple's developer documentation,
    "Applying Apple HDR effect to your photos").

    Args:
        block: the photo's EXIF block.
    """
    read = exif.parse(block) if block else None
    note = read.photo.get(_MAKER_NOTE) if read else None
    values = _rationals(note.value) if note else {}
    if _HEADROOM not in values or _GAIN not in values:
        return None
    headroom, gain = values[_HEADROOM], values[_GAIN]
    if headroom < 1:
        stops = -20 * gain + 1.8 if gain <= 0.01 else -0.101 * gain + 1.601
    else:
        stops = -70 * gain + 3.0 if gain <= 0.01 else -0.303 * gain + 2.303
    return float(2**stops) if 0.01 < stops < 10 else None


def _rationals(note: bytes) -> dict[int, float]:
    """Return the signed rational numbers of a maker note by tag; offsets count from its start."""
    if not note.startswith(_APPLE) or note[12:14] not in (b"MM", b"II"):
        return {}
    order = ">" if note[12:14] == b"MM" else "<"
    found = {}
    try:
        (count,) = struct.unpack_from(f"{order}H", note, 14)
        for at in range(16, 16 + 12 * min(count, 200), 12):
            tag, kind, _, place = struct.unpack_from(f"{order}HHII", note, at)
            if kind == 10:
                top, bottom = struct.unpack_from(f"{order}ii", note, place)
                if bottom:
                    found[tag] = top / bottom
    except struct.error:
        pass
    return found

"""The search of the quality at which a file keeps to a ceiling of bytes."""

from __future__ import annotations

import math
from collections.abc import Callable

MOST_TRIES = 6
"""Qualities that are tried after the wanted one, at most."""
NEAR = 0.93
"""Share of the ceiling from which on a file is large enough, so that the search ends."""
LOWEST_QUALITY = {"jpeg": 25, "webp": 10, "avif": 15, "jxl": 20}
"""The lowest quality that is tried, by format, on its own scale: below, photos fall apart."""


def encode_below(
    encode: Callable[[int], bytes], quality: int, ceiling: int, lowest: int
) -> tuple[bytes, int]:
    """Encode at the highest quality found that keeps to a ceiling.

    The logarithm of the bytes is about linear in the quality, so the next quality is interpolated
    between those that were tried, inside the bracket that they leave; equal arguments have the
    same result.

    Args:
        encode: encodes at a quality from 1 to 100.
        quality: the quality that is wanted if there is room.
        ceiling: the most bytes.
        lowest: the lowest quality to try.

    Returns:
        The file and its quality. Where even the lowest quality exceeds the ceiling, it is the
        smallest file that was found.
    """
    data = encode(quality)
    if len(data) <= ceiling or quality <= lowest:
        return data, quality
    smallest, fits = (data, quality), None
    sizes = {quality: len(data)}
    low, high = lowest - 1, quality
    for left in range(MOST_TRIES - 1, -1, -1):
        if high - low <= 1:
            break
        tried = lowest if left == 0 and fits is None else _between(low, high, sizes, ceiling)
        data = encode(tried)
        sizes[tried] = len(data)
        if len(data) > ceiling:
            high = tried
            smallest = min(smallest, (data, tried), key=lambda each: len(each[0]))
            continue
        fits, low = (data, tried), tried
        if len(data) >= NEAR * ceiling:
            break
    return fits or smallest


def _between(low: int, high: int, sizes: dict[int, int], ceiling: int) -> int:
    """Return the quality to try next, above ``low`` and below ``high``."""
    middle = (low + high) // 2
    if len(sizes) < 2:
        return middle
    nearest = sorted(sizes, key=lambda each: abs(math.log(sizes[each] / ceiling)))[:2]
    first, second = sorted(nearest)
    slope = (math.log(sizes[second]) - math.log(sizes[first])) / (second - first)
    if slope <= 0:
        return middle
    wanted = first + math.log(ceiling / sizes[first]) / slope
    return min(max(math.floor(wanted), low + 1), high - 1)

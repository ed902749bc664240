"""Map positions in a source to positions in a variant."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import hypot, isfinite

from ..geometry import Box, Size

Point = tuple[float, float]
"""A point (x, y) as fractions of an image's width and height, from its left and top edges."""
Rectangle = tuple[float, float, float, float]
"""A rectangle (x0, y0, x1, y1) as fractions of an image's width and height."""


def turned(x: float, y: float, orientation: int) -> Point:
    """Map a point of the image as stored to the image as shown (Exif 3.0, tag 274 Orientation).

    Args:
        x: the point's fraction of the stored width.
        y: the point's fraction of the stored height.
        orientation: the EXIF orientation, 1 to 8.
    """
    match orientation:
        case 2:
            return 1 - x, y
        case 3:
            return 1 - x, 1 - y
        case 4:
            return x, 1 - y
        case 5:
            return y, x
        case 6:
            return 1 - y, x
        case 7:
            return 1 - y, 1 - x
        case 8:
            return y, 1 - x
    return x, y


@dataclass(frozen=True)
class Framing:
    """How a variant was made from its source.

    Attributes:
        source: width and height of the whole source as shown.
        output: width and height of the variant.
        box: the crop box in source pixels as shown; None if the content was rearranged
            (retargeting), so that positions of the source can't be mapped to the variant.
        orientation: EXIF orientation in which the source is stored, 1 to 8.
    """

    source: Size
    output: Size
    box: Box | None
    orientation: int = 1

    @property
    def stored(self) -> Size:
        """Width and height of the source as stored."""
        if self.orientation >= 5:
            return Size(self.source.height, self.source.width)
        return self.source

    @property
    def whole(self) -> bool:
        """Whether the variant shows the whole source."""
        return self.box is not None and self.box.corners == (0, 0, *_pair(self.source))

    def point(self, x: float, y: float, *, stored: bool = True) -> Point | None:
        """Map a point to the variant; None if it lies outside.

        Args:
            x: the point's fraction of the source's width.
            y: the point's fraction of the source's height.
            stored: whether the point is on the source as stored (True) or as shown (False).
        """
        moved = self._moved(x, y, stored)
        return moved if moved and all(0 <= each <= 1 for each in moved) else None

    def rectangle(self, area: Rectangle, *, stored: bool = True) -> Rectangle | None:
        """Map a rectangle to the variant and clip it; None if it lies outside."""
        one, other = self._moved(*area[:2], stored), self._moved(*area[2:], stored)
        if one is None or other is None:
            return None
        (left, right), (top, bottom) = (sorted(pair) for pair in zip(one, other, strict=True))
        left, top, right, bottom = max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0)
        return (left, top, right, bottom) if left < right and top < bottom else None

    def polygon(self, vertices: list[Point], *, stored: bool = True) -> list[Point]:
        """Map a polygon to the variant and clip it (Sutherland-Hodgman); empty if it is outside."""
        moved = [self._moved(x, y, stored) for x, y in vertices]
        clipped = [point for point in moved if point is not None]
        if len(clipped) < 3:
            return []
        for axis in (0, 1):
            for edge, sign in ((0.0, 1), (1.0, -1)):
                clipped = _clipped(clipped, axis, edge, sign)
        return clipped if _area(clipped) > 0 else []

    def turned_scale(self) -> tuple[Fraction, Fraction] | None:
        """Return the variant's pixels per source pixel, along its width and along its height.

        The result is None if the content was rearranged.
        """
        if self.box is None:
            return None
        return (
            Fraction(self.output.width, self.box.size.width),
            Fraction(self.output.height, self.box.size.height),
        )

    def narrowing(self) -> float | None:
        """Return the source's diagonal divided by the crop box's, which is at least 1.

        The result is None if the content was rearranged.
        """
        if self.box is None:
            return None
        return hypot(*_pair(self.source)) / hypot(*_pair(self.box.size))

    def _moved(self, x: float, y: float, stored: bool) -> Point | None:
        if self.box is None or not (isfinite(x) and isfinite(y)):
            return None
        if stored:
            x, y = turned(x, y, self.orientation)
        return (
            (x * self.source.width - self.box.x0) / self.box.size.width,
            (y * self.source.height - self.box.y0) / self.box.size.height,
        )


def _pair(size: Size) -> tuple[int, int]:
    return size.width, size.height


def _clipped(points: list[Point], axis: int, edge: float, sign: int) -> list[Point]:
    """Return the part of a polygon where ``sign * (coordinate - edge)`` isn't negative."""
    kept: list[Point] = []
    for before, after in zip([points[-1:], *([p] for p in points)], points, strict=False):
        start = before[0]
        inside, was_inside = (sign * (each[axis] - edge) >= 0 for each in (after, start))
        if inside != was_inside:
            share = (edge - start[axis]) / (after[axis] - start[axis])
            other = 1 - axis
            crossing = start[other] + share * (after[other] - start[other])
            kept.append((edge, crossing) if axis == 0 else (crossing, edge))
        if inside:
            kept.append(after)
    return kept


def _area(points: list[Point]) -> float:
    pairs = zip(points, points[1:] + points[:1], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2

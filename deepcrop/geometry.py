"""Aspect ratios, sizes and boxes: pure values, exact in integers.

```python
>>> AspectRatio.parse("16:9").largest_window(Size(4000, 3000))
Size(width=4000, height=2250)
```
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational, Real

from .errors import RequestError

_SEPARATED = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*[:x/]\s*(\d+(?:\.\d+)?)\s*$")

Focal = tuple[float, float]
"""A point of an image, (x, y), each from 0 (left, top) to 1 (right, bottom)."""


@dataclass(frozen=True, order=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int

    def __post_init__(self) -> None:
        """Reject empty sizes."""
        if self.width < 1 or self.height < 1:
            raise RequestError(f"size {self.width}x{self.height}: both sides must be at least 1")

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read ``"640x480"``.

        Raises:
            RequestError: the text is not WIDTHxHEIGHT in whole pixels.
        """
        match = re.match(r"^\s*(\d+)\s*[xX]\s*(\d+)\s*$", text)
        if not match or not int(match[1]) or not int(match[2]):
            raise RequestError(f"size {text!r}: expected WIDTHxHEIGHT in pixels, such as 640x480")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        """Write as ``640x480``."""
        return f"{self.width}x{self.height}"

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height

    @property
    def longest(self) -> int:
        """The longer edge."""
        return max(self.width, self.height)

    def cover(self, other: Size) -> Size:
        """Return the smallest size that is at least this one and another, side by side."""
        return Size(max(self.width, other.width), max(self.height, other.height))

    def fit(self, longest: int) -> Size:
        """Scale down, shape kept, so that the longer edge is at most ``longest``."""
        if self.longest <= longest:
            return self
        scale = Fraction(longest, self.longest)
        return Size(max(1, round(self.width * scale)), max(1, round(self.height * scale)))


@dataclass(frozen=True)
class AspectRatio:
    """Width over height in lowest terms, such as 16:9."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> AspectRatio:
        """Read ``"16:9"``, ``"16x9"`` or ``"1.91:1"``.

        Raises:
            RequestError: the text is not W:H with two positive numbers.
        """
        match = _SEPARATED.match(text)
        if not match or not float(match[1]) or not float(match[2]):
            raise RequestError(
                f"aspect ratio {text!r}: expected W:H with two positive numbers, such as 16:9"
            )
        return cls.of(Fraction(match[1]) / Fraction(match[2]))

    @classmethod
    def read(cls, value: RatioLike) -> AspectRatio:
        """Read a ratio in any of the forms in which people write one.

        Args:
            value: text as :meth:`parse` takes it, a pair (width, height) of positive numbers, or
                width over height as one positive number, which stands for the nearest ratio whose
                shorter side is at most 1000: 1.5 for 3:2, 16 / 9 for 16:9, 1.91 for 191:100.

        Raises:
            RequestError: it is none of these.
        """
        if isinstance(value, AspectRatio):
            return value
        if isinstance(value, str):
            return cls.parse(value)
        sides = (value, 1) if isinstance(value, Real) else value
        if not (isinstance(sides, Sequence) and len(sides) == 2 and all(map(_positive, sides))):
            raise RequestError(
                f"aspect ratio {value!r}: expected W:H such as '16:9', a positive number such as "
                "1.5, or a pair such as (16, 9)"
            )
        exact = all(isinstance(side, Rational) for side in sides)
        width, height = (Fraction(side if exact else float(side)) for side in sides)
        if exact:
            return cls.of(width / height)
        if width < height:  # the shorter side is bounded, so that no ratio becomes 0
            return cls.of(1 / (height / width).limit_denominator(1000))
        return cls.of((width / height).limit_denominator(1000))

    @classmethod
    def of(cls, ratio: Fraction) -> AspectRatio:
        """Make one from width / height as a fraction."""
        return cls(ratio.numerator, ratio.denominator)

    def __str__(self) -> str:
        """Write as ``16:9``."""
        return f"{self.width}:{self.height}"

    def __float__(self) -> float:
        """Width over height."""
        return self.width / self.height

    @property
    def slug(self) -> str:
        """The ratio in paths and in the manifest's partitions: ``16x9``."""
        return f"{self.width}x{self.height}"

    def largest_window(self, within: Size) -> Size:
        """Return the largest window of this ratio inside ``within``, to the nearest pixel.

        One of its sides is always the whole side of ``within``.
        """
        if within.width * self.height >= within.height * self.width:
            width = round(Fraction(within.height * self.width, self.height))
            return Size(min(max(width, 1), within.width), within.height)
        height = round(Fraction(within.width * self.height, self.width))
        return Size(within.width, min(max(height, 1), within.height))


def _positive(side: object) -> bool:
    return isinstance(side, Real) and not isinstance(side, bool) and 0 < float(side) < math.inf


RatioLike = AspectRatio | str | float | tuple[float, float]
"""What :meth:`AspectRatio.read` takes."""


@dataclass(frozen=True)
class Box:
    """A crop box: half-open, in integer source pixels, ``x0 <= x < x1`` and ``y0 <= y < y1``."""

    x0: int
    y0: int
    x1: int
    y1: int

    def __post_init__(self) -> None:
        """Reject empty boxes."""
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise RequestError(f"box {self}: x0 < x1 and y0 < y1 must hold")

    def __str__(self) -> str:
        """Write as ``(x0, y0, x1, y1)``."""
        return f"({self.x0}, {self.y0}, {self.x1}, {self.y1})"

    @property
    def size(self) -> Size:
        """Width and height."""
        return Size(self.x1 - self.x0, self.y1 - self.y0)

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.size.pixels

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """Return ``(x0, y0, x1, y1)``."""
        return self.x0, self.y0, self.x1, self.y1

    def inside(self, size: Size) -> bool:
        """Return whether no pixel of the box lies outside an image of this size."""
        return self.x0 >= 0 and self.y0 >= 0 and self.x1 <= size.width and self.y1 <= size.height

    def intersection(self, other: Box) -> int:
        """Return the number of pixels that both boxes hold."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(width, 0) * max(height, 0)

    @classmethod
    def centred(cls, window: Size, centre: Focal, within: Size) -> Box:
        """Place a window as near to ``centre`` as the image allows.

        Args:
            window: size of the box, not larger than ``within``.
            centre: wanted centre, 0..1 of the image's sides.
            within: the image's size in pixels.
        """
        x0 = round(centre[0] * within.width - window.width / 2)
        y0 = round(centre[1] * within.height - window.height / 2)
        x0 = min(max(x0, 0), within.width - window.width)
        y0 = min(max(y0, 0), within.height - window.height)
        return cls(x0, y0, x0 + window.width, y0 + window.height)


@dataclass(frozen=True)
class SafeArea:
    """The part of a crop that nothing is laid over, such as all but the line of a title.

    Its sides are shares, 0..1, of the crop's width and height, and the area isn't empty.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        """Reject what is no part of a crop."""
        if not (0 <= self.x0 < self.x1 <= 1 and 0 <= self.y0 < self.y1 <= 1):
            raise RequestError(
                f"safe area {list(self.sides)}: expected [x0, y0, x1, y1] with 0 <= x0 < x1 <= 1 "
                "and 0 <= y0 < y1 <= 1, shares of the crop's width and height"
            )

    @property
    def sides(self) -> tuple[float, float, float, float]:
        """Return ``(x0, y0, x1, y1)``."""
        return self.x0, self.y0, self.x1, self.y1

    def inside(self, window: Size) -> Box:
        """Return the area in a window, in pixels from the window's corner; at least one pixel."""
        left = min(round(self.x0 * window.width), window.width - 1)
        top = min(round(self.y0 * window.height), window.height - 1)
        right = max(round(self.x1 * window.width), left + 1)
        return Box(left, top, right, max(round(self.y1 * window.height), top + 1))

    def of(self, box: Box) -> Box:
        """Return the area of a crop box, in source pixels."""
        part = self.inside(box.size)
        return Box(box.x0 + part.x0, box.y0 + part.y0, box.x0 + part.x1, box.y0 + part.y1)

    def centred(self, window: Size, centre: Focal, within: Size) -> Box:
        """Place a window so that the centre of its area is as near to a point as the image allows.

        Args:
            window: size of the box, not larger than ``within``.
            centre: wanted centre, 0..1 of the image's sides.
            within: the image's size in pixels.
        """
        part = self.inside(window)
        x0 = round(centre[0] * within.width - (part.x0 + part.x1) / 2)
        y0 = round(centre[1] * within.height - (part.y0 + part.y1) / 2)
        x0 = min(max(x0, 0), within.width - window.width)
        y0 = min(max(y0, 0), within.height - window.height)
        return Box(x0, y0, x0 + window.width, y0 + window.height)


WHOLE = SafeArea(0.0, 0.0, 1.0, 1.0)
"""The safe area of a crop that nothing is laid over."""

"""Crops: the results of crop methods, and the hints of users that methods follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from ..flags import Flag
from ..geometry import WHOLE, AspectRatio, Box, Focal, SafeArea, Size


@dataclass(frozen=True)
class Part:
    """Something that a method found in an image and that a crop box should not cut."""

    box: Box
    """The box around the part in source pixels, not empty, inside the image."""
    flag: Flag
    """The flag of a crop whose box cuts the part: ``head-cut`` or ``subject-cut``."""

    def cut_by(self, box: Box) -> bool:
        """Return whether a crop box cuts the part: it has more than 5%, less than 95% of its area.

        A part that is left out doesn't count as cut: a portrait may show one of two people.
        """
        return 0.05 < box.intersection(self.box) / self.box.area < 0.95


@dataclass(frozen=True)
class Crop:
    """One result of a crop method."""

    box: Box
    """The crop box in source pixels, of the requested aspect ratio to the nearest pixel."""
    score: float
    """The crop's quality, 0 (worst) to 1; what it measures, the method's ``score_meaning`` says."""
    focal: Focal
    """The most important point, 0..1 of the source's sides, equal for all ratios."""
    note: str | None = None
    """A note for the user on this result, such as words that were not understood."""
    flags: tuple[Flag, ...] = ()
    """The method's own flags of this box, except those of cut parts."""
    parts: tuple[Part, ...] = ()
    """Parts of the image that the box should not cut, equal for all ratios."""
    preference: float | None = None
    """The chance (0..1) that a person prefers the crop to the largest centred one; None if the
    method doesn't estimate it."""

    def flagged(self, size: Size) -> Self:
        """Return the crop with all flags of its box: the method's own and the computed ones.

        The computed flags report cut parts, and a focal point outside the box. They are computed
        from the current box, which a person may have moved.

        Args:
            size: size of the source in pixels.
        """
        flags = set(self.flags) - {Flag.FOCAL_OUTSIDE} - {part.flag for part in self.parts}
        flags |= {part.flag for part in self.parts if part.cut_by(self.box)}
        x, y = self.focal[0] * size.width, self.focal[1] * size.height
        if not (self.box.x0 <= x <= self.box.x1 and self.box.y0 <= y <= self.box.y1):
            flags.add(Flag.FOCAL_OUTSIDE)
        return replace(self, flags=tuple(each for each in Flag if each in flags))


@dataclass(frozen=True)
class Hints:
    """A user's hints for one image; a method follows the hints that it supports."""

    caption: str | None = None
    """A description of what the crop should show (CAGIC)."""
    focal: Focal | None = None
    """A point that must be in the crop, as near to its centre as the image allows (0..1)."""
    keep: tuple[Box, ...] = ()
    """Boxes in source pixels that crops must not cut, unless they don't fit the ratio."""
    safe: Mapping[AspectRatio, SafeArea] = field(default_factory=dict)
    """The parts of the crops that nothing is laid over, by ratio; followed by methods whose
    ``follows_safe`` says so. Of others the boxes are shifted afterwards."""

    def safe_of(self, ratio: AspectRatio) -> SafeArea:
        """Return the safe area of a ratio's crop; the whole crop where none was stated."""
        return self.safe.get(ratio, WHOLE)


Finder = Callable[[Hints], "list[Crop]"]
"""Finds the crops of one image, one for each ratio, from hints: the network isn't run again."""

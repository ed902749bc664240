"""The pictures of a source: its variants, with those together that show the same.

All crops of a ratio are cut out of one box, so files of several presets, widths and formats are one
picture. What a preset's rule makes of the whole photo is another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..manifest.rows import VariantRow
from ..outputs.rules import RETARGETING

SHOWN_EDGE = 480
"""Longest edge, in pixels, that the shown file should have: that of thumbnails."""
SHOWABLE = frozenset({"jpeg", "png", "webp", "avif"})
"""Formats that all common browsers show."""
BARS = frozenset({"pad", "blur"})
"""Actions of rules that show the whole photo unchanged."""


@dataclass(frozen=True)
class Outcome:
    """What was done for a preset, and why."""

    preset: str
    action: str | None
    """An action of :mod:`deepcrop.outputs.rules`."""
    reason: str | None
    """The condition that held, with what was measured; None where none did."""


@dataclass(frozen=True)
class Picture:
    """Files of one source that show the same in different sizes and formats."""

    variants: tuple[VariantRow, ...]
    """One at least, in the order of the requests."""

    @property
    def aspect(self) -> str:
        """The name of the ratio or size."""
        return self.variants[0]["aspect"]

    @property
    def shown(self) -> VariantRow:
        """The file to show: one that browsers can show, about as large as it is shown."""
        showable = [each for each in self.variants if each["format"] in SHOWABLE]
        by_size = sorted(showable or self.variants, key=_longest)
        return next((each for each in by_size if _longest(each) >= SHOWN_EDGE), by_size[-1])

    @property
    def outcomes(self) -> list[Outcome]:
        """What was done for each of its presets; empty without presets."""
        found = {
            each["preset"]: Outcome(each["preset"], each["fit"], each["fit_reason"])
            for each in self.variants
            if each["preset"] is not None
        }
        return list(found.values())

    @property
    def retargeted_by(self) -> str | None:
        """The method that rearranged the photo; None for crops and for photos with bars."""
        shown = self.shown
        if shown["x0"] is not None or shown["fit"] in BARS:
            return None
        return RETARGETING if shown["fit"] == "retarget" else shown["method"]

    @property
    def flags(self) -> set[str]:
        """The flags of its variants."""
        return {flag for each in self.variants for flag in each["flags"] or ()}


def pictures_of(variants: Iterable[VariantRow], aspects: Sequence[str] = ()) -> list[Picture]:
    """Return the pictures of a source, in the order of the ratios and then of the requests.

    Args:
        variants: of the source, in the order of the requests.
        aspects: the names of the ratios and sizes in their order; others come last.
    """
    found: dict[tuple[object, ...], list[VariantRow]] = {}
    for each in variants:
        found.setdefault(_key(each), []).append(each)
    places = {name: at for at, name in enumerate(aspects)}
    pictures = [Picture(tuple(group)) for group in found.values()]
    return sorted(pictures, key=lambda each: places.get(each.aspect, len(places)))


def _key(variant: VariantRow) -> tuple[object, ...]:
    """Return what variants of one picture have in common."""
    if variant["x0"] is not None:
        corners = (variant["x0"], variant["y0"], variant["x1"], variant["y1"])
        return variant["aspect"], "crop", corners
    action = variant["fit"] or "crop"  # whole photos by a method that retargets
    # The colour of the bars is the preset's own.
    return variant["aspect"], action, variant["preset"] if action == "pad" else None


def _longest(variant: VariantRow) -> int:
    return max(variant["width"], variant["height"])

"""Flags: short names of what a person should look at, of a source or of one of its variants.

Each is a value of the manifest's columns ``flags``, which the page filters and sorts by and
``deepcrop status`` counts.

=====================  =========================================================================
flag                   says
=====================  =========================================================================
focal-outside          the crop box leaves out the source's own focal point
head-cut               the crop box shows more than 5% and less than 95% of a head that was found:
                       a face and the hair above it (methods ``saliency`` and ``mars``)
subject-cut            the crop box shows more than 5% and less than 95% of the subject on a plain
                       background or panel
enlarged               the variant has more pixels than its crop box
smaller-than-asked     the variant has fewer pixels than the request names
over-max-bytes         the variant has more bytes than its preset allows, at the lowest quality
review                 a preset's rule for photos that don't fit says that a person should look
rejected               a person rejected the variant: it was not made
corrected              a person moved the focal point or the box, or marked what must stay
animation-flattened    the source has several frames; one was used
page-chosen            the source has several pages; one was used
hdr-mapped             the source has a high dynamic range, which was tone-mapped to SDR
alpha-flattened        the source is transparent in places; a background was laid under it
padded                 the variant shows the whole photo with bars, as a preset's rule says
retargeted             the variant shows the whole photo rearranged, as a preset's rule says
left-out               the variant was not made, as a preset's rule says
=====================  =========================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Flag(StrEnum):
    """A flag; the module's table says what each means."""

    FOCAL_OUTSIDE = "focal-outside"
    HEAD_CUT = "head-cut"
    SUBJECT_CUT = "subject-cut"
    ENLARGED = "enlarged"
    SMALLER = "smaller-than-asked"
    OVER_MAX_BYTES = "over-max-bytes"
    REVIEW = "review"
    REJECTED = "rejected"
    CORRECTED = "corrected"
    ANIMATION_FLATTENED = "animation-flattened"
    PAGE_CHOSEN = "page-chosen"
    HDR_MAPPED = "hdr-mapped"
    ALPHA_FLATTENED = "alpha-flattened"
    PADDED = "padded"
    RETARGETED = "retargeted"
    LEFT_OUT = "left-out"


@dataclass(frozen=True)
class Note:
    """One remark about how a source was read or a variant made, for the manifest's ``note``."""

    text: str
    """A short clause without a full stop, such as ``page 2 of 3``."""
    flag: Flag | None = None
    """The flag that goes with it, if one does."""
    about: str = ""
    """The name of the variant that it is about; empty where it is about the source."""


def ordered(flags: Iterable[Flag | str]) -> list[str]:
    """Return flags as the manifest holds them: each once, in the order of :class:`Flag`."""
    return [str(flag) for flag in sorted({Flag(each) for each in flags}, key=list(Flag).index)]

"""What holds of a source's earlier variants, and what has to be made for a job.

Of a source whose bytes are the same as when its row was made, a variant is kept where both of its
recipes are those that the job wants. Where only the rendering differs, or a further size of the
same ratio is asked for, the recorded crop box is used. For the rest the method is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..flags import Flag
from ..geometry import AspectRatio, Box, Focal, Size
from ..job import VariantRequest
from ..methods.base import Crop
from ..recipes import Wanted
from .rows import ImageRow, SpareRow, VariantRow

SIZE_FLAGS = {Flag.ENLARGED, Flag.SMALLER, Flag.CORRECTED, Flag.OVER_MAX_BYTES, Flag.REVIEW}
"""Flags of a variant that aren't those of its crop box alone."""


@dataclass(frozen=True)
class Reuse:
    """What is kept, known and unknown of a source's variants, by the index of the request."""

    kept: dict[int, VariantRow] = field(default_factory=dict)
    """Variants that are as the job wants them."""
    crops: dict[int, Crop] = field(default_factory=dict)
    """Recorded crops, of which the variants have to be rendered."""
    settled: frozenset[int] = frozenset()
    """Requests that were considered already and that no variant is made of."""
    unknown: tuple[int, ...] = ()
    """Requests that the method has to be asked for."""
    by_people: tuple[int, ...] = ()
    """Requests of which people set the crop box, and whose variants have to be rendered."""

    @property
    def is_complete(self) -> bool:
        """Whether no variant has to be made."""
        return not (self.crops or self.unknown or self.by_people)


def nothing_known(wanted: Wanted) -> Reuse:
    """Return what there is to do for a source without usable variants."""
    requests = range(len(wanted.names))
    rejected = {at for at in requests if wanted.names[at] in wanted.rejected}
    unknown = tuple(at for at in requests if wanted.needs_method[at])
    people = tuple(at for at in requests if not (wanted.needs_method[at] or at in rejected))
    return Reuse(settled=frozenset(rejected), unknown=unknown, by_people=people)


def reusable(
    previous: ImageRow, sha256: str, wanted: Wanted, requests: Sequence[VariantRequest]
) -> Reuse:
    """Compare the row that a source has with what a job wants.

    Args:
        previous: the row.
        sha256: hash of the source's bytes.
        wanted: the recipes that the job wants for the source.
        requests: the job's requests.
    """
    blank = nothing_known(wanted)
    usable = [each for each in previous["variants"] if each["source_sha256"] == sha256]
    considered = set(previous["rendering_recipes"] or ())
    same_row = previous["status"] == "ok" and previous["sha256"] == sha256
    kept: dict[int, VariantRow] = {}
    crops: dict[int, Crop] = {}
    settled = set(blank.settled)
    for at in (*blank.unknown, *blank.by_people):
        request = requests[at]
        recipes = (wanted.boxes[at], wanted.renderings[at])
        made = [each for each in usable if each["aspect"] == request.slug]
        current = [
            each for each in made if (each["analysis_recipe"], each["rendering_recipe"]) == recipes
        ]
        if current:
            kept[at] = current[0]
        elif (
            same_row
            and previous["analysis_recipe"] == wanted.row
            and (wanted.entries[at] in considered)
        ):
            settled.add(at)  # such as a size that is skipped where the source is too small
        elif at in blank.unknown:
            known = (
                crop_of(each, focal_of(previous))
                for each in (*made, *usable)
                if each["analysis_recipe"] == wanted.boxes[at] and _ratio(each) == request.aspect
            )
            crop = next(filter(None, known), None)
            if crop is None and wanted.boxes[at] == wanted.method:
                crop = _spare(previous, sha256, wanted, request)
            if crop is not None:
                crops[at] = crop
    done = kept.keys() | crops.keys() | settled
    return Reuse(
        kept,
        crops,
        frozenset(settled),
        tuple(at for at in blank.unknown if at not in done),
        tuple(at for at in blank.by_people if at not in done),
    )


def has_spare(row: ImageRow | None, wanted: Wanted) -> bool:
    """Return whether a row of the same bytes has the spare boxes that the method would find."""
    return row is not None and bool(row["spare_boxes"]) and row["analysis_recipe"] == wanted.method


def spare_row(ratio: AspectRatio, crop: Crop) -> SpareRow:
    """Return a crop as the column ``spare_boxes`` has it."""
    x0, y0, x1, y1 = crop.box.corners
    return {
        "aspect": ratio.slug,
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "score": crop.score,
        "flags": [str(flag) for flag in crop.flags],
        "preference": crop.preference,
    }


def _spare(row: ImageRow, sha256: str, wanted: Wanted, request: VariantRequest) -> Crop | None:
    """Return the recorded crop of a request's ratio that no variant was made of."""
    if row["sha256"] != sha256 or not has_spare(row, wanted):
        return None
    found = [each for each in row["spare_boxes"] or () if each["aspect"] == request.aspect.slug]
    return crop_of(found[0], focal_of(row)) if found else None


def focal_of(row: ImageRow) -> Focal | None:
    """Return the focal point of a row, 0..1 of the sides; None where it has none."""
    x, y = row["focal_x"], row["focal_y"]
    return None if x is None or y is None else (x, y)


def crop_of(variant: VariantRow | SpareRow, focal: Focal | None) -> Crop | None:
    """Return the crop of a variant as the method found it; None of a retargeted one."""
    x0, y0, x1, y1 = variant["x0"], variant["y0"], variant["x1"], variant["y1"]
    if x0 is None or y0 is None or x1 is None or y1 is None or variant["score"] is None:
        return None
    flags = tuple(flag for each in variant["flags"] or () if (flag := Flag(each)) not in SIZE_FLAGS)
    return Crop(
        Box(x0, y0, x1, y1),
        variant["score"],
        focal or (0.5, 0.5),
        flags=flags,
        preference=variant["preference"],
    )


def _ratio(variant: VariantRow) -> AspectRatio:
    """Return the ratio that a variant was asked for in, from its name."""
    name = variant["aspect"]
    if name.endswith("px"):
        size = Size.parse(name.removesuffix("px"))
        return AspectRatio.parse(f"{size.width}:{size.height}")
    return AspectRatio.parse(name)

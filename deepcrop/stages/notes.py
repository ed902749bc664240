"""The remarks of a manifest row: those of this run, and those of earlier ones that still hold."""

from __future__ import annotations

from collections.abc import Sequence

from ..flags import Flag, Note
from ..manifest.rows import ImageRow, VariantRow
from ..outputs.presets import folder_of
from ..sources.corrections import CORRECTED_NOTE, OUTSIDE_NOTE, Correction

METHOD, CORRECTION = "method", "correction"
"""What remarks are about that are neither about the source nor about one variant."""
REJECTED = "rejected by a person"


def earlier_notes(row: ImageRow | None) -> list[Note]:
    """Return the remarks of a row; none where there is no row."""
    parts = (row["note_parts"] or ()) if row else ()
    return [
        Note(each["text"], Flag(each["flag"]) if each["flag"] else None, each["about"])
        for each in parts
    ]


def correction_notes(
    stated: Correction, applied: Correction, names: Sequence[str]
) -> tuple[list[Note], list[Note]]:
    """Return what a row says of corrections: before all remarks on variants, and after them.

    Args:
        stated: the corrections.
        applied: the part of them that applies to the photo.
        names: names of the requested variants.
    """
    stated, applied = stated.about(names), applied.about(names)
    outside = [name for name in names if name in stated.boxes and name not in applied.boxes]
    if stated.keep != applied.keep:
        outside = [CORRECTION, *outside]
    before = [Note(OUTSIDE_NOTE.text, OUTSIDE_NOTE.flag, name) for name in outside]
    rejected = [name for name in names if applied.rejects_all or name in applied.rejected]
    if rejected and len(rejected) == len(names):
        before.append(Note(REJECTED, Flag.REJECTED, CORRECTION))
    else:
        before += [Note(f"{name} {REJECTED}", Flag.REJECTED, name) for name in rejected]
    about = [name for name in names if name in applied.boxes]
    if applied.focal or applied.keep:
        about = [CORRECTION, *about]
    return before, [Note(CORRECTED_NOTE, None, name) for name in about]


def remark_name(variant: VariantRow) -> str:
    """Return the name that a variant has in remarks, as :attr:`.VariantRequest.name`."""
    preset, width, density = variant["preset"], variant["asked_width"], variant["density"]
    if preset is None or width is None or density is None:
        return variant["aspect"]
    return f"{folder_of(preset, width, density)}.{variant['format']}"


def is_of_correction(note: Note) -> bool:
    """Return whether a remark follows from corrections, so that it is made anew each time."""
    own = (CORRECTED_NOTE, OUTSIDE_NOTE.text)
    return note.about == CORRECTION or note.text in own or note.text.endswith(REJECTED)


def noted(notes: Sequence[Note]) -> str | None:
    """Return remarks as the column ``note`` has them: each text once; None where there is none."""
    return "; ".join(dict.fromkeys(note.text for note in notes if note.text)) or None

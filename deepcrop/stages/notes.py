"""The remarks of a manifest row: those of this run, and those of earlier ones that still hold."""

from __future__ import annotations

from collections.abc import Sequence

from ..flags import Flag, Note
from ..manifest.rows import ImageRow
from ..sources.corrections import CORRECTED_NOTE, OUTSIDE_NOTE, Correction

METHOD, CORRECTION = "method", "correction"
"""What remarks are about that are neither about the source nor about one variant."""


def earlier_notes(row: ImageRow | None) -> list[Note]:
    """Return the remarks of a row; none where there is no row."""
    parts = (row["note_parts"] or ()) if row else ()
    return [
        Note(each["text"], Flag(each["flag"]) if each["flag"] else None, each["about"])
        for each in parts
    ]


def correction_notes(
    stated: Correction, applied: Correction, names: Sequence[str], rejected: Sequence[str]
) -> tuple[list[Note], list[Note]]:
    """Return what a row says of corrections: before all remarks on variants, and after them.

    Args:
        stated: the corrections.
        applied: the part of them that applies to the photo.
        names: names of the requested variants.
        rejected: names of those that people rejected.
    """
    before = [OUTSIDE_NOTE] if applied != stated else []
    which = [""] if rejected and len(rejected) == len(names) else [f"{name} " for name in rejected]
    before += [Note(f"{name}rejected by a person", Flag.REJECTED) for name in which]
    after = [Note(CORRECTED_NOTE)] if applied.focal or applied.boxes or applied.keep else []
    return (
        [Note(note.text, note.flag, CORRECTION) for note in before],
        [Note(note.text, note.flag, CORRECTION) for note in after],
    )


def noted(notes: Sequence[Note]) -> str | None:
    """Return remarks as the column ``note`` has them: each text once; None where there is none."""
    return "; ".join(dict.fromkeys(note.text for note in notes if note.text)) or None

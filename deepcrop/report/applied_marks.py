"""The corrections that a job was run with, as its page shows them in every browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pyarrow as pa

from ..flags import Flag
from ..sources.corrections import CORNERS, Statement


class Marks(TypedDict, total=False):
    """The corrections of one source, as the page's scripts hold a person's marks.

    Crop boxes and boxes to keep are ``[x0, y0, x1, y1]`` in pixels of the source as shown; the
    focal point is ``[x, y]``, 0..1 of its sides.
    """

    good: bool
    rejected: list[str]
    """Names of the rejected variants."""
    focal: list[float]
    boxes: dict[str, list[float]]
    """Crop boxes by the names of the variants."""
    keep: list[list[float]]


def marks_of(statements: Sequence[Statement], aspects: Sequence[str]) -> Marks:
    """Return a source's corrections as marks.

    Args:
        statements: the source's lines of the corrections file.
        aspects: names of the job's variants.
    """
    marks: Marks = {}
    for each in statements:
        aspect = each["aspect"]
        corners = [value for name in CORNERS if (value := each[name]) is not None]
        match each["kind"]:
            case "good":
                marks["good"] = True
            case "rejected":
                rejected = set(marks.get("rejected", ())) | ({aspect} if aspect else set(aspects))
                marks["rejected"] = [name for name in aspects if name in rejected]
            case "focal":
                marks["focal"] = corners[:2]
            case "box" if aspect:
                marks.setdefault("boxes", {})[aspect] = corners
            case "keep":
                marks.setdefault("keep", []).append(corners)
    return marks


def with_correction_flags(rows: pa.Table, applied: Mapping[str, Sequence[Statement]]) -> pa.Table:
    """Add the flags that corrections imply to rows of an earlier release, which has none.

    Args:
        rows: rows of the images manifest.
        applied: the job's corrections by the sources' URIs.
    """
    if not applied:
        return rows
    flags = rows["flags"].to_pylist()
    for at, uri in enumerate(rows["source_uri"].to_pylist()):
        if statements := applied.get(uri):
            kinds = [each["kind"] for each in statements]
            implied = [IMPLIED_FLAGS[kind] for kind in kinds if kind in IMPLIED_FLAGS]
            flags[at] = list(dict.fromkeys([*(flags[at] or ()), *implied]))
    index = rows.schema.get_field_index("flags")
    return rows.set_column(index, "flags", pa.array(flags, pa.list_(pa.string())))


IMPLIED_FLAGS = {
    "rejected": Flag.REJECTED,
    "focal": Flag.CORRECTED,
    "box": Flag.CORRECTED,
    "keep": Flag.CORRECTED,
}
"""The flag of a source that has a correction of this kind."""

"""The corrections that a job keeps, as its page shows them: in every browser, not just in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ..flags import Flag
from ..sources.corrections import CORNERS, Statement


def marks_of(statements: Sequence[Statement], aspects: Sequence[str]) -> dict[str, Any]:
    """Return the statements about a source as the page's scripts hold a person's marks.

    Args:
        statements: as corrections files have them.
        aspects: names of the job's variants.
    """
    marks: dict[str, Any] = {}
    for each in statements:
        aspect, corners = each["aspect"], [each[name] for name in CORNERS]
        match each["kind"]:
            case "good":
                marks["good"] = True
            case "rejected":
                rejected = set(marks.get("rejected", ())) | ({aspect} if aspect else set(aspects))
                marks["rejected"] = [name for name in aspects if name in rejected]
            case "focal":
                marks["focal"] = corners[:2]
            case "box":
                marks.setdefault("boxes", {})[aspect] = corners
            case "keep":
                marks.setdefault("keep", []).append(corners)
    return marks


def with_corrections(rows: pa.Table, applied: Mapping[str, Sequence[Statement]]) -> pa.Table:
    """Add the flags that a job's corrections imply, for rows of a release that set none.

    Args:
        rows: of the images manifest.
        applied: the corrections that the job keeps, by the sources' URIs.
    """
    if not applied:
        return rows
    flags = rows["flags"].to_pylist()
    for at, uri in enumerate(rows["source_uri"].to_pylist()):
        if said := applied.get(uri):
            implied = [_IMPLIED[each["kind"]] for each in said if each["kind"] in _IMPLIED]
            flags[at] = list(dict.fromkeys([*(flags[at] or ()), *implied]))
    index = rows.schema.get_field_index("flags")
    return rows.set_column(index, "flags", pa.array(flags, pa.list_(pa.string())))


_IMPLIED = {
    "rejected": Flag.REJECTED,
    "focal": Flag.CORRECTED,
    "box": Flag.CORRECTED,
    "keep": Flag.CORRECTED,
}

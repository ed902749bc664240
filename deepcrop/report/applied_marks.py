"""The flags that a job's corrections imply, for rows of releases that recorded none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from ..flags import Flag
from ..sources.corrections import Statement


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

"""Corrections that a job keeps beside its listing, and the rows that they change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..sources.corrections import Corrections
from .store import Manifest


def apply_corrections(
    said: Corrections,
    sources: Iterable[pa.Table],
    manifest: Manifest,
    record: Mapping[str, Any] | None,
) -> Corrections:
    """Keep what is said now, and take back the rows that it makes wrong; return all that is said.

    The rows go before the new statements are kept: where the run is killed in between, their
    sources have no row, and the statements of before still hold.

    Args:
        said: new statements; what was said before of other sources still holds.
        sources: the listing, in parts.
        manifest: of the output.
        record: of an earlier run, if there was one.

    Raises:
        RequestError: something is said of what is no source.
    """
    said.check_known(sources)
    table = manifest.read_corrections()
    kept = Corrections.none() if table is None else Corrections(table)
    whole = said.merged_over(kept)
    touched = pa.array(whole.changed_since(kept), pa.string())
    if len(touched) and record is not None:
        manifest.write_record({**record, "status": "running"})
        manifest.delete_rows(lambda rows: pc.is_in(rows["source_uri"], value_set=touched))
    if not whole.table.equals(kept.table):
        manifest.write_corrections(whole.table)
    return whole

"""The application of corrections to a manifest: the rows that they change are deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ..sources.corrections import Corrections
from .store import Manifest


def apply_corrections(
    corrections: Corrections,
    sources: Iterable[pa.Table],
    manifest: Manifest,
    record: Mapping[str, object] | None,
) -> Corrections:
    """Write new corrections, and delete the rows that they change; return all corrections.

    The rows are deleted before the corrections are written. If the run is killed in between, their
    sources have no row, and the earlier corrections still apply.

    Args:
        corrections: new corrections; earlier ones about other sources still apply.
        sources: the listing, in parts.
        manifest: the manifest of the output.
        record: the ``job.json`` of an earlier run, if there was one.

    Raises:
        RequestError: a correction is about a URI that is no source of the job.
    """
    corrections.check_known(sources)
    table = manifest.read_corrections()
    earlier = Corrections.none() if table is None else Corrections(table)
    merged = corrections.merged_over(earlier)
    changed = pa.array(merged.changed_since(earlier), pa.string())
    if len(changed) and record is not None:
        manifest.write_record({**record, "status": "running"})
        manifest.delete_rows(lambda rows: pc.is_in(rows["source_uri"], value_set=changed))
    if not merged.table.equals(earlier.table):
        manifest.write_corrections(merged.table)
    return merged

"""The corrections of an output: those that its job applies, with new ones among them."""

from __future__ import annotations

import pyarrow as pa

from ..sources.corrections import Corrections
from ..sources.index import iter_row_groups
from .pending_marks import PendingMarks
from .store import Manifest


def all_corrections(new: Corrections, manifest: Manifest) -> Corrections:
    """Return new corrections, and the earlier ones about other sources."""
    table = manifest.read_corrections()
    return new if table is None else new.merged_over(Corrections(table))


def keep_corrections(
    stated: Corrections, marks: PendingMarks, listing: pa.Buffer, manifest: Manifest
) -> None:
    """Write corrections down, before the first source that they change is worked on.

    Args:
        stated: new ones; on the same source they count more than marks.
        marks: the pending marks that are applied; those on sources that are gone stay pending.
        listing: the job's sources, as Parquet.
        manifest: the manifest of the output.

    Raises:
        RequestError: a stated correction is about a URI that is no source of the job.
    """
    stated.check_known(iter_row_groups(listing, ["source_uri"]))
    known = marks.of_known(iter_row_groups(listing, ["source_uri"]))
    new = stated.merged_over(known.corrections)
    if new.statements:
        merged = all_corrections(new, manifest)
        table = manifest.read_corrections()
        if table is None or not merged.table.equals(table):
            manifest.write_corrections(merged.table)
    known.settle()

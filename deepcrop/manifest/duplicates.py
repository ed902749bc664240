"""Manifest rows of duplicates, which refer to the first source with the same bytes."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ..sources.corrections import CORRECTIONS_COLUMN
from ..sources.duplicates import HINTS
from ..storage import strip_credentials
from ..tables import images_table


def refer(copies: pa.Table, firsts: pa.Table, fingerprint: str, carried: pa.Schema) -> pa.Table:
    """Return the rows of those duplicates whose first source is ok, with the very same bytes.

    Such a row is ``skipped``: it has no variants of its own, those of ``duplicate_of`` are its.

    Args:
        copies: rows of the listing that have a ``duplicate_of``.
        firsts: rows of the manifest.
        fingerprint: the job's.
        carried: further columns of the listing.
    """
    wanted = firsts.filter(
        pc.and_(
            pc.equal(firsts["status"], "ok"),
            pc.is_in(firsts["source_uri"], value_set=pc.unique(copies["duplicate_of"])),
        )
    )
    facts = {row.pop("source_uri"): row for row in wanted.to_pylist()}
    rows = []
    for copy in copies.to_pylist():
        first = facts.get(copy["duplicate_of"])
        if first is not None and first["sha256"] == copy["sha256"]:
            source = {
                name: value
                for name, value in copy.items()
                if name not in ("key", CORRECTIONS_COLUMN, *HINTS)
            }
            source["source_uri"] = strip_credentials(copy["source_uri"])
            row = first | source | {"status": "skipped", "attempts": 1, "variants": [], "flags": []}
            rows.append(row | {"fingerprint": fingerprint})
    return images_table(rows, carried)


FACTS = ("source_uri", "status", "sha256", "width", "height", "format", "orientation", "method")
"""Columns of the manifest that :func:`refer` needs."""

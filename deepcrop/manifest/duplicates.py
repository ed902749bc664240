"""Manifest rows of duplicates, which refer to the original: the first source with those bytes."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ..schema import WORK
from ..sources.corrections import CORRECTIONS_COLUMN
from ..sources.duplicates import HINT_COLUMNS
from ..storage import strip_credentials
from ..tables import images_table

REFERENCE_COLUMNS = (
    "source_uri",
    "status",
    "sha256",
    "width",
    "height",
    "format",
    "orientation",
    "method",
)
"""Columns of the images manifest that :func:`duplicate_rows` reads from the originals' rows."""
LISTING_ONLY = ("key", CORRECTIONS_COLUMN, *HINT_COLUMNS, *WORK.names)
"""Columns of the listing that the images manifest doesn't have."""


def duplicate_rows(duplicates: pa.Table, originals: pa.Table, passthrough: pa.Schema) -> pa.Table:
    """Return the rows of those duplicates whose original is ok and still has the same bytes.

    Such a row is ``skipped``. It has no variants of its own: readers take those of the row that
    ``duplicate_of`` names.

    Args:
        duplicates: rows of the listing that have a ``duplicate_of``.
        originals: rows of the images manifest, with :data:`REFERENCE_COLUMNS`.
        passthrough: the columns of the listing that were carried over from an input list.
    """
    referenced = originals.filter(
        pc.and_(
            pc.equal(originals["status"], "ok"),
            pc.is_in(originals["source_uri"], value_set=pc.unique(duplicates["duplicate_of"])),
        )
    )
    by_uri = {row.pop("source_uri"): row for row in referenced.to_pylist()}
    rows = []
    for duplicate in duplicates.to_pylist():
        original = by_uri.get(duplicate["duplicate_of"])
        if original is not None and original["sha256"] == duplicate["sha256"]:
            listed = {name: value for name, value in duplicate.items() if name not in LISTING_ONLY}
            listed["source_uri"] = strip_credentials(duplicate["source_uri"])
            row = original | listed
            row |= {"status": "skipped", "attempts": 1, "variants": [], "flags": []}
            rows.append(row)
    return images_table(rows, passthrough)

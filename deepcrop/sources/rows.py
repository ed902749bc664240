"""The rows of a listing, one a source, while they are collected."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import pyarrow as pa

from ..schema import SOURCES
from ..storage import Entry, strip_credentials
from .keys import safe_key

CHUNK_ROWS = 1000
"""Rows that are held as Python objects before they become a table, which takes a tenth."""

Listed = tuple[pa.Table, Counter[str]]
"""Sources in the order in which they are found, and the number of ignored files by kind."""
ListingRow = dict[str, Any]
"""A row of the listing: columns of :data:`.SOURCES`, and any columns of an input list."""


def source_id(uri: str) -> int:
    """Return the id of a URI: the first eight bytes of its SHA-256, as a signed integer."""
    digest = hashlib.sha256(uri.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def no_rows() -> dict[str, list[object]]:
    """Return the columns of :data:`.SOURCES`, empty."""
    return {name: [] for name in SOURCES.names}


def append(
    rows: dict[str, list[object]],
    uri: str,
    size: int | None,
    entry: Entry | None,
    relative: str,
) -> None:
    """Add a source.

    Args:
        rows: columns that :func:`no_rows` made.
        uri: the source's URI.
        size: its size in bytes, where that is known.
        entry: what the store says of it, or of the archive that it is in; None where it was not
            asked.
        relative: its path below the input, which its key is made from.
    """
    for column in rows.values():
        column.append(None)
    rows["source_id"][-1] = source_id(strip_credentials(uri))
    rows["source_uri"][-1] = uri
    rows["source_bytes"][-1] = size
    if entry is not None:
        rows["source_etag"][-1] = entry.etag or None
        rows["source_modified"][-1] = entry.modified
        rows["source_version"][-1] = entry.version or None
    rows["key"][-1] = safe_key(relative)

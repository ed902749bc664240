"""The rows of a listing: a source each, as they are gathered."""

from __future__ import annotations

import hashlib
from collections import Counter

import pyarrow as pa

from ..schema import SOURCES
from ..storage import strip_credentials
from .keys import safe_key

CHUNK_ROWS = 1000
"""Rows that are gathered as Python's objects."""

Listed = tuple[pa.Table, Counter[str]]
"""Sources as they are found, and what was ignored beside them."""


def source_id(uri: str) -> int:
    """Return the id of a URI: the first eight bytes of its SHA-256, as a signed integer."""
    digest = hashlib.sha256(uri.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def no_rows() -> dict[str, list[object]]:
    """Return the columns of :data:`.SOURCES`, empty."""
    return {name: [] for name in SOURCES.names}


def append(
    rows: dict[str, list[object]], uri: str, size: int | None, etag: str | None, relative: str
) -> None:
    """Add a source.

    Args:
        rows: what :func:`no_rows` gave.
        uri: where it is.
        size: bytes, where that is known.
        etag: changes when the bytes do.
        relative: its path below the input, for its key.
    """
    for column in rows.values():
        column.append(None)
    rows["source_id"][-1] = source_id(strip_credentials(uri))
    rows["source_uri"][-1] = uri
    rows["source_bytes"][-1] = size
    rows["source_etag"][-1] = etag
    rows["key"][-1] = safe_key(relative)

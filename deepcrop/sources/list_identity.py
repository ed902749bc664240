"""What the store says of the sources in a list file, which no listing tells.

A source that is done is asked for (a stat of a file, a HEAD request of an object or a web address),
so that a run notices that it was edited. One that is new is read anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from ..errors import FetchError
from ..schema import SOURCES
from ..storage import Entry, Storage
from .rows import CHUNK_ROWS

THREADS = 32
"""Sources that are asked for at once, since each waits for its store."""
TOLD = ("source_bytes", "source_etag", "source_modified")
"""Columns of what the store says. A file's time of change (``source_version``) is left out: the
first run, which only read the file, has not recorded it."""


def with_identity(listed: pa.Table, done: pa.Array | pa.ChunkedArray, storage: Storage) -> pa.Table:
    """Fill in what the store says of those sources of a list that are done.

    Where the store doesn't answer, nothing is known, and the source counts as unchanged.

    Args:
        listed: the sources of a list, with the columns of :data:`.SOURCES`.
        done: ids of the sources that are done.
        storage: the store to ask.
    """
    ids = np.asarray(listed["source_id"])
    known = np.isin(ids, np.asarray(done))
    if not known.any():
        return listed
    uris = listed["source_uri"].to_pylist()
    told = {name: listed[name].to_pylist() for name in TOLD}
    for at, entry in _entries(np.flatnonzero(known).tolist(), uris, storage):
        if entry is not None:
            told["source_bytes"][at] = entry.size or None  # a web server need not tell it
            told["source_etag"][at] = entry.etag or None
            told["source_modified"][at] = entry.modified
    for name, values in told.items():
        field = SOURCES.field(name)
        column = pa.array(values, field.type)
        listed = listed.set_column(listed.schema.get_field_index(name), field, column)
    return listed


def _entries(
    places: list[int], uris: list[str], storage: Storage
) -> Iterator[tuple[int, Entry | None]]:
    def ask(at: int) -> tuple[int, Entry | None]:
        try:
            return at, storage.stat(uris[at])
        except FetchError:
            return at, None

    with ThreadPoolExecutor(THREADS, thread_name_prefix="stat") as pool:
        for start in range(0, len(places), CHUNK_ROWS):
            yield from pool.map(ask, places[start : start + CHUNK_ROWS])

"""The listing of a job: the sources that its input has, limited to those that the job wants.

Sources of earlier runs stay in it. A large listing is built in a process of its own, which gives
its memory back when it ends: sorting and comparing all names takes several times the memory of the
listing itself. The result is compressed (Parquet).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ..job import Job
from ..storage import Storage
from .corrections import Corrections
from .discovery import (
    LOCAL_LISTING_MAX,
    SERIAL_LISTING_S,
    Sources,
    list_small,
    list_sources,
    select,
    with_secrets,
    without_secrets,
)
from .duplicates import find_duplicates
from .index import iter_row_groups, to_parquet
from .list_files import LISTS
from .list_identity import with_identity
from .mapping import ParallelMap, serial_map
from .selection import Selection


@dataclass(frozen=True)
class Listing:
    """All sources of a job, ordered by URI, as Parquet."""

    packed: pa.Buffer
    """As :func:`.index.to_parquet` makes it: columns of :data:`..schema.SOURCES`, then those
    carried over from the input list."""
    public: pa.Buffer
    """The listing without the credentials in its URIs, as it may be written down."""
    kinds: Mapping[str, int]
    """Ignored files and rows by kind; see :mod:`deepcrop.sources.selection`."""
    left_out: frozenset[int] = frozenset()
    """Ids of the sources that the input has, and that ``limit`` or ``sample`` leave out."""

    @classmethod
    def of(
        cls, table: pa.Table, kinds: Mapping[str, int], left_out: frozenset[int] = frozenset()
    ) -> Listing:
        """Compress a table of sources."""
        packed, bare = to_parquet(table), without_secrets(table)
        return cls(packed, packed if bare is table else to_parquet(bare), kinds, left_out)


def build_listing(
    job: Job,
    storage: Storage,
    previous: pa.Table | None,
    parallel_map: ParallelMap = serial_map,
    serial_seconds: float = SERIAL_LISTING_S,
) -> Listing:
    """List a job's sources.

    Args:
        job: its input, and which sources it wants.
        storage: the store of the input.
        previous: the sources of earlier runs, which keep their keys, and those that are gone.
        parallel_map: lists folders and hashes sources in parallel.
        serial_seconds: seconds after which that is done.

    Raises:
        RequestError: there is nothing there, or it can't be read.
    """
    found = list_sources(
        job.input, storage, previous, Selection.of(job), parallel_map, serial_seconds
    )
    return _listing(job, storage, found, previous, parallel_map)


def list_locally(job: Job, storage: Storage, previous: pa.Table | None) -> Listing | None:
    """List a job's sources as :func:`build_listing` does; None where that takes long."""
    if job.dedupe or (previous is not None and previous.num_rows > LOCAL_LISTING_MAX):
        return None
    found = list_small(job.input, storage, previous, Selection.of(job))
    return None if found is None else _listing(job, storage, found, previous, serial_map)


def _listing(
    job: Job,
    storage: Storage,
    found: Sources,
    previous: pa.Table | None,
    parallel_map: ParallelMap,
) -> Listing:
    """Keep the sources that the job wants, and say of them what the store does."""
    table = select(found.table, job.limit, job.sample)
    if previous is not None and job.check_listed and job.input.lower().endswith(LISTS):
        table = with_identity(table, previous["source_id"], storage)
    left_out: frozenset[int] = frozenset()
    if table.num_rows < found.table.num_rows:
        left_out = frozenset(found.table["source_id"].to_pylist()) - frozenset(
            table["source_id"].to_pylist()
        )
    if job.dedupe:
        table = find_duplicates(table, previous, storage, parallel_map)
    return Listing.of(table, found.kinds, left_out)


def restore_secrets(
    job: Job,
    storage: Storage,
    previous: pa.Buffer,
    kinds: Mapping[str, int],
    parallel_map: ParallelMap = serial_map,
) -> Listing:
    """Return an earlier run's listing with the credentials that weren't written down."""
    whole = with_secrets(
        _from_parquet(previous), job.input, storage, Selection.of(job), parallel_map
    )
    return Listing.of(whole, kinds)


def join_corrections(packed: pa.Buffer, corrections: Corrections) -> pa.Buffer:
    """Return a listing with a column of corrections; the listing as it is where there are none.

    Args:
        packed: the listing as Parquet.
        corrections: statements about some of its sources.
    """
    if not corrections.statements:
        return packed
    sink = pa.BufferOutputStream()
    schema = corrections.join(pq.read_schema(pa.BufferReader(packed)).empty_table()).schema
    with pq.ParquetWriter(sink, schema, compression="zstd", use_dictionary=False) as writer:
        for group in iter_row_groups(packed):
            writer.write_table(corrections.join(group))
    return sink.getvalue()


def _from_parquet(packed: pa.Buffer) -> pa.Table:
    return pq.read_table(pa.BufferReader(packed))

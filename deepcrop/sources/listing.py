"""The listing of a job: the sources that its input has, limited to those that the job wants.

Sources of earlier runs stay in it. A large listing is built in a process of its own, which gives
its memory back when it ends: sorting and comparing all names takes several times the memory of the
listing itself. The result is compressed (Parquet).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..job import Job
from ..storage import Storage
from .corrections import Corrections
from .discovery import (
    LOCAL_LISTING_MAX,
    Sources,
    list_small,
    list_sources,
    select,
    with_secrets,
    without_secrets,
)
from .duplicates import find_duplicates
from .index import iter_row_groups, to_parquet
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

    @classmethod
    def of(cls, table: pa.Table, kinds: Mapping[str, int]) -> Listing:
        """Compress a table of sources."""
        packed, bare = to_parquet(table), without_secrets(table)
        return cls(packed, packed if bare is table else to_parquet(bare), kinds)


def build_listing(
    job: Job,
    storage: Storage,
    previous: pa.Buffer | None,
    parallel_map: ParallelMap = serial_map,
) -> Listing:
    """List a job's sources.

    Args:
        job: its input, and which sources it wants.
        storage: the store of the input.
        previous: the listing of an earlier run, as Parquet; its sources stay, and keep their keys.
        parallel_map: lists folders and hashes sources in parallel.

    Raises:
        RequestError: there is nothing there, or it can't be read.
    """
    previous_table = None if previous is None else _from_parquet(previous)
    found = list_sources(job.input, storage, previous_table, Selection.of(job), parallel_map)
    return _listing(job, storage, found, previous_table, parallel_map)


def list_locally(job: Job, storage: Storage, previous: pa.Buffer | None) -> Listing | None:
    """List a job's sources as :func:`build_listing` does; None where that takes a cluster."""
    if job.dedupe:
        return None
    if (
        previous is not None
        and pq.read_metadata(pa.BufferReader(previous)).num_rows > LOCAL_LISTING_MAX
    ):
        return None
    previous_table = None if previous is None else _from_parquet(previous)
    found = list_small(job.input, storage, previous_table, Selection.of(job))
    return None if found is None else _listing(job, storage, found, previous_table, serial_map)


def _listing(
    job: Job,
    storage: Storage,
    found: Sources,
    previous_table: pa.Table | None,
    parallel_map: ParallelMap,
) -> Listing:
    """Keep the sources that the job wants, and those that an earlier run had listed."""
    table = select(found.table, job.limit, job.sample)
    if job.dedupe:
        table = find_duplicates(table, previous_table, storage, parallel_map)
    if previous_table is not None:
        unlisted = pc.invert(pc.is_in(previous_table["source_id"], value_set=table["source_id"]))
        table = pa.concat_tables(
            [table, previous_table.filter(unlisted)], promote_options="permissive"
        )
    return Listing.of(table, found.kinds)


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

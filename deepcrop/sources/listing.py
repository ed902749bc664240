"""The listing of a job: what is there, which of it the job wants, and what earlier runs knew.

Unless there are few, it is made in a process of its own, which ends then: sorting and comparing all
names takes several times the memory of the listing itself. What comes back from it is packed.
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
    """All sources of a job, ordered by URI, packed."""

    packed: pa.Buffer
    """As :func:`.index.to_parquet` makes it: columns of :data:`..schema.SOURCES`, then those
    carried over from the input list."""
    public: pa.Buffer
    """The same without secrets, as it may be written down."""
    kinds: Mapping[str, int]
    """What else is there and was ignored: how much of each kind of :mod:`.ignored`."""

    @classmethod
    def of(cls, table: pa.Table, kinds: Mapping[str, int]) -> Listing:
        """Pack a table of sources."""
        packed, bare = to_parquet(table), without_secrets(table)
        return cls(packed, packed if bare is table else to_parquet(bare), kinds)


def build_listing(
    job: Job,
    storage: Storage,
    known: pa.Buffer | None,
    parallel_map: ParallelMap = serial_map,
) -> Listing:
    """List a job's sources.

    Args:
        job: says where they are, and which are wanted.
        storage: the store that they lie in.
        known: the listing of an earlier run, packed; its sources stay, and keep their keys.
        parallel_map: spreads the listing, and the hashing for duplicates.

    Raises:
        RequestError: there is nothing there, or it can't be read.
    """
    before = None if known is None else _unpacked(known)
    found = list_sources(job.input, storage, before, Selection.of(job), parallel_map)
    return _listing(job, storage, found, before, parallel_map)


def list_locally(job: Job, storage: Storage, known: pa.Buffer | None) -> Listing | None:
    """Do as :func:`build_listing` where that needs no cluster; else return None."""
    if job.dedupe:
        return None
    if known is not None and pq.read_metadata(pa.BufferReader(known)).num_rows > LOCAL_LISTING_MAX:
        return None
    before = None if known is None else _unpacked(known)
    found = list_small(job.input, storage, before, Selection.of(job))
    return None if found is None else _listing(job, storage, found, before, serial_map)


def _listing(
    job: Job,
    storage: Storage,
    found: Sources,
    before: pa.Table | None,
    parallel_map: ParallelMap,
) -> Listing:
    """Keep what the job wants, and what an earlier run had listed."""
    table = select(found.table, job.limit, job.sample)
    if job.dedupe:
        table = find_duplicates(table, before, storage, parallel_map)
    if before is not None:
        gone = pc.invert(pc.is_in(before["source_id"], value_set=table["source_id"]))
        table = pa.concat_tables([table, before.filter(gone)], promote_options="permissive")
    return Listing.of(table, found.kinds)


def restore_secrets(
    job: Job,
    storage: Storage,
    known: pa.Buffer,
    kinds: Mapping[str, int],
    parallel_map: ParallelMap = serial_map,
) -> Listing:
    """Return an earlier run's listing with the secrets that weren't written down."""
    whole = with_secrets(_unpacked(known), job.input, storage, Selection.of(job), parallel_map)
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


def _unpacked(packed: pa.Buffer) -> pa.Table:
    return pq.read_table(pa.BufferReader(packed))

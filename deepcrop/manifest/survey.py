"""The survey of a job: what its input has, what its output has, and what has to be worked on.

Everything that a run does follows from it. It reads the identities and recipes of all rows, a part
at a time, and the whole rows of those sources only that are to be worked on. It is made in a
process that ends after it, where it is large.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..job import Job
from ..recipes import Recipes
from ..schema import PREVIOUS, PREVIOUS_PART, SAME_SOURCE, SOURCES, STAGING, WORK
from ..sources.corrections import Corrections
from ..sources.discovery import SERIAL_LISTING_S, is_redacted
from ..sources.index import to_parquet
from ..sources.listing import Listing, build_listing, list_locally, restore_secrets
from ..sources.mapping import ParallelMap, serial_map
from ..storage import Storage
from ..tables import ROW_GROUP_ROWS
from .changes import Changes
from .comparison import Comparison, Indices
from .store import Manifest
from .summary import RowCounts
from .takeover import Takeover, is_old

LOCAL_SURVEY_MAX = 4000
"""Sources that are compared in the calling process at most."""


@dataclass(frozen=True)
class Question:
    """What is asked of a survey."""

    job: Job
    corrections: Corrections
    """All corrections that hold, earlier ones included."""
    record: Mapping[str, Any] | None
    """The output's ``job.json``."""
    relists: bool = True
    """Whether the input is listed, or the listing of the last run taken."""
    retries: frozenset[str] | None = None
    """Stages and classes of errors of failed sources that are tried again; all where it is empty;
    None: no failed source is, unless it has changed."""
    staging: str = ""
    """The staging area of the run."""
    damaged: frozenset[str] = frozenset()
    """URIs of variants that are made again: they aren't there, or have other bytes."""


@dataclass
class Survey:
    """What a run has to do."""

    listing: Listing
    work: pa.Buffer
    """The sources to work on: columns of the listing, of corrections where there are any, and of
    :data:`.schema.WORK`."""
    counts: RowCounts
    """Counts of the rows that stay as they are."""
    changes: Changes
    absent: pa.Buffer | None
    """Sources that have rows and aren't in the listing, with the columns of :data:`.SOURCES`."""
    gone: frozenset[int]
    """Ids of those among them that the input doesn't have."""
    part_rows: dict[int, int] = field(default_factory=dict)
    """The number of rows of each part."""
    unlike: bool = False
    """Whether parts lack columns of the listing, or of this release."""


def list_and_survey(
    question: Question,
    storage: Storage,
    output: str,
    parallel_map: ParallelMap = serial_map,
    serial_seconds: float = SERIAL_LISTING_S,
) -> Survey:
    """List the input of a job, and compare it with its output.

    Args:
        question: what is asked.
        storage: the store of both.
        output: canonical URI of the output.
        parallel_map: lists folders and hashes sources in parallel.
        serial_seconds: seconds after which that is done.

    Raises:
        RequestError: there is nothing there, or it can't be read.
    """
    manifest = Manifest(output, storage)
    previous = previous_sources(manifest)
    listing = known_listing(question, storage, manifest, parallel_map)
    if listing is None:
        listing = build_listing(question.job, storage, previous, parallel_map, serial_seconds)
    return survey(question, manifest, listing, previous)


def survey_locally(question: Question, storage: Storage, output: str) -> Survey | None:
    """Do as :func:`list_and_survey`; None where that takes long."""
    manifest = Manifest(output, storage)
    previous = previous_sources(manifest)
    if previous is not None and previous.num_rows > LOCAL_SURVEY_MAX:
        return None
    listing = known_listing(question, storage, manifest, serial_map)
    if listing is None:
        listing = list_locally(question.job, storage, previous)
    return None if listing is None else survey(question, manifest, listing, previous)


def previous_sources(manifest: Manifest) -> pa.Table | None:
    """Return the sources of earlier runs: those of the listing, and those that aren't in it."""
    tables = [
        table for table in (manifest.read_listing(), manifest.read_absent()) if table is not None
    ]
    return pa.concat_tables(tables, promote_options="permissive") if tables else None


def known_listing(
    question: Question, storage: Storage, manifest: Manifest, parallel_map: ParallelMap
) -> Listing | None:
    """Return the listing of the last run, where the input is not to be listed."""
    if question.relists or question.record is None:
        return None
    known = manifest.find_listing()
    if known is None:
        return None
    kinds = question.record.get("ignored_kinds", {})
    uris = pq.read_table(pa.BufferReader(known), columns=["source_uri"])
    if is_redacted(uris):
        return restore_secrets(question.job, storage, known, kinds, parallel_map)
    return Listing(known, known, kinds)


def survey(
    question: Question, manifest: Manifest, listing: Listing, previous: pa.Table | None
) -> Survey:
    """Compare a listing with the rows of a manifest.

    Args:
        question: what is asked.
        manifest: of the output.
        listing: the sources.
        previous: the sources of earlier runs.
    """
    manifest.load_parts()
    sources = pq.read_table(pa.BufferReader(listing.packed))
    if question.corrections.statements:
        sources = question.corrections.join(sources)
    takeover = None
    if is_old(question.record) and question.record is not None:
        takeover = Takeover(question.record, question.corrections, previous)
    comparison = Comparison(
        question.job,
        Recipes(question.job),
        sources,
        listing.left_out,
        question.retries,
        question.damaged,
    )
    writer = _WorkWriter(sources, question.staging)
    part_rows, unlike = {}, takeover is not None
    expected = {*WORK.field(PREVIOUS).type.names, *comparison.passthrough.names}
    for number in manifest.parts:
        rows = manifest.read_raw(number, None if takeover else comparison.columns)
        part_rows[number] = rows.num_rows
        if takeover is not None:
            rows = takeover.fill(rows)
        else:
            unlike |= not expected <= {*rows.schema.names, *comparison.unread}
        due, same, at = comparison.compare(rows)
        if len(due):
            whole = rows if takeover is not None else manifest.read(number)
            writer.add(at, comparison.take_due(whole.take(pa.array(due))), number, same)
    new = comparison.new_sources()
    if part_rows or question.corrections.statements:
        writer.add_new(new)
        work = writer.finish()
    else:
        work = listing.packed
    absent = _absent(previous, comparison.absent)
    return Survey(
        listing,
        work,
        comparison.counts,
        comparison.changes,
        absent,
        frozenset(comparison.gone),
        part_rows,
        unlike,
    )


def _absent(previous: pa.Table | None, ids: Sequence[int]) -> pa.Buffer | None:
    """Return the sources of earlier runs that have rows and aren't in the listing."""
    if previous is None or not ids:
        return None
    table = previous.filter(pc.is_in(previous["source_id"], value_set=pa.array(ids, pa.int64())))
    return to_parquet(table.select([name for name in SOURCES.names if name in table.column_names]))


class _WorkWriter:
    """Collects the sources to work on, compressed."""

    def __init__(self, sources: pa.Table, staging: str) -> None:
        self.sources, self.staging = sources, staging
        self.sink = pa.BufferOutputStream()
        schema = pa.schema([*sources.schema, *WORK])
        self.schema = schema.remove_metadata()
        self.writer = pq.ParquetWriter(
            self.sink, self.schema, compression="zstd", use_dictionary=False
        )

    def add(self, at: Indices, rows: pa.Table, part: int, same: Sequence[bool]) -> None:
        """Add sources that have rows."""
        names = WORK.field(PREVIOUS).type
        arrays = [rows[each.name].combine_chunks().cast(each.type) for each in names]
        columns = {
            PREVIOUS: pa.StructArray.from_arrays(arrays, fields=list(names)),
            PREVIOUS_PART: pa.array([part] * len(at), pa.int64()),
            SAME_SOURCE: pa.array(same, pa.bool_()),
            STAGING: pa.array([self.staging] * len(at), pa.string()),
        }
        self._write(self.sources.take(pa.array(at)), columns)

    def add_new(self, at: Indices) -> None:
        """Add sources that have none."""
        for start in range(0, len(at), ROW_GROUP_ROWS):
            chunk = at[start : start + ROW_GROUP_ROWS]
            nulls = {each.name: pa.nulls(len(chunk), each.type) for each in WORK}
            self._write(self.sources.take(pa.array(chunk)), nulls)

    def _write(self, listed: pa.Table, columns: Mapping[str, pa.Array]) -> None:
        if not listed.num_rows:
            return
        for name, column in columns.items():
            listed = listed.append_column(name, column)
        self.writer.write_table(listed.cast(self.schema))

    def finish(self) -> pa.Buffer:
        """Return all of them as Parquet."""
        self.writer.close()
        return self.sink.getvalue()

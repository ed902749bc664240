"""All sources of a job, kept in little memory: their ids, and the listing compressed.

As a table, a million sources take hundreds of megabytes, several times over while they are
filtered and cut into blocks. So the listing is Parquet from the moment it is made. The driver sends
row indices to the actors, which read the rows from a copy of the listing that the processes of a
node share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..schema import PREVIOUS_PART, SOURCES, WORK
from ..tables import write_table
from .corrections import CORRECTIONS_COLUMN

RowIndices = NDArray[np.int64]
"""int64 (n,): rows of a listing, by their index in it."""

WINDOW_ROWS = 1 << 15
"""Rows of a listing that are decompressed at once."""
NO_PART = -1
"""Stands for the part of a source that has no row."""
ROW_INDEX = pa.schema([("row_index", pa.int64())])
"""Columns of a block of row indices."""


class ParquetListing:
    """A listing as Parquet, of which rows are read by their index."""

    def __init__(self, data: pa.Buffer) -> None:
        """Take a listing that :func:`to_parquet` wrote."""
        self.data = data
        file = pq.ParquetFile(pa.BufferReader(data))
        self.schema, metadata = file.schema_arrow, file.metadata
        rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self._starts = np.cumsum([0, *rows])
        self.rows = int(self._starts[-1])
        """The number of sources."""
        # Two, because the threads of a process read at the border of two row groups at most.
        self._row_group = lru_cache(maxsize=2)(self._read_row_group)

    def __reduce__(self) -> tuple[type[ParquetListing], tuple[pa.Buffer]]:
        """Pickle the data alone, which the processes of one node share."""
        return ParquetListing, (self.data,)

    @property
    def passthrough(self) -> pa.Schema:
        """The columns that were carried over from the input list."""
        return _passthrough(self.schema)

    def take(self, rows: RowIndices) -> pa.Table:
        """Return rows of the listing.

        Args:
            rows: int64 (n,), ascending.
        """
        groups = np.searchsorted(self._starts, rows, side="right") - 1
        parts = [
            self._row_group(int(group)).take(pa.array(rows[groups == group] - self._starts[group]))
            for group in np.unique(groups)
        ]
        return pa.concat_tables([self.schema.empty_table(), *parts])

    def _read_row_group(self, number: int) -> pa.Table:
        return pq.ParquetFile(pa.BufferReader(self.data)).read_row_group(number, use_threads=False)


class SourceIndex:
    """All sources of a run, in the order of the listing, found by their ids."""

    def __init__(self, listing: ParquetListing) -> None:
        """Read the ids of a listing's sources."""
        self.listing = listing
        ids, duplicates = [np.empty(0, np.int64)], [np.empty(0, bool)]
        parts = [np.empty(0, np.int64)]
        columns = ["source_id", "duplicate_of", PREVIOUS_PART]
        for group in iter_row_groups(
            listing.data, [name for name in columns if name in listing.schema.names]
        ):
            ids.append(source_ids(group))
            duplicates.append(pc.is_valid(group["duplicate_of"]).to_numpy())
            if PREVIOUS_PART in group.column_names:
                parts.append(pc.fill_null(group[PREVIOUS_PART], NO_PART).to_numpy())
            else:
                parts.append(np.full(group.num_rows, NO_PART, np.int64))
        unsorted = np.concatenate(ids)
        self._order = np.argsort(unsorted)
        self._ids = unsorted[self._order]
        self.is_duplicate: NDArray[np.bool_] = np.concatenate(duplicates)
        """bool (sources,): which sources are duplicates of another."""
        self.parts: NDArray[np.int64] = np.concatenate(parts)
        """int64 (sources,): the number of the part that has each source's earlier row, or
        :data:`NO_PART`."""

    def __len__(self) -> int:
        """Return the number of sources."""
        return len(self._ids)

    def rows(self, ids: NDArray[np.int64]) -> RowIndices:
        """Return the row indices of sources; ids that the listing doesn't have are left out.

        Args:
            ids: int64 (n,), in any order.
        """
        positions = np.searchsorted(self._ids, ids)
        found = positions < len(self)
        found[found] = self._ids[positions[found]] == ids[found]
        return self._order[positions[found]]

    def tables(self, mask: NDArray[np.bool_]) -> Iterator[pa.Table]:
        """Yield rows of the listing, :data:`WINDOW_ROWS` at a time.

        Args:
            mask: bool (sources,), the rows that are wanted.
        """
        rows = np.flatnonzero(mask)
        for start in range(0, len(rows), WINDOW_ROWS):
            yield self.listing.take(rows[start : start + WINDOW_ROWS])


def index_blocks(rows: RowIndices, block_rows: int) -> list[pa.Table]:
    """Return row indices as tables of at most ``block_rows`` rows."""
    return [
        pa.table([rows[start : start + block_rows]], schema=ROW_INDEX)
        for start in range(0, len(rows), block_rows)
    ]


def to_parquet(listing: pa.Table) -> pa.Buffer:
    """Return a listing's table as Parquet: a tenth of its size."""
    sink = pa.BufferOutputStream()
    write_table(listing, sink)
    return sink.getvalue()


def iter_row_groups(data: pa.Buffer, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of a listing in Parquet, a few thousand at a time."""
    file = pq.ParquetFile(pa.BufferReader(data))
    for group in range(file.num_row_groups):
        yield file.read_row_group(group, columns=columns, use_threads=False)


def passthrough_columns(data: pa.Buffer) -> pa.Schema:
    """Return the columns of a listing in Parquet that were carried over from an input list."""
    return _passthrough(pq.read_schema(pa.BufferReader(data)))


def _passthrough(schema: pa.Schema) -> pa.Schema:
    own = (*SOURCES.names, CORRECTIONS_COLUMN, *WORK.names)
    return pa.schema([each for each in schema if each.name not in own])


def source_ids(rows: pa.Table) -> NDArray[np.int64]:
    """Return the ids of a table's sources as an array of its own, which doesn't keep the table."""
    return np.array(rows["source_id"].to_numpy(), np.int64, copy=True)

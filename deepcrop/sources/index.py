"""The sources of a run as its processes keep them: their ids, and the rest compressed.

As a table, a million sources take hundreds of megabytes, several times over while they are
filtered and cut into blocks. So they are packed where they are listed; the driver sends nothing
but their places on the shelf, and who works on them takes them from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..schema import SOURCES
from ..tables import write_table

WINDOW = 1 << 15
"""Sources that are unpacked at once."""
PLACE = pa.schema([("place", pa.int64())])


class Packed:
    """A listing as Parquet, of which rows are taken by their places in it."""

    def __init__(self, data: pa.Buffer, attach: Callable[[pa.Table], pa.Table]) -> None:
        """Take a listing.

        Args:
            data: what :func:`pack` made of it.
            attach: adds to rows of it what people said of their sources.
        """
        self.data, self.attach = data, attach
        file = pq.ParquetFile(pa.BufferReader(data))
        self.schema, metadata = file.schema_arrow, file.metadata
        rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self.ends = numpy.cumsum([0, *rows])
        # Two: the threads of a process are at two neighbours' ends at most.
        self.group = lru_cache(maxsize=2)(self._group)

    def __reduce__(self) -> tuple[type, tuple[pa.Buffer, Callable[[pa.Table], pa.Table]]]:
        """Travel as the data, which processes of one node share."""
        return Packed, (self.data, self.attach)

    @property
    def carried(self) -> pa.Schema:
        """Of the columns that were carried over from the input list."""
        return _carried(self.schema)

    def take(self, places: numpy.ndarray) -> pa.Table:
        """Return rows.

        Args:
            places: int64 (n,), ascending.
        """
        of = numpy.searchsorted(self.ends, places, side="right") - 1
        parts = [
            self.group(int(group)).take(pa.array(places[of == group] - self.ends[group]))
            for group in numpy.unique(of)
        ]
        return self.attach(pa.concat_tables([self.schema.empty_table(), *parts]))

    def _group(self, number: int) -> pa.Table:
        return pq.ParquetFile(pa.BufferReader(self.data)).read_row_group(number, use_threads=False)


class Shelf:
    """All sources of a run, in the order of the listing."""

    def __init__(self, packed: Packed) -> None:
        """Take a listing, and read the ids of its sources."""
        self.packed = packed
        ids, copies = [numpy.empty(0, numpy.int64)], [numpy.empty(0, bool)]
        for group in groups(packed.data, ("source_id", "source_uri", "duplicate_of")):
            table = packed.attach(group)
            ids.append(ids_of(table))
            copies.append(pc.is_valid(table["duplicate_of"]).to_numpy())
        every = numpy.concatenate(ids)
        self._order = numpy.argsort(every)
        self._ids = every[self._order]
        self.copies = numpy.concatenate(copies)
        """bool (sources,): which are duplicates of another."""

    def __len__(self) -> int:
        """Return the number of sources."""
        return len(self._ids)

    def places(self, ids: numpy.ndarray) -> numpy.ndarray:
        """Return where sources stand; those that are not here are left out.

        Args:
            ids: int64 (n,), in any order.
        """
        at = numpy.searchsorted(self._ids, ids)
        here = at < len(self)
        here[here] = self._ids[at[here]] == ids[here]
        return self._order[at[here]]

    def tables(self, wanted: numpy.ndarray) -> Iterator[pa.Table]:
        """Yield rows of the listing, a window at a time.

        Args:
            wanted: bool (sources,), which of them.
        """
        places = numpy.flatnonzero(wanted)
        for start in range(0, len(places), WINDOW):
            yield self.packed.take(places[start : start + WINDOW])


class Blocks:
    """Places on the shelf as tables of so many rows, each made when it is asked for."""

    def __init__(self, places: numpy.ndarray, rows: int) -> None:
        """Take the places, and the rows of a block."""
        self.places, self.starts, self.rows = places, range(0, len(places), rows), rows

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.starts)

    def __iter__(self) -> Iterator[pa.Table]:
        """Make them one after the other."""
        for start in self.starts:
            yield pa.table([self.places[start : start + self.rows]], schema=PLACE)


def pack(listing: pa.Table) -> pa.Buffer:
    """Return a listing's table as Parquet: a tenth of its size."""
    sink = pa.BufferOutputStream()
    write_table(listing, sink)
    return sink.getvalue()


def groups(packed: pa.Buffer, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of a packed listing, a few thousand at a time."""
    file = pq.ParquetFile(pa.BufferReader(packed))
    for group in range(file.num_row_groups):
        yield file.read_row_group(group, columns=columns, use_threads=False)


def passthrough_columns(packed: pa.Buffer) -> pa.Schema:
    """Return the schema of the columns of a listing that were carried over from a list."""
    return _carried(pq.read_schema(pa.BufferReader(packed)))


def _carried(schema: pa.Schema) -> pa.Schema:
    return pa.schema([each for each in schema if each.name not in SOURCES.names])


def ids_of(rows: pa.Table) -> numpy.ndarray:
    """Return the ids of a table's sources as an array of its own, which doesn't keep the table."""
    return numpy.array(rows["source_id"].to_numpy(), numpy.int64, copy=True)

"""The sources of a run as its driver keeps them: their ids, and the rest compressed.

As a table, a million sources take hundreds of megabytes, several times over while they are
filtered and cut into blocks. So they are packed where they are listed, and taken from the shelf a
window at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .manifest import write_table

WINDOW = 1 << 15
"""Sources that are unpacked at once; each batch of them takes 10 KB of the driver's memory."""
SHARE = 1 << 11
"""As many for each process of a larger job: the actors start anew for each window, and 1,000 are
through the smallest one within seconds."""


class Shelf:
    """All sources of a run, in the order of the listing."""

    def __init__(self, packed: pa.Buffer, attach: Callable[[pa.Table], pa.Table]) -> None:
        """Take a packed listing.

        Args:
            packed: what :func:`pack` made of it.
            attach: adds to rows of it what people said of their sources.
        """
        self.packed, self.attach = packed, attach
        ids, copies = [numpy.empty(0, numpy.int64)], [numpy.empty(0, bool)]
        for group in groups(packed, ("source_id", "source_uri", "duplicate_of")):
            table = attach(group)
            ids.append(ids_of(table))
            copies.append(pc.is_valid(table["duplicate_of"]).to_numpy())
        self.ids = numpy.concatenate(ids)
        """int64 (sources,)."""
        self.copies = numpy.concatenate(copies)
        """bool (sources,): which are duplicates of another."""

    def tables(self, wanted: numpy.ndarray, processes: int = 0) -> Iterator[pa.Table]:
        """Yield rows of the listing, a window at a time.

        Args:
            wanted: bool (sources,), which of them.
            processes: that will work on them.
        """
        most = max(WINDOW, SHARE * processes)
        window: list[pa.Table] = []
        start = 0
        for group in groups(self.packed):
            chosen = wanted[start : start + group.num_rows]
            start += group.num_rows
            if chosen.any():
                if sum(each.num_rows for each in window) + chosen.sum() > most:
                    yield self.attach(pa.concat_tables(window))
                    window = []
                window.append(group.filter(pa.array(chosen)))
        if window:
            yield self.attach(pa.concat_tables(window))


class Blocks:
    """A table in blocks of so many rows, each made when it is asked for."""

    def __init__(self, table: pa.Table, rows: int) -> None:
        """Take the table, and the rows of a block."""
        self.table, self.starts, self.rows = table, range(0, table.num_rows, rows), rows

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.starts)

    def __iter__(self) -> Iterator[pa.Table]:
        """Make them one after the other."""
        return (self.table.slice(start, self.rows).combine_chunks() for start in self.starts)


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


def ids_of(rows: pa.Table) -> numpy.ndarray:
    """Return the ids of a table's sources as an array of its own, which doesn't keep the table."""
    return numpy.array(rows["source_id"].to_numpy(), numpy.int64, copy=True)

"""The sources of a run as its driver keeps them: their ids, and the rest compressed.

As a table, a million sources take hundreds of megabytes, several times over while they are
filtered and cut into blocks. So they are taken from the shelf a window at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

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

    def __init__(self, listing: pa.Table) -> None:
        """Pack a listing's table."""
        sink = pa.BufferOutputStream()
        write_table(listing, sink)
        self.packed = sink.getvalue()
        self.ids = ids_of(listing)
        """int64 (sources,)."""
        self.copies = pc.is_valid(listing["duplicate_of"]).to_numpy()
        """bool (sources,): which are duplicates of another."""

    def tables(self, wanted: numpy.ndarray, processes: int = 0) -> Iterator[pa.Table]:
        """Yield rows of the listing, a window at a time.

        Args:
            wanted: bool (sources,), which of them.
            processes: that will work on them.
        """
        most = max(WINDOW, SHARE * processes)
        file = pq.ParquetFile(pa.BufferReader(self.packed))
        window: list[pa.Table] = []
        start = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            chosen = wanted[start : start + rows]
            start += rows
            if chosen.any():
                if sum(each.num_rows for each in window) + chosen.sum() > most:
                    yield pa.concat_tables(window)
                    window = []
                table = file.read_row_group(group, use_threads=False)
                window.append(table.filter(pa.array(chosen)))
        if window:
            yield pa.concat_tables(window)


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


def ids_of(rows: pa.Table) -> numpy.ndarray:
    """Return the ids of a table's sources as an array of its own, which doesn't keep the table."""
    return numpy.array(rows["source_id"].to_numpy(), numpy.int64, copy=True)

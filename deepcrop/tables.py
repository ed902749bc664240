"""Tables in Parquet: how every file of a job is written and read, in little memory."""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from .schema import IMAGES

ROW_GROUP_ROWS = 4096
"""Rows of a row group: what writing and reading hold in memory."""
PARQUET = "application/vnd.apache.parquet"


def write_table(table: pa.Table, sink: BinaryIO | pa.NativeFile) -> None:
    """Write a table of any length in little memory, as Parquet.

    Without dictionaries: of columns of names, each another one, they take ten times the memory of
    the names, and make the file larger.
    """
    pq.write_table(
        table, sink, compression="zstd", row_group_size=ROW_GROUP_ROWS, use_dictionary=False
    )


def images_table(rows: list[dict[str, Any]], carried: pa.Schema) -> pa.Table:
    """Make a table of rows; ``carried`` names the further columns of the input list."""
    return pa.Table.from_pylist(rows, schema=pa.schema([*IMAGES, *carried]))

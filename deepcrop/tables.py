"""Parquet files of a job: how its listing and its manifests are written, in little memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from .schema import IMAGES

ROW_GROUP_ROWS = 4096
"""Rows of a row group, which writing and reading hold in memory."""
PARQUET = "application/vnd.apache.parquet"
"""Content type of Parquet files."""


def write_table(table: pa.Table, sink: BinaryIO | pa.NativeFile) -> None:
    """Write a table of any length as Parquet.

    Dictionary encoding is off: for columns of names, which are all different, it takes ten times
    the memory of the names and makes the file larger.
    """
    pq.write_table(
        table, sink, compression="zstd", row_group_size=ROW_GROUP_ROWS, use_dictionary=False
    )


def images_table(rows: Sequence[Mapping[str, object]], passthrough: pa.Schema) -> pa.Table:
    """Return rows as a table in the schema of the images manifest.

    Args:
        rows: by the names of the columns; a missing value is null.
        passthrough: the columns that were carried over from an input list.
    """
    return pa.Table.from_pylist(list(rows), schema=pa.schema([*IMAGES, *passthrough]))

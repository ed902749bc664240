"""The compatibility of a manifest's files: whether readers can open them as one table.

DuckDB, Polars, pandas and ``datasets`` read a folder of Parquet files with the columns of one file,
or refuse the folder where another file's columns differ. A column of type null, which has no values
yet, differs from the same column with values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SourceError
from ..storage import Storage
from .store import Manifest


def unreadable(manifest: Manifest) -> dict[str, str]:
    """Return the files that can't be read, alone or together with the others: reasons by URI.

    Every file is read completely, a row group at a time.
    """
    storage = manifest.storage
    folders = (manifest.images, manifest.variants, manifest.listing.rpartition("/")[0])
    found: dict[str, str] = {}
    for folder in folders[:2]:
        found |= _unlike(_parquets(storage, folder), storage)
    for uri in _parquets(storage, folders[2]):
        found |= _unlike([uri], storage)  # each file is a table of its own
    return found


def _parquets(storage: Storage, folder: str) -> Iterator[str]:
    return (entry.uri for entry in storage.list(folder) if entry.uri.endswith(".parquet"))


def _unlike(uris: Iterable[str], storage: Storage) -> Iterator[tuple[str, str]]:
    """Yield the files of one table that are broken, or differ from the first that is not broken."""
    first: tuple[str, pa.Schema] | None = None
    for uri in uris:
        try:
            schema = _schema_of(storage.get(uri).data)
        except (SourceError, pa.ArrowException, OSError) as error:
            yield uri, " ".join(str(error).removeprefix(f"{uri}: ").split())
            continue
        if problem := _null(schema) or (first and _difference(schema, *first)):
            yield uri, problem
        else:
            first = first or (uri.rpartition("/")[2], schema)


def _schema_of(data: bytes) -> pa.Schema:
    """Read a file completely, and return its schema.

    Raises:
        pyarrow.ArrowException: it can't be read.
    """
    file = pq.ParquetFile(pa.BufferReader(data))
    for group in range(file.num_row_groups):
        file.read_row_group(group, use_threads=False)
    return file.schema_arrow


def _null(schema: pa.Schema) -> str | None:
    for each in schema:
        if "null" in _types_in(each.type):
            return f"column {each.name!r} has type {each.type}: nothing else fits it"
    return None


def _types_in(kind: pa.DataType) -> Iterator[str]:
    """Yield the names of a type and of those inside it."""
    yield str(kind)
    for at in range(kind.num_fields):
        yield from _types_in(kind.field(at).type)


def _difference(schema: pa.Schema, name: str, first: pa.Schema) -> str | None:
    """Return how a schema differs from that of the first file, whose name is ``name``."""
    for column in dict.fromkeys([*first.names, *schema.names]):
        if column not in schema.names:
            return f"column {column!r} is missing, which {name} has"
        if column not in first.names:
            return f"column {column!r} is missing in {name}"
        kinds = schema.field(column).type, first.field(column).type
        if kinds[0] != kinds[1]:
            return f"column {column!r} is {kinds[0]}, and {kinds[1]} in {name}"
    return None

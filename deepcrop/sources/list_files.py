"""List files: tables with a row a source, whose column ``uri`` says where the source is.

The columns of a ``.csv`` or ``.tsv`` file are text, and are carried over unchanged: ``00120``, 21
digits, ``2024-01-01``, ``NaN`` and spaces at the ends stay as they are. An empty value is null,
quoted or not. Columns of a ``.parquet`` list keep their types, in one variant of each type; a
column of type null, which has no values, becomes text.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import RequestError, SourceError
from ..storage import Storage
from .focal_points import focal_problem

LISTS = (".txt", ".csv", ".tsv", ".parquet")
"""Suffixes of inputs that are list files."""
FOCAL = ("focal_x", "focal_y")
HINT_COLUMNS = ("caption", *FOCAL)
"""Columns that methods use."""
ROWS = 1 << 13
"""Rows of a text file that are held as Python objects at once."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_BLANK = " \t\v\f"
"""White space that is stripped from lines of a ``.txt`` list; Unicode's other spaces may end a
name."""


def read_list(uri: str, storage: Storage) -> pa.Table:
    """Read a list file.

    Returns:
        The column ``uri``, which is null where a row has none, then those of :data:`HINT_COLUMNS`
        that the list has, then all others.

    Raises:
        RequestError: it can't be read, has no column ``uri``, or a row is wrong, which is named.
    """
    try:
        data = storage.get(uri).data
    except SourceError as error:
        raise RequestError(f"input {uri}: {error}") from error
    try:
        table = _parse(uri.lower(), data)
        names = table.column_names
        if "uri" not in names and "url" in names:
            # The name in img2dataset and many crawls.
            names = ["uri" if name == "url" else name for name in names]
            table = table.rename_columns(names)
        _check_names(names)
        return _typed(table)
    except pa.ArrowException as error:
        raise RequestError(f"input {uri}: cannot be read as a list ({error})") from None
    except ValueError as error:
        raise RequestError(f"input {uri}: {error}") from None


def keep_columns(uri: str, table: pa.Table, before: pa.Schema) -> pa.Table:
    """Give a list's columns the order and the types that they had in an earlier listing.

    So all parts of a manifest have the same columns, even where a column was empty at first. A
    column that the list no longer has is null.

    Raises:
        RequestError: a column has values that its type can't hold.
    """
    columns = dict(zip(table.column_names, table.columns, strict=True))
    kept = {}
    for name, kind in zip(before.names, before.types, strict=True):
        column = columns.pop(name, None)
        if column is None:
            column = pa.nulls(table.num_rows, plain_type(kind))
        elif not pa.types.is_null(kind):
            try:
                column = _cast(column, kind, name)
            except ValueError as error:
                raise RequestError(
                    f"input {uri}: {error}, as in the job's earlier list; choose another output"
                ) from None
        kept[name] = column
    return pa.table(kept | columns)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that a column is carried over with: one variant of each type, never null."""
    types = pa.types
    if types.is_null(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind):
        return pa.binary()
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind):
        return pa.list_(plain_type(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([(each.name, plain_type(each.type)) for each in kind])
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    return kind


def _parse(name: str, data: bytes) -> pa.Table:
    if name.endswith(".parquet"):
        return pq.read_table(pa.BufferReader(data))
    if name.endswith(".txt"):
        lines = [line.strip(_BLANK) for line in _LINE_END.split(_decoded(data))]
        return pa.table({"uri": pa.array([line for line in lines if line], pa.string())})
    return _parse_rows(data, "\t" if name.endswith(".tsv") else ",")


def _parse_rows(data: bytes, delimiter: str) -> pa.Table:
    """Parse rows of delimited values (RFC 4180), all of them text.

    Python's own reader is used because it has no limit on the length of a row and knows line
    numbers. It takes 2 s for a million rows (Arrow's takes 0.3 s), little of a listing's time.
    """
    rows = _rows(data, delimiter)
    names = [name.strip() or f"column_{at}" for at, name in enumerate(next(rows, []), 1)]
    if not names:
        raise ValueError("is empty; expected a header with a column 'uri'")
    parts, chunk = [], []
    schema = pa.schema([(name, pa.string()) for name in names])
    for row in rows:
        chunk.append(row)
        if len(chunk) == ROWS:
            parts.append(_batch(chunk, schema))
            chunk = []
    return pa.Table.from_batches([*parts, _batch(chunk, schema)], schema)


def _rows(data: bytes, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows that aren't blank, all with as many values as the first."""
    # The limit is the process's own, 128 KiB by default; a value may be as long as the file.
    csv.field_size_limit(max(csv.field_size_limit(), len(data)))
    lines = io.TextIOWrapper(io.BytesIO(data), _encoding(data), newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width = first = 0
    try:
        while True:
            first = reader.line_num + 1
            row = next(reader)
            width = width or len(row)
            if row and len(row) != width:
                raise ValueError(
                    f"line {first}: {len(row)} values where the header has {width}; "
                    "a value with a comma or a line break needs quotes"
                )
            if row:
                yield row
    except StopIteration:
        return
    except csv.Error as error:
        raise ValueError(f"line {first}: {error}") from None
    except UnicodeDecodeError:
        _decoded(data)  # raises an error that names the line
        raise


def _batch(rows: Sequence[Sequence[str]], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    values = [pa.array([text or None for text in column], pa.string()) for column in columns]
    return pa.record_batch(values, schema=schema)


def _encoding(data: bytes) -> str:
    """Return the encoding that a byte-order mark names; UTF-8 where there is none."""
    return "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _decoded(data: bytes) -> str:
    try:
        return data.decode(_encoding(data))
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        raise ValueError(f"line {line}: not UTF-8; save the list in this encoding") from None


def _check_names(names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"two columns are called {twice[0]!r}")
    if "uri" not in names:
        hint = "; values are separated by commas" if ";" in names[0] else ""
        raise ValueError(f"no column 'uri' or 'url'; it has: {', '.join(names)}{hint}")


def _typed(table: pa.Table) -> pa.Table:
    """Order the columns, and give each the type that it is carried over with."""
    kind, types = plain_type(table["uri"].type), pa.types
    if not (types.is_string(kind) or types.is_binary(kind)):
        raise ValueError(f"column 'uri': its values are {kind}; expected text: paths or addresses")
    columns = {"uri": _cast(table["uri"], pa.string(), "uri")}
    empty = pc.equal(pc.utf8_trim_whitespace(columns["uri"]), "")
    columns["uri"] = pc.if_else(empty, pa.scalar(None, pa.string()), columns["uri"])
    for name in (each for each in HINT_COLUMNS if each in table.column_names):
        columns[name] = _fractions(table[name], name) if name in FOCAL else _text(table[name])
    if any(name in columns for name in FOCAL):
        _check_focal(columns, table.num_rows)
    for name in table.column_names:
        if name not in columns:
            columns[name] = _cast(table[name], plain_type(table[name].type), name)
    return pa.table(columns)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return _cast(column, pa.string(), "caption")


def _fractions(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if pa.types.is_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    try:
        return _cast(column, pa.float64(), name)
    except ValueError:
        numbered = enumerate(column.to_pylist(), 1)
        found = next(((row, each) for row, each in numbered if not _is_number(each)), None)
        if found is None:  # the type as a whole can't be read, as that of times
            raise
        row, value = found
        raise ValueError(f"row {row}: {name} {value!r}: expected a number from 0 to 1") from None


def _is_number(value: object) -> bool:
    """Return whether a value of a list can be read as a number, or is null."""
    try:
        pa.scalar(value).cast(pa.float64())
    except pa.ArrowException:
        return False
    return True


def _cast(column: pa.ChunkedArray, kind: pa.DataType, name: str) -> pa.ChunkedArray:
    try:
        return column if column.type == kind else column.cast(kind)
    except pa.ArrowException as error:
        raise ValueError(f"column {name!r}: {error}; expected {kind}") from None


def _check_focal(columns: dict[str, pa.ChunkedArray], rows: int) -> None:
    x, y = (columns.get(name, pa.nulls(rows, pa.float64())) for name in FOCAL)
    inside = [pc.and_(pc.greater_equal(each, 0), pc.less_equal(each, 1)) for each in (x, y)]
    neither = pc.and_(pc.is_null(x), pc.is_null(y))
    good = pc.or_(neither, pc.fill_null(pc.and_(*inside), False))
    row = pc.index(good, False).as_py()
    if row >= 0:
        problem = focal_problem(x[row].as_py(), y[row].as_py())
        raise ValueError(f"row {row + 1}: {problem}")

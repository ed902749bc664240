"""The conversion of tables to a schema, for parts of another release or with other columns."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa


def conform(table: pa.Table, fields: Iterable[pa.Field]) -> pa.Table:
    """Return a table with these columns first, in their types; further columns are unchanged.

    Missing columns and missing fields of structs are null; missing lists are empty.

    Raises:
        pyarrow.ArrowInvalid: a value does not fit its type.
    """
    columns = dict(zip(table.column_names, table.columns, strict=True))
    wanted = {}
    for each in fields:
        column = columns.pop(each.name, None)
        if column is None:
            wanted[each.name] = _missing(table.num_rows, each.type)
        elif column.type == each.type:
            wanted[each.name] = column
        else:
            wanted[each.name] = _adapted(column.combine_chunks(), each.type)
    return pa.table(wanted | columns, metadata=table.schema.metadata)


def _missing(rows: int, kind: pa.DataType) -> pa.Array:
    return pa.array([[]] * rows, kind) if pa.types.is_list(kind) else pa.nulls(rows, kind)


def _adapted(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return an array in another type; a struct in it may lack fields."""
    if pa.types.is_list(kind) and pa.types.is_list(array.type):
        if array.offset:
            array = pa.concat_arrays([array])
        values = _adapted(array.values, kind.value_type)
        return pa.ListArray.from_arrays(array.offsets, values, kind, mask=array.is_null())
    if pa.types.is_struct(kind) and pa.types.is_struct(array.type):
        fields = pa.table(array.flatten(), names=[each.name for each in array.type])
        whole = conform(fields, kind).combine_chunks()
        arrays = [whole[each.name].combine_chunks() for each in kind]
        return pa.StructArray.from_arrays(arrays, fields=list(kind), mask=array.is_null())
    return array.cast(kind)

"""Parts of a manifest that other releases wrote, read as this one writes them.

A column that the release didn't have is empty: null, or a list without entries.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Add what a table lacks of a schema: columns, and fields of the structs in its lists.

    Args:
        table: rows of a manifest; columns that the schema doesn't name stay as they are.
        schema: of the rows as this release writes them.
    """
    for place, wanted in enumerate(schema):
        found = table.schema.get_field_index(wanted.name)
        if found < 0:
            table = table.add_column(
                min(place, table.num_columns), wanted, _empty(wanted.type, table.num_rows)
            )
        elif _is_list_of_structs(wanted.type) and table.schema.field(found).type != wanted.type:
            column = table.column(found).combine_chunks()
            table = table.set_column(found, wanted.name, _with_fields(column, wanted.type))
    return table


def _is_list_of_structs(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)


def _empty(kind: pa.DataType, count: int) -> pa.Array:
    """Return an array that says nothing; lists are empty, so that nobody needs to ask for null."""
    return pa.array([[]] * count, kind) if pa.types.is_list(kind) else pa.nulls(count, kind)


def _with_fields(lists: pa.ListArray, wanted: pa.DataType) -> pa.ListArray:
    """Give the structs of lists the fields that they lack."""
    items = lists.flatten()
    fields = {each.name: pc.struct_field(items, each.name) for each in items.type}
    for each in wanted.value_type:
        if each.name not in fields:
            fields[each.name] = _empty(each.type, len(items))
    ordered = [each.name for each in wanted.value_type]
    names = ordered + [name for name in fields if name not in ordered]
    structs = pa.StructArray.from_arrays([fields[name] for name in names], names)
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    offsets = pc.cumulative_sum(pa.concat_arrays([pa.array([0], pa.int32()), lengths]))
    return pa.ListArray.from_arrays(offsets, structs, mask=lists.is_null())

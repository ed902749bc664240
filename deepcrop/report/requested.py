"""The variants that a page shows: those that the job asks for, one of each name.

An output may hold variants of earlier requests too, until they are pruned: of other ratios, or of
the same ratio in another format.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def with_requested_variants(rows: pa.Table, aspects: Sequence[str]) -> pa.Table:
    """Return rows of the images manifest without the variants that aren't asked for.

    Args:
        rows: rows of the images manifest; those that are asked for come first in each.
        aspects: names of the variants.
    """
    lists = rows["variants"].combine_chunks()
    nested = pc.list_flatten(lists)
    parents = np.asarray(pc.list_parent_indices(lists))
    names = pc.index_in(pc.struct_field(nested, "aspect"), value_set=pa.array(list(aspects)))
    number = np.asarray(pc.fill_null(names, -1), np.int64)
    kept = np.zeros(len(nested), bool)
    kept[np.unique(parents * (len(aspects) + 1) + number, return_index=True)[1]] = True
    kept &= number >= 0
    if kept.all():
        return rows
    counts = np.bincount(parents[kept], minlength=rows.num_rows)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    column = pa.ListArray.from_arrays(offsets, nested.filter(pa.array(kept)), lists.type)
    return rows.set_column(rows.schema.get_field_index("variants"), "variants", column)

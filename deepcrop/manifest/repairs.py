"""Rows without what was damaged, so that a run makes it again."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .rows import ImageRow


def rows_with(rows: pa.Table, uris: pa.Array) -> NDArray[np.bool_]:
    """Tell which rows name one of some variants.

    Args:
        rows: a table with the field ``variant_uri`` of the column ``variants``.
        uris: URIs of variants.
    """
    lists = rows["variants"].combine_chunks()
    named = pc.is_in(pc.struct_field(pc.list_flatten(lists), "variant_uri"), value_set=uris)
    found = np.zeros(rows.num_rows, bool)
    found[np.asarray(pc.list_parent_indices(lists))[np.asarray(named)]] = True
    return found


def without(rows: pa.Table, uris: pa.Array, renderings: Collection[str]) -> pa.Table:
    """Return whole rows that say of some variants where they were cut, and nothing of their bytes.

    Those that the job doesn't ask for any more are left out: nothing would make them again.

    Args:
        rows: whole rows.
        uris: URIs of variants that aren't there, or have other bytes.
        renderings: the rendering recipes that the job asks for.
    """
    touched = rows_with(rows, uris)
    if not touched.any():
        return rows
    damaged = frozenset(uris.to_pylist())
    changed: list[ImageRow] = rows.to_pylist()
    for at in np.flatnonzero(touched).tolist():
        _forget(changed[at], damaged, renderings)
    return pa.Table.from_pylist(changed, schema=rows.schema)


def _forget(row: ImageRow, damaged: frozenset[str], renderings: Collection[str]) -> None:
    lost = {each["rendering_recipe"] for each in row["variants"] if each["variant_uri"] in damaged}
    entries = row["rendering_recipes"] or []
    row["rendering_recipes"] = [each for each in entries if each.partition(" ")[0] not in lost]
    row["variants"] = [
        each
        if each["variant_uri"] not in damaged
        else {**each, "rendering_recipe": None, "sha256": None}
        for each in row["variants"]
        if each["variant_uri"] not in damaged or each["rendering_recipe"] in renderings
    ]

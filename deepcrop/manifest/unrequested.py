"""The variants of rows that a job doesn't ask for: they stay until they are pruned."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..job import Job
from .places import place_of, requested_places


class Extra(NamedTuple):
    """Variants that a job doesn't ask for."""

    variants: int
    bytes: int


def of_unchanged(rows: pa.Table, renderings: pa.Array) -> Extra:
    """Count them in rows that have all that the job asks for.

    Args:
        rows: the columns ``status`` and ``variants``, of which only some fields need be there.
        renderings: the rendering recipes that the job asks for.
    """
    nested = pc.list_flatten(_standing(rows)["variants"])
    if not len(nested) or "rendering_recipe" not in nested.type.names:
        return Extra(0, 0)
    recipes = pc.struct_field(nested, "rendering_recipe")
    extra = nested.filter(pc.invert(pc.is_in(recipes, value_set=renderings)))
    return Extra(len(extra), pc.sum(pc.struct_field(extra, "bytes")).as_py() or 0)


def of_due(rows: pa.Table, job: Job) -> Extra:
    """Count them in rows whose sources are worked on: others take the place of the rest.

    Args:
        rows: whole rows.
        job: the job.
    """
    rows = _standing(rows)
    nested = rows["variants"].combine_chunks()
    variants = pc.list_flatten(nested)
    names = ("aspect", "preset", "asked_width", "density", "format")
    if not len(variants) or not {*names, "bytes"} <= {*variants.type.names}:
        return Extra(0, 0)
    columns = {name: pc.struct_field(variants, name) for name in (*names, "bytes")}
    columns["source_format"] = rows["format"].take(pc.list_parent_indices(nested))
    keys = [*names, "source_format"]
    groups = pa.table(columns).group_by(keys).aggregate([("bytes", "sum"), ("bytes", "count")])
    found = [
        (each["bytes_count"], each["bytes_sum"] or 0)
        for each in groups.to_pylist()
        if place_of(*(each[name] for name in names))
        not in requested_places(job, each["source_format"])
    ]
    return Extra(sum(count for count, _ in found), sum(size for _, size in found))


def _standing(rows: pa.Table) -> pa.Table:
    """Leave out rows that failed: their earlier variants stand until they succeed."""
    return rows.filter(pc.not_equal(rows["status"], "failed"))

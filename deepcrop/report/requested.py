"""The variants that a page shows: those that the job asks for, each once.

An output may hold variants of earlier requests too, until they are pruned: of other ratios or
presets, or of the same ratio in another format.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..outputs.presets import Rendition
from ..variant_requests import VariantRequest


@dataclass(frozen=True)
class Requested:
    """What a job asks for."""

    aspects: tuple[str, ...]
    """Names of the ratios and sizes that are asked for without a preset."""
    renditions: tuple[Rendition, ...] = ()

    @classmethod
    def of(cls, requests: Iterable[VariantRequest]) -> Requested:
        """Take a job's requests."""
        asked = list(requests)
        return cls(
            tuple(each.slug for each in asked if each.rendition is None),
            tuple(each.rendition for each in asked if each.rendition is not None),
        )

    def numbers(self, variants: pa.StructArray) -> NDArray[np.int64]:
        """Return which request each variant is of, int64 (variants,); -1 where it is of none."""
        preset = pc.struct_field(variants, "preset")
        names = pa.array(list(self.aspects), pa.string())
        plain = pc.index_in(pc.struct_field(variants, "aspect"), value_set=names)
        numbers = pc.fill_null(pc.if_else(pc.is_null(preset), plain, None), -1)
        if self.renditions:
            each = pc.index_in(_keys(variants), value_set=_keys(self._wanted()))
            numbers = pc.if_else(pc.is_valid(each), pc.add(each, len(self.aspects)), numbers)
        return np.asarray(numbers, np.int64)

    def _wanted(self) -> pa.StructArray:
        """Return the renditions as variants."""
        asked = self.renditions
        columns = {
            "aspect": pa.array([each.output.slug for each in asked], pa.string()),
            "preset": pa.array([each.preset for each in asked], pa.string()),
            "asked_width": pa.array([each.width for each in asked], pa.int32()),
            "density": pa.array([each.density for each in asked], pa.float32()),
            "format": pa.array([each.format for each in asked], pa.string()),
        }
        return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def _keys(variants: pa.StructArray) -> pa.Array:
    """Return what tells a preset's variants apart, as text; null without a preset."""
    fields = ("aspect", "preset", "asked_width", "density", "format")
    texts = [pc.cast(pc.struct_field(variants, name), pa.string()) for name in fields]
    return pc.binary_join_element_wise(*texts, "/")


def with_requested_variants(rows: pa.Table, requested: Requested) -> pa.Table:
    """Return rows of the images manifest without the variants that aren't asked for.

    Args:
        rows: rows of the images manifest; those that are asked for come first in each.
        requested: what is asked for.
    """
    lists = rows["variants"].combine_chunks()
    nested = pc.list_flatten(lists)
    parents = np.asarray(pc.list_parent_indices(lists))
    number = requested.numbers(nested)
    count = len(requested.aspects) + len(requested.renditions)
    kept = np.zeros(len(nested), bool)
    kept[np.unique(parents * (count + 1) + number, return_index=True)[1]] = True
    kept &= number >= 0
    if kept.all():
        return rows
    counts = np.bincount(parents[kept], minlength=rows.num_rows)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    column = pa.ListArray.from_arrays(offsets, nested.filter(pa.array(kept)), lists.type)
    return rows.set_column(rows.schema.get_field_index("variants"), "variants", column)

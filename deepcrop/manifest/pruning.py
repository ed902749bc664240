"""Pruning: what the input, or the job, has no more is removed from an output."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..errors import RequestError
from ..flags import ordered
from .changes import Changes, Removed
from .replacement import Replacer
from .rows import ImageRow, VariantRow
from .store import Manifest
from .summary import RowCounts

MAX_PRUNE = 0.1
"""Share of the sources with rows, 0..1, that are removed at most unless a person says otherwise."""


def check_prune(changes: Changes, max_prune: float) -> None:
    """Make sure that not too much is removed: an input that is half there is easily given.

    Args:
        changes: what a run found.
        max_prune: share of the sources with rows that may be removed, 0..1.

    Raises:
        RequestError: more is gone.
    """
    rows = changes.unchanged + changes.gone + changes.left_out
    rows += sum(work.sources for reason, work in changes.work.items() if reason != "new")
    if changes.gone > max_prune * rows:
        raise RequestError(
            f"prune: {changes.gone:,} of {rows:,} sources ({changes.gone / rows:.0%}) are gone, "
            f"more than --max-prune {max_prune:.0%}; look whether the input is all there, "
            "then allow more"
        )


def prune(
    manifest: Manifest,
    replacer: Replacer,
    gone: Collection[int],
    renderings: Sequence[str],
    names: Sequence[str],
    counts: RowCounts,
) -> Removed:
    """Remove the rows and variants of sources, and variants that nobody asks for.

    Args:
        manifest: the manifest, which this process alone writes.
        replacer: replaces its rows.
        gone: ids of the sources to remove.
        renderings: the rendering recipes of the job's requests.
        names: names of the job's requests, and of their ratios and sizes.
        counts: counts of the rows of all other sources, from which what is removed is taken.
    """
    removed = Removed()
    ids = pa.array(sorted(gone), pa.int64())
    asked = _Asked(frozenset(renderings), frozenset(names))
    for number in list(manifest.parts):
        fields = ["source_id", "status", "rendering_recipes"]
        light = manifest.read_raw(number, [*fields, "variants.list.element.rendering_recipe"])
        leaves = pc.is_in(light["source_id"], value_set=ids)
        if not pc.any(leaves).as_py() and not asked.rows_with_more(light).any():
            continue
        rows = manifest.read_raw(number)
        lost = rows.filter(leaves)
        stays = rows.filter(pc.invert(leaves))
        kept, dropped = _without(stays, asked)
        counts.replace(RowCounts.of(stays), RowCounts.of(kept))
        variants: list[VariantRow] = [*pc.list_flatten(lost["variants"]).to_pylist(), *dropped]
        replacer.write({number: kept}, variants)
        removed.sources += lost.num_rows
        removed.variants += len(variants)
    return removed


@dataclass(frozen=True)
class _Asked:
    """What a job asks for: rendering recipes, and names of variants."""

    renderings: frozenset[str]
    names: frozenset[str]

    def has(self, entry: str) -> bool:
        """Return whether an entry of a row's ``rendering_recipes`` is asked for."""
        first, _, rest = entry.partition(" ")
        return first in self.renderings or (rest == "rejected" and first in self.names)

    def rows_with_more(self, rows: pa.Table) -> NDArray[np.bool_]:
        """Tell which rows have variants, or considered ones, that aren't asked for.

        Of a source that failed, earlier variants stand until it succeeds.
        """
        more = np.zeros(rows.num_rows, bool)
        wanted = pa.array(sorted(self.renderings), pa.string())
        lists = rows["variants"].combine_chunks()
        recipes = pc.struct_field(pc.list_flatten(lists), "rendering_recipe")
        extra = np.asarray(pc.invert(pc.is_in(recipes, value_set=wanted)))
        more[np.asarray(pc.list_parent_indices(lists))[extra]] = True
        entries = rows["rendering_recipes"].combine_chunks()
        values = pc.list_flatten(entries)
        foreign = [entry for entry in pc.unique(values).to_pylist() if not self.has(entry)]
        extra = np.asarray(pc.is_in(values, value_set=pa.array(foreign, pa.string())))
        more[np.asarray(pc.list_parent_indices(entries))[extra]] = True
        return more & ~np.asarray(pc.equal(rows["status"], "failed"))


def _without(rows: pa.Table, asked: _Asked) -> tuple[pa.Table, list[VariantRow]]:
    """Return rows without the variants that nobody asks for, and these."""
    touched = np.flatnonzero(asked.rows_with_more(rows))
    dropped: list[VariantRow] = []
    if not len(touched):
        return rows, dropped
    before: list[ImageRow] = rows.take(pa.array(touched)).to_pylist()
    changed = [_pruned(row, asked, dropped) for row in before]
    new = pa.Table.from_pylist(changed, schema=rows.schema)
    taken = np.arange(rows.num_rows)
    taken[touched] = rows.num_rows + np.arange(len(touched))
    both = pa.concat_tables([rows, new]).take(pa.array(taken))
    return both.replace_schema_metadata(rows.schema.metadata), dropped


def _pruned(row: ImageRow, asked: _Asked, dropped: list[VariantRow]) -> ImageRow:
    """Return a row without the variants that nobody asks for, which are appended to others."""
    kept: list[VariantRow] = []
    for each in row["variants"]:
        (kept if each["rendering_recipe"] in asked.renderings else dropped).append(each)
    notes = [
        each
        for each in row["note_parts"] or []
        if each["about"] in ("", "method", "correction") or each["about"] in asked.names
    ]
    flags = [each["flag"] for each in notes if each["flag"]]
    flags += [flag for each in kept for flag in each["flags"] or ()]
    texts = dict.fromkeys(each["text"] for each in notes if each["text"])
    return {
        **row,
        "variants": kept,
        "rendering_recipes": [each for each in row["rendering_recipes"] or () if asked.has(each)],
        "note_parts": notes,
        "note": "; ".join(texts) or None,
        "flags": ordered(flags),
    }

"""Pruning: what the input, or the job, has no more is removed from an output."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import RequestError
from ..flags import ordered
from .changes import Changes, Removed
from .replacement import Replacer
from .rows import ImageRow, VariantRow
from .store import Manifest

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
) -> Removed:
    """Remove the rows and variants of sources, and variants that nobody asks for.

    Args:
        manifest: the manifest, which this process alone writes.
        replacer: replaces its rows.
        gone: ids of the sources to remove.
        renderings: the rendering recipes of the job's requests.
        names: names of the job's requests.
    """
    removed = Removed()
    ids, wanted = pa.array(sorted(gone), pa.int64()), pa.array(list(renderings), pa.string())
    for number in list(manifest.parts):
        fields = ["source_id", "variants.list.element.rendering_recipe"]
        light = manifest.read_raw(number, fields)
        leaves = pc.is_in(light["source_id"], value_set=ids)
        recipes = pc.struct_field(pc.list_flatten(light["variants"]), "rendering_recipe")
        extra = pc.invert(pc.is_in(recipes, value_set=wanted))
        if not (pc.any(leaves).as_py() or pc.any(extra).as_py()):
            continue
        rows = manifest.read_raw(number)
        lost = rows.filter(leaves)
        kept, dropped = _without(rows.filter(pc.invert(leaves)), set(renderings), set(names))
        variants: list[VariantRow] = [*pc.list_flatten(lost["variants"]).to_pylist(), *dropped]
        if lost.num_rows or dropped:
            replacer.write({number: kept}, variants)
        removed.sources += lost.num_rows
        removed.variants += len(variants)
    return removed


def _without(
    rows: pa.Table, renderings: Collection[str], names: Collection[str]
) -> tuple[pa.Table, list[VariantRow]]:
    """Return rows without the variants that nobody asks for, and these."""
    lists = rows["variants"].combine_chunks()
    recipes = pc.struct_field(pc.list_flatten(lists), "rendering_recipe").to_pylist()
    extra = np.array([recipe not in renderings for recipe in recipes], bool)
    parents = np.asarray(pc.list_parent_indices(lists))
    # Of a source that failed, earlier variants stand until it succeeds.
    failed = np.asarray(pc.equal(rows["status"], "failed"))
    extra &= ~failed[parents] if len(parents) else extra
    touched = np.unique(parents[extra])
    if not len(touched):
        return rows, []
    dropped: list[VariantRow] = []
    changed = []
    for row in rows.take(pa.array(touched)).to_pylist():
        changed.append(_pruned(row, renderings, names, dropped))
    new = pa.Table.from_pylist(changed, schema=rows.schema)
    taken = np.arange(rows.num_rows)
    taken[touched] = rows.num_rows + np.arange(len(touched))
    both = pa.concat_tables([rows, new]).take(pa.array(taken))
    return both.replace_schema_metadata(rows.schema.metadata), dropped


def _pruned(
    row: ImageRow,
    renderings: Collection[str],
    names: Collection[str],
    dropped: list[VariantRow],
) -> ImageRow:
    """Return a row without the variants that nobody asks for, which are appended to others."""
    kept: list[VariantRow] = []
    for each in row["variants"]:
        (kept if each["rendering_recipe"] in renderings else dropped).append(each)
    recipes = row["rendering_recipes"] or []
    notes = [
        each
        for each in row["note_parts"] or []
        if each["about"] in ("", "method", "correction") or each["about"] in names
    ]
    flags = [each["flag"] for each in notes if each["flag"]]
    flags += [flag for each in kept for flag in each["flags"] or ()]
    texts = dict.fromkeys(each["text"] for each in notes if each["text"])
    return {
        **row,
        "variants": kept,
        "rendering_recipes": _of_requests(recipes, renderings, names),
        "note_parts": notes,
        "note": "; ".join(texts) or None,
        "flags": ordered(flags),
    }


def _of_requests(
    entries: Iterable[str], renderings: Collection[str], names: Collection[str]
) -> list[str]:
    """Return the entries of a row's ``rendering_recipes`` that the job asks for."""
    return [
        entry
        for entry in entries
        if entry.split(" ")[0] in renderings
        or (entry.endswith(" rejected") and entry.split(" ")[0] in names)
    ]

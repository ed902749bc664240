"""The comparison of rows with the sources that are listed, a part of the manifest at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..geometry import Size
from ..job import Job
from ..recipes import Recipes, Wanted
from ..schema import IMAGES, SOURCES
from ..sources.corrections import CORRECTIONS_COLUMN, OUTSIDE_NOTE, Correction
from . import repairs
from .changes import ADDED, AGAIN, CHANGED, REPAIRED, RETRIED, Changes
from .due_counts import DueCounts
from .summary import COUNTED_COLUMNS, RowCounts
from .unrequested import Extra, of_due, of_unchanged

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

OWN_COLUMNS = (
    "source_id",
    "source_bytes",
    "source_etag",
    "source_modified",
    "source_version",
    "sha256",
    "width",
    "height",
    "format",
    "status",
    "error_stage",
    "error_class",
    "duplicate_of",
    "analysis_recipe",
    "rendering_recipes",
    "note",
)
"""Columns of a row, besides the counted ones, that the comparison reads."""
VARIANT_FIELDS = ("aspect", "bytes", "rendering_recipe")
"""Fields of a variant that the comparison reads."""
HINTS = ("caption", "focal_x", "focal_y")
UNSEEN = ("fetch", "decode")
"""Stages at which a source fails whatever is to be made of it; so does one that is lost with its
process, whose row has no recipe."""


class Comparison:
    """Finds the rows whose sources have to be worked on."""

    def __init__(
        self,
        job: Job,
        recipes: Recipes,
        sources: pa.Table,
        left_out: frozenset[int],
        retries: frozenset[str] | None,
        damaged: Collection[str] = (),
    ) -> None:
        """Take what is wanted.

        Args:
            job: the job.
            recipes: its recipes.
            sources: the listing, with corrections.
            left_out: ids of sources that are there and that the job doesn't take.
            retries: stages and classes of errors of failed sources that are tried again; see
                :class:`.survey.Question`.
            damaged: URIs of variants to make again.
        """
        self.damaged = pa.array(sorted(damaged), pa.string())
        self.job, self.recipes, self.sources = job, recipes, sources
        self.left_out, self.retries = left_out, retries
        own = {*SOURCES.names, CORRECTIONS_COLUMN}
        self.passthrough = pa.schema([each for each in sources.schema if each.name not in own])
        fields = (*VARIANT_FIELDS, "variant_uri") if damaged else VARIANT_FIELDS
        variants = [f"variants.list.element.{name}" for name in fields]
        flat = [name for name in COUNTED_COLUMNS if name != "variants"]
        self.columns = [*dict.fromkeys([*OWN_COLUMNS, *flat]), *self.passthrough.names, *variants]
        self.unread = {*IMAGES.names} - {*OWN_COLUMNS, *flat}
        self.counts, self.changes = RowCounts(), Changes()
        self.due_counts = DueCounts(job, recipes, self.changes)
        self.absent: list[int] = []
        """Ids of rows whose sources aren't in the listing."""
        self.gone: list[int] = []
        """Ids of those among them that the input doesn't have."""
        ids = np.asarray(sources["source_id"])
        self._order = np.argsort(ids)
        self._ids = ids[self._order]
        self._has_row: Mask = np.zeros(len(ids), bool)
        self._columns = {name: sources[name].combine_chunks() for name in self._compared}
        self._special = self._find_special()
        self._shrinks: dict[tuple[int, int, str | None], int] = {}
        self._wanted_set = pa.array(recipes.plain().entries)
        self._renderings = pa.array(recipes.renderings)

    @property
    def _compared(self) -> list[str]:
        names = ["source_bytes", "source_etag", "source_modified", "source_version"]
        return [*names, "sha256", "duplicate_of", *self.passthrough.names]

    def _find_special(self) -> Mask:
        """Tell for which sources the list or a person says something that changes boxes."""
        special = np.zeros(self.sources.num_rows, bool)
        for name in (*HINTS, CORRECTIONS_COLUMN):
            if name in self.sources.column_names:
                special |= np.asarray(pc.is_valid(self.sources[name]))
        return special

    def compare(self, rows: pa.Table) -> tuple[Indices, list[bool], Indices]:
        """Compare the rows of a part.

        Args:
            rows: :attr:`columns` of the rows, as far as the part has them.

        Returns:
            Of the rows whose sources have to be worked on: their indices in ``rows``, whether the
            store says the same of the source as when the row was made, and the indices of the
            sources in the listing.
        """
        ids = np.asarray(rows["source_id"])
        at, present = self._find(ids)
        self._note_absent(rows, ids, present)
        here = rows.filter(pa.array(present))
        at = at[present]
        self._has_row[at] = True
        same = self._is_same(here, at)
        analysed, rendered = self._has_recipes(here, at)
        columns = self._has_columns(here, at)
        original = self._has_original(here, at)
        failed = _mask(pc.equal(here["status"], "failed"))
        unseen = _mask(pc.is_in(here["error_stage"], value_set=pa.array(UNSEEN)))
        unseen = failed & (unseen | _mask(pc.is_null(_column(here, "analysis_recipe"))))
        is_copy = _mask(pc.equal(here["status"], "skipped")) & original
        due = ~(same & columns)
        due |= ~(unseen | is_copy) & ~(analysed & rendered)
        due |= ~original & ~(failed & same)
        due |= self._is_noted_otherwise(here, at)
        retried = self._is_retried(here, failed)
        repaired = np.zeros(here.num_rows, bool)
        if len(self.damaged):
            repaired = repairs.rows_with(here, self.damaged)
        due |= retried | repaired
        stays = here.filter(pa.array(~due))
        self.counts.add(RowCounts.of(stays))
        self.changes.unchanged += stays.num_rows
        self._add_unrequested(of_unchanged(stays, self._renderings))
        chosen = np.flatnonzero(due)
        reasons = {
            CHANGED: ~same,
            RETRIED: retried,
            AGAIN: ~analysed,
            ADDED: ~rendered,
            REPAIRED: repaired,
        }
        sizes = np.asarray(pc.fill_null(self._listed("source_bytes", at), 0), np.int64)
        self.due_counts.add(here, sizes, chosen, reasons)
        return np.flatnonzero(present)[chosen], same[chosen].tolist(), at[chosen]

    def new_sources(self) -> Indices:
        """Return the indices of the sources that have no row, and count them."""
        found = np.flatnonzero(~self._has_row)
        sizes = self.sources["source_bytes"].combine_chunks().take(pa.array(found))
        self.due_counts.add_new(len(found), pc.sum(sizes).as_py() or 0)
        return found

    def _find(self, ids: Indices) -> tuple[Indices, Mask]:
        places = np.searchsorted(self._ids, ids)
        found = places < len(self._ids)
        found[found] = self._ids[places[found]] == ids[found]
        at = np.full(len(ids), -1, np.int64)
        at[found] = self._order[places[found]]
        return at, found

    def _note_absent(self, rows: pa.Table, ids: Indices, present: Mask) -> None:
        if present.all():
            return
        missing = ids[~present].tolist()
        gone = np.array([each not in self.left_out for each in missing])
        self.absent += missing
        self.gone += [each for each, is_gone in zip(missing, gone, strict=True) if is_gone]
        variants = rows.filter(pa.array(~present)).filter(pa.array(gone))["variants"]
        self.changes.gone += int(gone.sum())
        self.changes.left_out += int((~gone).sum())
        nested = pc.list_flatten(variants)
        self.changes.gone_variants += len(nested)
        self.changes.removed_bytes += pc.sum(pc.struct_field(nested, "bytes")).as_py() or 0

    def _listed(self, name: str, at: Indices) -> pa.Array:
        return self._columns[name].take(pa.array(at))

    def _is_same(self, rows: pa.Table, at: Indices) -> Mask:
        """Tell of which sources the store says the same as when the rows were made."""
        same = np.ones(rows.num_rows, bool)
        for name in ("source_bytes", "source_etag", "source_version"):
            same &= _agree(self._listed(name, at), _column(rows, name))
        untold = np.asarray(pc.is_null(self._listed("source_etag", at)))
        if untold.any():
            modified = _agree(self._listed("source_modified", at), _column(rows, "source_modified"))
            same &= modified | ~untold
        return same

    def _is_noted_otherwise(self, rows: pa.Table, at: Indices) -> Mask:
        """Tell which rows have, or lack, the remark on corrections outside of the photo wrongly."""
        noted = _mask(pc.match_substring(_column(rows, "note"), OUTSIDE_NOTE.text))
        wanted = np.zeros(rows.num_rows, bool)
        if CORRECTIONS_COLUMN in self.sources.column_names:
            succeeded = _mask(pc.equal(rows["status"], "ok"))
            widths, heights = _column(rows, "width"), _column(rows, "height")
            for index in np.flatnonzero(self._special[at] & succeeded).tolist():
                size = Size(widths[index].as_py(), heights[index].as_py())
                listed = self.sources[CORRECTIONS_COLUMN][int(at[index])].as_py()
                wanted[index] = Correction.of(listed).about(self.job.slugs).exceeds(size)
        return noted != wanted

    def _has_columns(self, rows: pa.Table, at: Indices) -> Mask:
        """Tell which rows have the values of the list's other columns."""
        same = np.ones(rows.num_rows, bool)
        for each in self.passthrough:
            listed = self._listed(each.name, at)
            same &= _equal(listed, _column(rows, each.name, each.type))
        return same

    def _has_original(self, rows: pa.Table, at: Indices) -> Mask:
        """Tell which rows are of duplicates as the listing has them, or of none."""
        listed = self._listed("duplicate_of", at)
        copies = np.asarray(pc.is_valid(listed))
        same = _equal(listed, _column(rows, "duplicate_of"))
        if copies.any():
            digests = _equal(self._listed("sha256", at), _column(rows, "sha256"))
            same &= digests | ~copies
        return same

    def _has_recipes(self, rows: pa.Table, at: Indices) -> tuple[Mask, Mask]:
        """Tell which rows have the analysis recipe, and all rendering recipes, that are wanted."""
        analysis = _column(rows, "analysis_recipe")
        shrinks = self._shrinks_of(rows)
        analysed = np.zeros(rows.num_rows, bool)
        for shrink in np.unique(shrinks).tolist():
            recipe = self.recipes.plain(shrink).row
            analysed |= (shrinks == shrink) & _mask(pc.equal(analysis, recipe))
        lists = _column(rows, "rendering_recipes", IMAGES.field("rendering_recipes").type)
        wanted = _mask(pc.is_in(pc.list_flatten(lists), value_set=self._wanted_set))
        parents = np.asarray(pc.list_parent_indices(lists))
        counts = np.bincount(parents[wanted], minlength=rows.num_rows)
        rendered = counts >= len(self._wanted_set)
        for index in np.flatnonzero(self._special[at]):
            row = {
                name: _column(rows, name)[int(index)].as_py()
                for name in ("width", "height", "format", "analysis_recipe")
            }
            if row["width"] is None:
                continue
            special = self._wanted(int(at[index]), row)
            had = set(lists[int(index)].as_py() or ())
            analysed[index] = row["analysis_recipe"] == special.row
            rendered[index] = set(special.entries) <= had
        return analysed, rendered

    def _shrinks_of(self, rows: pa.Table) -> Indices:
        if self.job.max_size is None:
            return np.ones(rows.num_rows, np.int64)
        columns = (_column(rows, name).to_pylist() for name in ("width", "height", "format"))
        return np.array([self._shrink(*key) for key in zip(*columns, strict=True)], np.int64)

    def _shrink(self, width: int | None, height: int | None, source_format: str | None) -> int:
        if width is None or height is None:
            return 1
        key = (width, height, source_format)
        if key not in self._shrinks:
            self._shrinks[key] = self.recipes.shrink(Size(width, height), source_format)
        return self._shrinks[key]

    def _wanted(self, at: int, row: Mapping[str, object]) -> Wanted:
        """Return the recipes that are wanted for a source that was decoded before."""
        width, height, source_format = (row[name] for name in ("width", "height", "format"))
        assert isinstance(width, int) and isinstance(height, int)
        listed = self.sources.slice(at, 1).to_pylist()[0]
        size = Size(width, height)
        correction = Correction.of(listed.get(CORRECTIONS_COLUMN)).within(size)
        return self.recipes.wanted(
            listed, correction, size, None if source_format is None else str(source_format)
        )

    def _is_retried(self, rows: pa.Table, failed: Mask) -> Mask:
        if self.retries is None:
            return np.zeros(rows.num_rows, bool)
        if not self.retries:
            return failed
        values = pa.array(sorted(self.retries))
        named = (
            _mask(pc.is_in(rows[f"error_{kind}"], value_set=values)) for kind in ("class", "stage")
        )
        return failed & np.logical_or(*named)

    def take_due(self, rows: pa.Table) -> pa.Table:
        """Return the whole rows of sources that are worked on, as the actors are to see them.

        Args:
            rows: those rows.
        """
        self._add_unrequested(of_due(rows, self.job))
        if len(self.damaged):
            rows = repairs.without(rows, self.damaged, self.recipes.renderings)
        return rows

    def _add_unrequested(self, extra: Extra) -> None:
        self.changes.unrequested += extra.variants
        self.changes.removed_bytes += extra.bytes


def _column(rows: pa.Table, name: str, kind: pa.DataType | None = None) -> pa.Array:
    """Return a column in one piece; nulls where the part has none."""
    if name in rows.column_names:
        return rows[name].combine_chunks()
    if kind is None:
        kind = IMAGES.field(name).type
    return pa.nulls(rows.num_rows, kind)


def _mask(values: pa.Array | pa.ChunkedArray) -> Mask:
    """Return booleans; null counts as false."""
    return np.asarray(pc.fill_null(values, False), bool)


def _agree(listed: pa.Array, recorded: pa.Array) -> Mask:
    """Tell where two columns have the same value, or one of them has none."""
    if pa.types.is_null(listed.type) or pa.types.is_null(recorded.type):
        return np.ones(len(listed), bool)
    return np.asarray(pc.fill_null(pc.equal(listed, recorded.cast(listed.type)), True), bool)


def _equal(listed: pa.Array, recorded: pa.Array) -> Mask:
    """Tell where two columns have the same value, or both have none."""
    if pa.types.is_nested(listed.type) or listed.type != recorded.type:
        return np.array(
            [
                one == other
                for one, other in zip(listed.to_pylist(), recorded.to_pylist(), strict=True)
            ],
            bool,
        )
    neither = pc.and_(pc.is_null(listed), pc.is_null(recorded))
    return np.asarray(pc.or_(neither, pc.fill_null(pc.equal(listed, recorded), False)), bool)

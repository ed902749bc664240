"""The replacement of rows: new rows take the place of those that their sources have.

A part is rewritten whole, so that each of its sources has one row at any time. What else belongs to
a replacement (the variants manifest, staged variants, variants that no row names any more) is done
before or after; a journal, ``manifest/journal.json``, says what, and a driver that finds one ends
what another one began.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import NotFound
from .history import History
from .parts import Part
from .rows import VariantRow
from .staging import FOLDER, own_uri
from .store import Manifest

THREADS = 16
"""Variants that are copied at once."""


class Replacer:
    """Replaces and removes rows of one manifest."""

    def __init__(self, manifest: Manifest, history: History) -> None:
        """Take the manifest of the output, which this process alone writes."""
        self.manifest, self.history = manifest, history

    @property
    def _journal(self) -> str:
        return f"{self.manifest.output}/manifest/journal.json"

    def recover(self) -> None:
        """End what a killed driver began, and remove what it left in the staging area."""
        manifest, storage = self.manifest, self.manifest.storage
        try:
            journal = json.loads(storage.read(self._journal))
        except NotFound:
            journal = None
        if journal is not None:
            names = {manifest.part(number).name: number for number in manifest.parts}
            numbers = [names[name] for name in journal["parts"] if name in names]
            tables = {number: manifest.read_raw(number) for number in numbers}
            promoted = self._promote(tables)
            for number in numbers:
                manifest.rederive(number)
            self._finish(promoted, journal["variants"])
        self.clear_staging()

    def clear_staging(self) -> None:
        """Remove what is left in the staging area."""
        storage = self.manifest.storage
        storage.delete(entry.uri for entry in storage.list(f"{self.manifest.output}/{FOLDER}"))

    def replace(self, rows: pa.Table, numbers: Sequence[int]) -> None:
        """Replace the rows of sources.

        Args:
            rows: one row a source, in the columns of the parts.
            numbers: for each of them, the number of the part that has its earlier row.
        """
        wanted = np.asarray(numbers)
        tables = {}
        replaced: list[VariantRow] = []
        for number in np.unique(wanted).tolist():
            before = self.manifest.read_raw(number)
            new = rows.filter(pa.array(wanted == number))
            ids = before["source_id"].combine_chunks()
            at = pc.index_in(ids, value_set=new["source_id"].combine_chunks())
            replaced += _variants(before.filter(pc.is_valid(at)))
            both = pa.concat_tables(
                [before, new.select(before.column_names)], promote_options="permissive"
            )
            own = pa.array(np.arange(before.num_rows))
            taken = pc.coalesce(pc.add(at.cast(pa.int64()), before.num_rows), own)
            metadata = before.schema.metadata
            tables[number] = both.take(taken).replace_schema_metadata(metadata)
        self.write(tables, replaced)

    def write(self, tables: Mapping[int, pa.Table], replaced: Iterable[VariantRow]) -> None:
        """Write parts whose rows have changed.

        Args:
            tables: the rows of the parts, by number.
            replaced: variants of rows that are there no more.
        """
        parts = [self.manifest.part(number) for number in tables]
        replaced = list(replaced)
        uris = [variant["variant_uri"] for variant in replaced]
        aspects = {variant["aspect"] for variant in replaced}
        self._begin(parts, uris)
        self.history.preserve(parts)
        for number, table in tables.items():
            self.manifest.write(number, table, replaced=aspects)
        self._finish(self._promote(tables), uris)

    def _begin(self, parts: Sequence[Part], uris: Sequence[str]) -> None:
        text = json.dumps({"parts": [part.name for part in parts], "variants": uris})
        self.manifest.storage.write(self._journal, text.encode(), "application/json")

    def _promote(self, tables: Mapping[int, pa.Table]) -> dict[int, pa.Table]:
        """Copy staged variants to their own names, and have the rows name these."""
        manifest, promoted = self.manifest, dict(tables)
        staged = {
            number: [
                uri
                for variant in _variants(table)
                if own_uri(uri := variant["variant_uri"], manifest.output) != uri
            ]
            for number, table in tables.items()
        }
        if not any(staged.values()):
            return promoted

        def promote(uri: str) -> None:
            manifest.storage.copy(uri, own_uri(uri, manifest.output), variant=True)

        with (
            manifest.storage.durable_writes(manifest.output),
            ThreadPoolExecutor(THREADS) as pool,
        ):
            list(pool.map(promote, (uri for uris in staged.values() for uri in uris)))
        for number, uris in staged.items():
            if uris:
                promoted[number] = _with_own_uris(tables[number], manifest.output)
                manifest.write(number, promoted[number], replaced=set())
        manifest.storage.delete([uri for uris in staged.values() for uri in uris])
        return promoted

    def _finish(self, tables: Mapping[int, pa.Table], uris: Iterable[str]) -> None:
        """Remove the variants that no row names any more, then the journal."""
        named = {each["variant_uri"] for table in tables.values() for each in _variants(table)}
        storage = self.manifest.storage
        storage.delete([uri for uri in dict.fromkeys(uris) if uri not in named])
        storage.delete(self._journal)


def _variants(rows: pa.Table) -> list[VariantRow]:
    found: list[VariantRow] = pc.list_flatten(rows["variants"]).to_pylist()
    return found


def _with_own_uris(rows: pa.Table, output: str) -> pa.Table:
    """Return rows that name variants in the staging area by their own names."""
    lists = rows["variants"].combine_chunks()
    nested = pc.list_flatten(lists)
    kind = nested.type
    arrays = [pc.struct_field(nested, each.name) for each in kind]
    at = kind.get_field_index("variant_uri")
    arrays[at] = pa.array([own_uri(uri, output) for uri in arrays[at].to_pylist()], pa.string())
    values = pa.StructArray.from_arrays(arrays, fields=list(kind))
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0))
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    column = pa.ListArray.from_arrays(offsets, values, lists.type)
    return rows.set_column(rows.schema.get_field_index("variants"), "variants", column)

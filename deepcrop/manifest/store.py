"""The manifest of an output: one row a source, written by one process in atomic parts.

The driver of a job is the manifest's only writer. A part of ``manifest/images`` is the commit
point: its sources are done once it exists. The variants of its rows are also written, just before,
into parts of the same number below ``manifest/variants/aspect=...``; such a part without its commit
point is deleted when the job resumes.
"""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import NotFound
from ..schema import IMAGES, VARIANT, VARIANTS
from ..storage import Storage
from ..tables import PARQUET, write_table
from .conform import conform

READ_AHEAD = 8
"""Parts that are read in parallel."""

COMMITTED = b"deepcrop:committed"
"""Key in a part's metadata of the time when it was first written, in seconds since 1970."""

JobRecord = dict[str, Any]
"""The content of ``job.json``: the status (running, stopped or completed), the job's fingerprint,
settings and fields, counts, and the times ``started`` and ``updated`` in seconds since 1970."""

_PART = re.compile(r"part-(\d+)\.parquet$")


@dataclass
class Manifest:
    """The manifest of one output."""

    output: str
    """The output's URI, without a slash at its end."""
    storage: Storage
    parts: list[int] = field(default_factory=list)
    """Numbers of the committed parts, ascending."""

    @property
    def images(self) -> str:
        """The folder of the images parts."""
        return f"{self.output}/manifest/images"

    @property
    def variants(self) -> str:
        """The folder of the variants partitions."""
        return f"{self.output}/manifest/variants"

    @property
    def listing(self) -> str:
        """The file that holds the listed sources."""
        return f"{self.output}/manifest/sources/listing.parquet"

    @property
    def corrections(self) -> str:
        """The file that holds the corrections by people."""
        return f"{self.output}/manifest/sources/corrections.parquet"

    @property
    def lease(self) -> str:
        """The file that says which run writes this output."""
        return f"{self.output}/.lease.json"

    def load_parts(self) -> None:
        """Find the committed parts."""
        found = [entry.uri for entry in self.storage.list(self.images)]
        self.parts = sorted(int(match[1]) for uri in found if (match := _PART.search(uri)))

    def open(self) -> None:
        """Find the committed parts; delete variants parts that lack their commit point."""
        self.load_parts()
        committed = set(self.parts)
        uncommitted = [uri for uri, number in self.variants_parts() if number not in committed]
        if uncommitted:
            self.storage.delete(uncommitted)

    def variants_parts(self) -> Iterator[tuple[str, int]]:
        """Yield the files of the variants manifest, each with the number of its part."""
        for entry in self.storage.list(self.variants):
            if match := _PART.search(entry.uri):
                yield entry.uri, int(match[1])

    def append(self, rows: pa.Table) -> int:
        """Commit rows as the next part; return its number."""
        number = self.parts[-1] + 1 if self.parts else 0
        self.write(number, rows)
        self.parts.append(number)
        return number

    def write(self, number: int, rows: pa.Table) -> None:
        """Write or replace part ``number``; a replaced part keeps the time of its first write."""
        metadata = rows.schema.metadata or {}
        rows = rows.replace_schema_metadata({COMMITTED: repr(time.time()).encode(), **metadata})
        derived = derive_variants(rows)
        for aspect, table in derived.items():
            self._put(f"{self.variants}/aspect={aspect}/part-{number:06d}.parquet", table)
        self._put(self._part(number), rows)
        if number in self.parts:  # a replaced part may have lost an aspect ratio's last variant
            stale = [
                entry.uri
                for entry in self.storage.list(self.variants)
                if entry.uri.endswith(f"/part-{number:06d}.parquet")
                and entry.uri.split("/aspect=")[1].split("/")[0] not in derived
            ]
            if stale:
                self.storage.delete(stale)

    def delete_rows(self, predicate: Callable[[pa.Table], pa.Array]) -> None:
        """Rewrite the parts without some of their rows, whose sources are then processed again.

        Args:
            predicate: returns for the rows of a part which are deleted, bool (rows,).
        """
        for number in list(self.parts):
            rows = self.read(number)
            deleted = predicate(rows)
            if pc.any(deleted).as_py():
                self.write(number, rows.filter(pc.invert(deleted)))

    def read(self, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Read one images part.

        Args:
            number: of the part.
            columns: names of columns; by default all.

        Returns:
            The columns in the types of :data:`IMAGES`. Those that an earlier release didn't write
            are null, or empty lists.
        """
        wanted = IMAGES if columns is None else [each for each in IMAGES if each.name in columns]
        return conform(self._get_part(number, columns), wanted)

    def conform(self, passthrough: pa.Schema) -> None:
        """Rewrite the parts that lack columns of an input list, or have them in another type.

        Then all parts can be read as one table, even if the list has changed.

        Args:
            passthrough: the columns that are carried over from the list.
        """
        fields = [*IMAGES, *passthrough]
        for number in list(self.parts):
            rows = self._get_part(number)
            whole = conform(rows, fields)
            if not whole.schema.equals(rows.schema):
                self.write(number, whole)

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Read the committed parts in their order, :data:`READ_AHEAD` in parallel."""
        with ThreadPoolExecutor(READ_AHEAD) as pool:
            for start in range(0, len(self.parts), READ_AHEAD):
                numbers = self.parts[start : start + READ_AHEAD]
                yield from pool.map(lambda number: self.read(number, columns), numbers)

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read all committed rows."""
        tables = list(self.tables(columns))
        if not tables:
            empty = IMAGES.empty_table()
            return empty.select(list(columns)) if columns else empty
        return pa.concat_tables(tables, promote_options="permissive")

    def write_listing(self, listing: pa.Buffer) -> None:
        """Write the listing, as Parquet, so that a resumed job has the same sources."""
        self.storage.write(self.listing, listing.to_pybytes(), PARQUET)

    def find_listing(self) -> pa.Buffer | None:
        """Return the listing, as Parquet; None where there is none."""
        return self._find(self.listing)

    def read_listing(self) -> pa.Table | None:
        """Read the listing; None where there is none."""
        return self._get(self.listing)

    def write_corrections(self, statements: pa.Table) -> None:
        """Write the corrections, which every further run applies."""
        self._put(self.corrections, statements)

    def read_corrections(self) -> pa.Table | None:
        """Read the corrections; None where there are none."""
        return self._get(self.corrections)

    def write_record(self, record: JobRecord) -> None:
        """Write ``job.json``."""
        text = json.dumps(record, indent=2, default=str) + "\n"
        self.storage.write(f"{self.output}/job.json", text.encode(), "application/json")

    def read_record(self) -> JobRecord | None:
        """Read ``job.json``, or None where there is no job."""
        try:
            data = self.storage.get(f"{self.output}/job.json").data
        except NotFound:
            return None
        record: JobRecord = json.loads(data)
        return record

    def _part(self, number: int) -> str:
        return f"{self.images}/part-{number:06d}.parquet"

    def _get_part(self, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        data = self.storage.get(self._part(number)).data
        file = pq.ParquetFile(pa.BufferReader(data))
        existing = set(file.schema_arrow.names)
        names = None if columns is None else [each for each in columns if each in existing]
        return file.read(names)

    def _find(self, uri: str) -> pa.Buffer | None:
        try:
            return pa.py_buffer(self.storage.get(uri).data)
        except NotFound:
            return None

    def _get(self, uri: str) -> pa.Table | None:
        data = self._find(uri)
        return None if data is None else pq.read_table(pa.BufferReader(data))

    def _put(self, uri: str, table: pa.Table) -> None:
        sink = io.BytesIO()
        write_table(table, sink)
        self.storage.write(uri, sink.getvalue(), PARQUET)


def committed(part: pa.Table) -> float | None:
    """Return when a part was first written, in seconds since 1970; None where that is not known."""
    value = (part.schema.metadata or {}).get(COMMITTED)
    return None if value is None else float(value)


def derive_variants(rows: pa.Table) -> dict[str, pa.Table]:
    """Return the variants of images rows as tables of the variants manifest, by aspect ratio."""
    parents = pc.list_parent_indices(rows["variants"].combine_chunks())
    nested = pc.list_flatten(rows["variants"].combine_chunks())
    columns = {name: rows[name].take(parents) for name in ("source_uri", "source_id")}
    columns |= {
        each.name: pc.struct_field(nested, each.name) for each in VARIANT if each.name != "aspect"
    }
    columns["fingerprint"] = rows["fingerprint"].take(parents)
    aspects = pc.struct_field(nested, "aspect")
    columns["aspect"] = aspects.dictionary_encode()
    table = pa.table(columns, schema=VARIANTS)
    return {
        aspect: table.filter(pc.equal(aspects, aspect)) for aspect in pc.unique(aspects).to_pylist()
    }

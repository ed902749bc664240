"""The manifest of an output: one row a source, written by one process in atomic parts.

The driver of a job is the manifest's only writer. A part of ``manifest/images`` is the commit
point: its sources are done once it exists. The variants of its rows are also written, just before,
into parts of the same name below ``manifest/variants/aspect=...``; such a part without its commit
point is deleted when the job resumes.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Sequence
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
from .parts import Part, current

READ_AHEAD = 8
"""Parts that are read in parallel."""
VERSION = 2
"""Version of what an output holds, in ``job.json``; outputs of deepcrop 0.1 have none."""

COMMITTED = b"deepcrop:committed"
"""Key in a part's metadata of the time when it was first written, in seconds since 1970."""

JobRecord = dict[str, Any]
"""The content of ``job.json``: the status (running, stopped or completed), the job's fingerprint,
settings and fields, counts, and the times ``started`` and ``updated`` in seconds since 1970."""


@dataclass
class Manifest:
    """The manifest of one output."""

    output: str
    """The output's URI, without a slash at its end."""
    storage: Storage
    parts: list[int] = field(default_factory=list)
    """Numbers of the committed parts, ascending."""
    _last: dict[int, int] = field(default_factory=dict)
    """Last number of each part that was made of several, by its number."""

    @property
    def images(self) -> str:
        """The folder of the images parts."""
        return f"{self.output}/manifest/images"

    @property
    def variants(self) -> str:
        """The folder of the variants partitions."""
        return f"{self.output}/manifest/variants"

    @property
    def history(self) -> str:
        """The folder of parts that were replaced; see :mod:`.history`."""
        return f"{self.output}/manifest/history"

    @property
    def listing(self) -> str:
        """The file that holds the listed sources."""
        return f"{self.output}/manifest/sources/listing.parquet"

    @property
    def absent(self) -> str:
        """The file that holds the sources that have rows and aren't in the listing."""
        return f"{self.output}/manifest/sources/absent.parquet"

    @property
    def corrections(self) -> str:
        """The file that holds the corrections by people."""
        return f"{self.output}/manifest/sources/corrections.parquet"

    @property
    def lease(self) -> str:
        """The file that says which run writes this output."""
        return f"{self.output}/.lease.json"

    def part(self, number: int) -> Part:
        """Return a part by its number."""
        return Part(number, self._last.get(number, number))

    def load_parts(self) -> None:
        """Find the committed parts."""
        self.take_parts(current(self._found(self.images)))

    def take_parts(self, parts: Sequence[Part]) -> None:
        """Take these for the committed parts."""
        self.parts = [part.first for part in parts]
        self._last = {part.first: part.last for part in parts if part.last != part.first}

    def open(self) -> None:
        """Find the committed parts; delete what killed drivers left.

        That are parts that others replace, and variants parts that lack their commit point.
        """
        self.load_parts()
        committed = {self.part(number) for number in self.parts}
        self.delete_parts(set(self._found(self.images)) - committed)
        self.delete_variants_parts(
            part for _, part in self.variants_parts() if part not in committed
        )

    def _found(self, folder: str) -> list[Part]:
        found = (Part.parse(entry.uri) for entry in self.storage.list(folder))
        return [part for part in found if part is not None]

    def variants_parts(self) -> Iterator[tuple[str, Part]]:
        """Yield the files of the variants manifest, each with its part."""
        for entry in self.storage.list(self.variants):
            if part := Part.parse(entry.uri):
                yield entry.uri, part

    def append(self, rows: pa.Table) -> int:
        """Commit rows as the next part; return its number."""
        number = self.part(self.parts[-1]).last + 1 if self.parts else 0
        self.write(number, rows)
        self.parts.append(number)
        return number

    def write(self, number: int, rows: pa.Table, *, replaced: set[str] | None = None) -> None:
        """Write or replace part ``number``; a replaced part keeps the time of its first write.

        Args:
            number: of the part.
            rows: its rows.
            replaced: names of the variants that it may have lost; None: any.
        """
        derived = self.write_variants(self.part(number), rows)
        self.put(self.uri_of(self.part(number)), with_time(rows))
        # A replaced part may have lost an aspect ratio's last variant.
        if number in self.parts and (replaced is None or replaced - derived):
            self._delete_stale(self.part(number), derived)

    def write_variants(self, part: Part, rows: pa.Table) -> set[str]:
        """Write the variants of a part's rows; return their names."""
        derived = derive_variants(rows)
        for aspect, table in derived.items():
            self.put(f"{self.variants}/aspect={aspect}/{part.name}", with_time(table))
        return set(derived)

    def rederive(self, number: int) -> None:
        """Write the variants of a part again, as its rows have them."""
        rows = self.read(number)
        self._delete_stale(self.part(number), self.write_variants(self.part(number), rows))

    def _delete_stale(self, part: Part, aspects: set[str]) -> None:
        self.storage.delete(
            [
                uri
                for uri, each in self.variants_parts()
                if each == part and uri.split("/aspect=")[1].split("/")[0] not in aspects
            ]
        )

    def delete_parts(self, parts: Iterator[Part] | set[Part]) -> None:
        """Delete images parts."""
        self.storage.delete([self.uri_of(part) for part in parts])

    def delete_variants_parts(self, parts: Iterator[Part] | set[Part]) -> None:
        """Delete the variants of parts."""
        gone = set(parts)
        if gone:
            self.storage.delete([uri for uri, part in self.variants_parts() if part in gone])

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
        return conform(self.read_raw(number, columns), wanted)

    def read_raw(self, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Read one images part as it was written.

        Args:
            number: of the part.
            columns: names of columns, or of fields of their structs, as pyarrow writes them; those
                that the part doesn't have are left out. By default all.
        """
        file = pq.ParquetFile(pa.BufferReader(self._bytes_of(self.part(number))))
        existing = set(file.schema_arrow.names)
        names = None
        if columns is not None:
            names = [each for each in columns if each.partition(".")[0] in existing]
        return file.read(names)

    def _bytes_of(self, part: Part) -> bytes:
        """Return a part's file; one that was replaced since it was listed is in the history."""
        try:
            return self.storage.get(self.uri_of(part)).data
        except NotFound:
            # The history of the run that replaced it is the last one that has it.
            found = [
                entry.uri
                for entry in self.storage.list(self.history)
                if entry.uri.endswith(f"/{part.name}")
            ]
            if not found:
                raise
            return self.storage.get(max(found)).data

    def conform(self, passthrough: pa.Schema) -> None:
        """Rewrite the parts that lack columns of an input list, or have them in another type.

        Then all parts can be read as one table, even if the list has changed.

        Args:
            passthrough: the columns that are carried over from the list.
        """
        fields = [*IMAGES, *passthrough]
        for number in list(self.parts):
            rows = self.read_raw(number)
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

    def find(self, uri: str) -> pa.Buffer | None:
        """Return a file of the manifest, as Parquet; None where there is none."""
        try:
            return pa.py_buffer(self.storage.get(uri).data)
        except NotFound:
            return None

    def find_listing(self) -> pa.Buffer | None:
        """Return the listing, as Parquet; None where there is none."""
        return self.find(self.listing)

    def read_listing(self) -> pa.Table | None:
        """Read the listing; None where there is none."""
        return self._get(self.listing)

    def read_absent(self) -> pa.Table | None:
        """Read the sources that have rows and aren't in the listing; None where all are."""
        return self._get(self.absent)

    def write_corrections(self, statements: pa.Table) -> None:
        """Write the corrections, which every further run applies."""
        self.put(self.corrections, statements)

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

    def uri_of(self, part: Part) -> str:
        """Return the URI of an images part."""
        return f"{self.images}/{part.name}"

    def _get(self, uri: str) -> pa.Table | None:
        data = self.find(uri)
        return None if data is None else pq.read_table(pa.BufferReader(data))

    def put(self, uri: str, table: pa.Table) -> None:
        """Write a table as a file of the manifest."""
        sink = io.BytesIO()
        write_table(table, sink)
        self.storage.write(uri, sink.getvalue(), PARQUET)


def with_time(rows: pa.Table) -> pa.Table:
    """Return a table with the time of its first write in its metadata: now, if it has none."""
    metadata = rows.schema.metadata or {}
    return rows.replace_schema_metadata({COMMITTED: repr(time.time()).encode(), **metadata})


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

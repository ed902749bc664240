"""Rows of deepcrop 0.1: what today's columns need is filled in, and no image is read for it.

Their job's settings say which recipes their variants were made with, as far as today's recipes can
say it: the versions of algorithms didn't count then, and are taken to be today's.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import RequestError
from ..geometry import Size
from ..job import Job
from ..recipes import Recipes
from ..schema import IMAGES, SOURCES
from ..sources.corrections import Correction, Corrections
from ..sources.duplicates import HINT_COLUMNS
from .conform import conform
from .rows import ImageRow
from .store import VERSION, Manifest

UNKNOWN = "unknown"
"""Recipe of variants of a job that today's code can't describe; no job wants it."""
IDENTITY = ("source_modified", "source_version")
"""Columns that are filled in from a listing."""


def is_old(record: Mapping[str, Any] | None) -> bool:
    """Return whether a job's record is of a release whose rows lack recipes."""
    return record is not None and "manifest_version" not in record


class Takeover:
    """Fills in the columns of an earlier release's rows."""

    def __init__(
        self, record: Mapping[str, Any], corrections: Corrections, listing: pa.Table | None
    ) -> None:
        """Find the recipes of the job.

        Args:
            record: the content of ``job.json``.
            corrections: those that the job applies.
            listing: the job's listing, whose hints its variants were made with.
        """
        self.corrections = corrections
        self.hints: dict[int, Mapping[str, object]] = {}
        if listing is not None:
            given = [pc.is_valid(listing[name]) for name in HINT_COLUMNS]
            hinted = listing.filter(functools.reduce(pc.or_, given))
            columns = hinted.select(["source_id", *HINT_COLUMNS]).to_pylist()
            self.hints = {row.pop("source_id"): row for row in columns}
        self.recipes: Recipes | None = None
        settings = dict(record.get("settings") or record["job"])
        fields = {name: value for name, value in settings.items() if name in Job.model_fields}
        try:
            job = Job.parse(fields | {"output": "/"})
        except RequestError:
            return
        self.recipes = Recipes(job, record.get("weights_sha256"))

    def fill(self, rows: pa.Table) -> pa.Table:
        """Return rows with recipes.

        Args:
            rows: all columns of rows, as they were written.
        """
        whole = conform(rows, IMAGES)
        if not whole.num_rows:
            return whole
        filled = [self._filled(row) for row in whole.select(IMAGES.names).to_pylist()]
        columns = pa.Table.from_pylist(filled, schema=IMAGES)
        for name in whole.column_names[len(IMAGES) :]:
            columns = columns.append_column(name, whole[name])
        return columns.replace_schema_metadata(rows.schema.metadata)

    def _filled(self, row: ImageRow) -> ImageRow:
        if row["analysis_recipe"] is not None or row["status"] == "skipped":
            return row
        texts = row["note"].split("; ") if row["note"] else []
        own = set(row["flags"] or ()) - {
            flag for each in row["variants"] for flag in each["flags"] or ()
        }
        row["note_parts"] = [
            {"about": "", "text": text or "", "flag": flag}
            for text, flag in zip_longest(texts, sorted(own))
        ]
        if row["width"] is None or row["height"] is None:
            return row
        if self.recipes is None:
            row["analysis_recipe"] = row["fingerprint"] = UNKNOWN
            return row
        size = Size(row["width"], row["height"])
        stated = Correction.of(self.corrections.statements.get(row["source_uri"]))
        hints = self.hints.get(row["source_id"], {})
        wanted = self.recipes.wanted(hints, stated.within(size), size, row["format"])
        row["analysis_recipe"] = row["fingerprint"] = wanted.row
        row["rendering_recipes"] = list(wanted.entries)
        recipes = dict(
            zip(wanted.names, zip(wanted.boxes, wanted.renderings, strict=True), strict=True)
        )
        for variant in row["variants"]:
            variant["source_sha256"] = row["sha256"]
            box, rendering = recipes.get(variant["aspect"], (UNKNOWN, UNKNOWN))
            variant["analysis_recipe"], variant["rendering_recipe"] = box, rendering
        return row


def with_identity(rows: pa.Table, listing: pa.Table) -> pa.Table:
    """Return rows with what a listing says of those sources that it says the same of otherwise.

    Args:
        rows: rows of the images manifest.
        listing: rows of the listing.
    """
    ids = listing["source_id"].combine_chunks()
    at = pc.index_in(rows["source_id"].combine_chunks(), value_set=ids)
    same = pc.is_valid(at)
    for name in ("source_bytes", "source_etag"):
        listed = listing[name].combine_chunks().take(at)
        same = pc.and_(same, pc.fill_null(pc.equal(listed, rows[name].combine_chunks()), False))
    for name in IDENTITY:
        kind = SOURCES.field(name).type
        listed = listing[name].combine_chunks().take(at)
        filled = pc.if_else(
            pc.and_(same, pc.is_null(rows[name].combine_chunks())),
            listed,
            rows[name].combine_chunks(),
        )
        rows = rows.set_column(rows.schema.get_field_index(name), name, filled.cast(kind))
    return rows


def take_over(manifest: Manifest, takeover: Takeover, listing: pa.Table) -> int:
    """Write the parts of an earlier release with today's columns; return the number of rows.

    Args:
        manifest: the manifest, which this process alone writes.
        takeover: what its rows were made with.
        listing: the sources as they are listed now.
    """
    count = 0
    for number in list(manifest.parts):
        rows = manifest.read_raw(number)
        manifest.write(number, with_identity(takeover.fill(rows), listing))
        count += rows.num_rows
    record = manifest.read_record()
    assert record is not None
    manifest.write_record(record | {"manifest_version": VERSION})
    return count

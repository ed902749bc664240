"""The rows of a manifest that exports are made of."""

from __future__ import annotations

from collections.abc import Iterator

from ..geometry import Box, Size
from ..manifest.rows import ImageRow, VariantRow
from ..manifest.store import Manifest

DUPLICATE_COLUMNS = ("source_uri", "source_id", "duplicate_of")
"""Columns in which a duplicate's row differs from that of its original."""


def source_uris(manifest: Manifest) -> list[str]:
    """Return the URIs of all sources that have a row, whatever their status."""
    uris: list[str] = manifest.table(["source_uri"])["source_uri"].to_pylist()
    return uris


def ok_rows(manifest: Manifest) -> Iterator[ImageRow]:
    """Yield the rows of the sources whose variants were made; duplicates have none of their own."""
    for part in manifest.tables():
        yield from (row for row in part.to_pylist() if row["status"] == "ok")


def rows_with_duplicates(manifest: Manifest) -> Iterator[ImageRow]:
    """Yield the rows of :func:`ok_rows`, each followed by its duplicates with the same variants."""
    duplicates: dict[str, list[ImageRow]] = {}
    for part in manifest.tables([*DUPLICATE_COLUMNS, "status"]):
        for row in part.to_pylist():
            if row["status"] == "skipped" and row["duplicate_of"]:
                duplicates.setdefault(row["duplicate_of"], []).append(row)
    for row in ok_rows(manifest):
        yield row
        for duplicate in duplicates.get(row["source_uri"], ()):
            yield {
                **row,
                "source_uri": duplicate["source_uri"],
                "source_id": duplicate["source_id"],
                "duplicate_of": duplicate["duplicate_of"],
            }


def size_of(row: ImageRow) -> Size:
    """Return the size of a source that was decoded, in pixels as shown."""
    width, height = row["width"], row["height"]
    assert width is not None and height is not None
    return Size(width, height)


def box_of(variant: VariantRow) -> Box:
    """Return the crop box of a variant that has one, in pixels of the source as shown."""
    x0, y0, x1, y1 = variant["x0"], variant["y0"], variant["x1"], variant["y1"]
    assert x0 is not None and y0 is not None and x1 is not None and y1 is not None
    return Box(x0, y0, x1, y1)

"""A table of URLs of image servers, which cut and scale a source when its URL is asked for.

Such a server needs no variants: the URL says what to cut out of the source. The modules of the
servers build the URLs; this one checks what all of them need, and writes the table.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Protocol
from urllib.parse import urlsplit

from ..errors import RequestError
from ..manifest.rows import ImageRow, VariantRow
from ..manifest.store import Manifest
from .base import ExportResult
from .rows import rows_with_duplicates, source_uris
from .source_paths import SourcePaths, common_root

CONTENT_TYPE = "text/csv; charset=utf-8"
COLUMNS = ("source_uri", "aspect", "url", "preset", "width", "density")


class UrlBuilder(Protocol):
    """Builds the URL of a crop on one kind of image server."""

    @property
    def paths(self) -> SourcePaths:
        """Return the paths by which the server finds sources."""
        ...

    def url(self, row: ImageRow, variant: VariantRow) -> str:
        """Return the URL of a variant that has a crop box, from its source's row."""
        ...


def server_base(base: str | None, example: str) -> str:
    """Return what URLs begin with, without a slash at its end; empty where it was not given.

    Args:
        base: scheme and host of the server, or a path on the site where it runs behind one.
        example: a right value, for the error.

    Raises:
        RequestError: it is neither.
    """
    if not base:
        return ""
    try:
        parts = urlsplit(base)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not (is_web or base.startswith("/")) or any(letter in base for letter in "?# "):
        raise RequestError(f"--base {base!r}: expected the server's URL, such as {example}")
    return base.rstrip("/")


def job_paths(manifest: Manifest, assignments: tuple[str, ...]) -> SourcePaths:
    """Return the paths of a job's sources, by the rules ``SOURCE=PATH`` where there are any.

    Raises:
        RequestError: a rule can't be read.
    """
    return SourcePaths.parse(assignments, common_root(source_uris(manifest)))


def write_table(manifest: Manifest, target: str, builder: UrlBuilder) -> ExportResult:
    """Write the URLs of all crops of a job as a CSV file at ``target``.

    Raises:
        RequestError: no server can read a source as the manifest names it.
    """
    text = "".join(table_lines(rows_with_duplicates(manifest), builder))
    manifest.storage.write(target, text.encode(), CONTENT_TYPE)
    notes = []
    paths = builder.paths
    if not paths.rules and paths.root.startswith("/"):
        notes.append(f"paths begin below {paths.root}: the root of the server's file loader")
    return ExportResult([target], notes)


def table_lines(rows: Iterable[ImageRow], builder: UrlBuilder) -> Iterator[str]:
    """Yield the lines of a CSV table: one for each crop and size.

    The columns are :data:`COLUMNS`. Rows of a preset are told apart by its name, the width that it
    asks for, and the density; without a preset these are empty.

    Args:
        rows: rows of the images manifest.
        builder: builds the URLs.

    Raises:
        RequestError: no server can read a source as the manifest names it.
    """
    yield _csv_line(*COLUMNS)
    for row in rows:
        _check_readable(row["source_uri"], builder.paths)
        # Formats of one width are one crop to a server, which chooses the format itself.
        crops = (
            (variant["aspect"], builder.url(row, variant), *_asked(variant))
            for variant in row["variants"]
            if variant["x0"] is not None
        )
        for crop in dict.fromkeys(crops):
            yield _csv_line(row["source_uri"], *crop)


def _asked(variant: VariantRow) -> tuple[str, str, str]:
    """Return preset, width and density of a variant as text; empty where no preset asks for it."""
    if not variant.get("preset"):  # rows of release 0.1 have no such columns
        return "", "", ""
    return str(variant["preset"]), str(variant["asked_width"]), f"{variant['density']:g}"


def _check_readable(uri: str, paths: SourcePaths) -> None:
    if uri.startswith("tar+"):
        raise RequestError(f"{uri}: lies in a tar archive, which no image server reads")
    if "[redacted]" in uri and not paths.rules:
        raise RequestError(
            f"{uri}: its signature isn't kept; say with --map where the server finds such sources, "
            f"such as --map {uri.partition('?')[0].rpartition('/')[0]}=images/"
        )


def _csv_line(*cells: str) -> str:
    sink = io.StringIO()
    csv.writer(sink).writerow(cells)
    return sink.getvalue()

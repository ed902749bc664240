"""The page's data: scripts that a browser can load from a file URL, each with some of the sources.

``index`` scripts hold the columns that filters and searches read, of all sources. ``details``
scripts hold the rest; one is loaded when a source in it is shown. Both are in the gallery's order:
sources with flags of problems first, then the lowest scores, failures last. Each script names the
build of the page that it belongs to, so that an open page notices when it was built again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import numpy
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..manifest.rows import ImageRow
from ..schema import STAGES
from ..sources.corrections import Statement
from ..sources.marks import marks_of
from ..storage import common_folder
from .applied_marks import with_correction_flags
from .flag_columns import UNFLAGGED, FlagColumns, worst_flag_ranks
from .picture_details import VariantDetails, details_of
from .pictures import pictures_of
from .requested import Requested, with_requested_variants
from .thumbnails import thumbnail_name

INDEX_ROWS = 10_000
"""Sources in an ``index`` script."""
DETAIL_ROWS = 250
"""Sources in a ``details`` script."""
MAX_FOLDERS = 200
"""Folders that the gallery can be filtered by: those with the most sources."""
STATUSES = ("ok", "failed", "skipped")
"""A source's status; the scripts hold its position in this list."""


@dataclass(frozen=True)
class PageData:
    """All sources in the gallery's order, and the names that the scripts refer to by number."""

    rows: pa.Table
    """Rows of the images manifest."""
    root: str
    """The folder that all sources lie in: a path where it is local, otherwise a URI."""
    output: str
    """URI of the job's output."""
    aspects: list[str]
    """Names of the variants."""
    methods: list[str]
    errors: list[str]
    """Classes of errors."""
    flags: FlagColumns
    applied: Mapping[str, Sequence[Statement]]
    """The corrections that the rows were made with, by the sources' URIs."""

    @classmethod
    def of(
        cls,
        rows: pa.Table,
        output: str,
        aspects: Sequence[str],
        applied: Mapping[str, Sequence[Statement]] | None = None,
        requested: Requested | None = None,
    ) -> PageData:
        """Put the rows of a manifest in the gallery's order.

        Args:
            rows: rows of the images manifest.
            output: URI of the job's output.
            aspects: names of the variants, in the job's order.
            applied: the corrections that the job was run with, by the sources' URIs.
            requested: what the job asks for; by default one variant of each of ``aspects``.
        """
        shown = with_requested_variants(rows, requested or Requested(tuple(aspects)))
        ordered = worst_first(with_correction_flags(shown, applied or {}))
        uris = ordered["source_uri"].to_pylist()
        return cls(
            ordered,
            common_folder(uris),
            output,
            list(aspects),
            _distinct(ordered["method"]),
            _distinct(ordered["error_class"]),
            FlagColumns.of(ordered, aspects),
            applied or {},
        )

    def __len__(self) -> int:
        """Return the number of sources."""
        return int(self.rows.num_rows)

    @property
    def names(self) -> list[str]:
        """Each source's URI without the root; the whole URI where it does not begin with it."""
        return self._names(self.rows)

    @property
    def root_href(self) -> str | None:
        """The URL of the sources' folder; None where the sources are not local files."""
        return f"file://{quote(self.root)}" if self.root.startswith("/") else None

    def to_review_first(self, count: int) -> pa.Table:
        """Return the rows that a person sees first in either order of the gallery.

        They are alternately the first ones in the gallery's own order and those with the lowest
        scores, flagged or not, each once; ``count`` at most.
        """
        by_score = numpy.argsort(_score_keys(self.rows), kind="stable")
        both = numpy.stack([numpy.arange(len(self)), by_score], 1).ravel()
        firsts = numpy.sort(numpy.unique(both, return_index=True)[1])
        return self.rows.take(pa.array(both[firsts][:count]))

    def folders(self) -> list[tuple[str, int]]:
        """Return the folders below the root, each with the number of sources at any depth."""
        counts: Counter[str] = Counter()
        for name in self.names:
            if name.startswith("file:///"):
                continue  # a whole URI: its folders don't begin at the root
            parts = name.split("/")[:-1]
            counts.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        return sorted(counts.most_common(MAX_FOLDERS))

    def index(self, build: str) -> Iterator[tuple[str, str]]:
        """Yield the names and texts of the index scripts."""
        positions = {name: number for number, name in enumerate(self.aspects)}
        for number, start in enumerate(range(0, len(self), INDEX_ROWS)):
            rows = self.rows.slice(start, INDEX_ROWS)
            uris = rows["source_uri"].to_pylist()
            columns = {
                "names": self._names(rows),
                "status": [STATUSES.index(each) for each in rows["status"].to_pylist()],
                "methods": _numbers(rows["method"], self.methods),
                "errors": _numbers(rows["error_class"], self.errors),
                "scores": _score_columns(rows["variants"], positions),
                "flags": self.flags.columns(start, start + INDEX_ROWS),
                "applied": {
                    at: marks_of(statements, self.aspects)
                    for at, uri in enumerate(uris)
                    if (statements := self.applied.get(uri))
                },
            }
            call = f"deepcrop.index({json.dumps(build)},{start},{_json(columns)});\n"
            yield f"index-{number:04d}.js", call

    def details(
        self, build: str, thumbnails: Container[str], maps: Container[str]
    ) -> Iterator[tuple[str, str]]:
        """Yield the names and texts of the details scripts.

        Args:
            build: name of this build of the page.
            thumbnails: names of the thumbnails that exist.
            maps: names of the saliency maps that exist.
        """
        for number, start in enumerate(range(0, len(self), DETAIL_ROWS)):
            rows = self.rows.slice(start, DETAIL_ROWS).to_pylist()
            details = [self._details(row, thumbnails, maps) for row in rows]
            call = f"deepcrop.details({json.dumps(build)},{number},{_json(details)});\n"
            yield f"details-{number:05d}.js", call

    def _names(self, rows: pa.Table) -> list[str]:
        # The root is a path; a local name that is not UTF-8 is a file:// URI and stays whole.
        return [uri.removeprefix(self.root) for uri in rows["source_uri"].to_pylist()]

    def _details(
        self, row: ImageRow, thumbnails: Container[str], maps: Container[str]
    ) -> dict[str, object]:
        name = thumbnail_name(row["sha256"])
        details: dict[str, object] = {
            "width": row["width"],
            "height": row["height"],
            "format": row["format"],
            "bytes": row["source_bytes"],
            "focal": _rounded(row["focal_x"], row["focal_y"]),
            "note": row["note"],
            "duplicate": row["duplicate_of"],
            "thumbnail": name if name in thumbnails else None,
            "map": name if name in maps else None,
            "variants": self._pictures(row, thumbnails),
        }
        if row["status"] == "failed":
            details["error"] = [
                row["error_stage"], row["error_class"], row["error_message"], row["attempts"],
            ]  # fmt: skip
        times = _stage_times(row)
        if any(each is not None for each in times):
            details["times"] = [each and round(each, 1) for each in times]
        return {key: value for key, value in details.items() if value not in (None, [])}

    def _pictures(self, row: ImageRow, thumbnails: Container[str]) -> list[VariantDetails]:
        pictures = pictures_of(row["variants"], self.aspects)
        of_ratio = Counter(each.aspect for each in pictures)
        found = []
        for each in pictures:
            details = details_of(each, self.output, self.aspects, thumbnails)
            if of_ratio[each.aspect] > 1:
                details["flags"] = self.flags.bits_of(each.flags)
            found.append(details)
        return found


def worst_first(rows: pa.Table) -> pa.Table:
    """Order rows by the worst flag, then by the lowest score among a source's variants.

    Sources without a score come after the others, failures last. Ties are ordered by URI.
    """
    rows = rows.sort_by("source_uri")
    flags = numpy.where(
        rows["status"].to_numpy() == "ok", worst_flag_ranks(rows["flags"]), UNFLAGGED
    )
    return rows.take(pa.array(numpy.lexsort((_score_keys(rows), flags))))


def _score_keys(rows: pa.Table) -> NDArray[numpy.float64]:
    """Return keys that sort rows by the lowest score among a source's variants, (rows,).

    Sources without a score, skipped ones and failed ones have the keys 2, 3 and 4.
    """
    statuses = rows["status"].to_numpy()
    keys = numpy.select([statuses == "failed", statuses == "skipped"], [4.0, 3.0], 2.0)
    variants = rows["variants"].combine_chunks()
    scores = pa.table(
        {
            "row": pc.list_parent_indices(variants),
            "score": pc.struct_field(pc.list_flatten(variants), "score"),
        }
    )
    lowest = scores.group_by("row").aggregate([("score", "min")]).drop_null()
    keys[lowest["row"].to_numpy()] = lowest["score_min"].to_numpy()
    return keys


def _score_columns(variants: pa.ChunkedArray, positions: dict[str, int]) -> list[list[int]]:
    """Return a column of scores for each ratio, in ten-thousandths; -1 where there is none."""
    columns = [[-1] * len(variants) for _ in positions]
    for at, each in enumerate(variants.to_pylist()):
        for variant in each:
            if variant["score"] is not None:
                columns[positions[variant["aspect"]]][at] = round(10_000 * variant["score"])
    return columns


def _distinct(column: pa.ChunkedArray) -> list[str]:
    return sorted(pc.unique(column).drop_null().to_pylist())


def _numbers(column: pa.ChunkedArray, names: Sequence[str]) -> list[int]:
    """Return the position of each value in ``names``; -1 for null."""
    positions = {name: number for number, name in enumerate(names)}
    return [positions.get(name, -1) for name in column.to_pylist()]


def _rounded(x: float | None, y: float | None) -> list[float] | None:
    return None if x is None or y is None else [round(x, 4), round(y, 4)]


def _stage_times(row: ImageRow) -> list[float | None]:
    """Return the milliseconds of each stage, in the order of the stages."""
    times = {
        "fetch": row["fetch_ms"],
        "decode": row["decode_ms"],
        "infer": row["infer_ms"],
        "render": row["render_ms"],
        "write": row["write_ms"],
    }
    return [times[stage] for stage in STAGES]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

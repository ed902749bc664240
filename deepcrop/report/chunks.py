"""The page's data: scripts that a browser loads from a file URL, a share of the sources in each.

``index`` scripts hold what filters and searches look at, of all sources, in columns; ``details``
scripts hold the rest and are loaded when a source is shown. Both are ordered as the gallery is:
what a flag says something may be wrong with, then the worst scores, failures last. A script
begins with the name of its build, so that a page that was rebuilt since it was opened notices.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from ..schema import STAGES
from ..sources.corrections import Statement
from ..storage import common_folder
from .applied import marks_of, with_corrections
from .flagged import UNFLAGGED, Flagged, ranks
from .thumbnails import name_of

INDEX_ROWS = 10_000
DETAIL_ROWS = 250
FOLDERS = 200
"""Folders that the gallery can be filtered by: those with the most sources."""
STATUSES = ("ok", "failed", "skipped")


@dataclass(frozen=True)
class Catalogue:
    """All sources in the gallery's order, and the names that the scripts refer to by number."""

    rows: pa.Table
    root: str
    """What all URIs begin with, as a path where they are local."""
    output: str
    aspects: list[str]
    methods: list[str]
    errors: list[str]
    flagged: Flagged
    applied: Mapping[str, Sequence[Statement]]
    """The job's corrections, by the sources' URIs: what its rows were made with."""

    @classmethod
    def of(
        cls,
        rows: pa.Table,
        output: str,
        aspects: Sequence[str],
        applied: Mapping[str, Sequence[Statement]] | None = None,
    ) -> Catalogue:
        """Order the rows of a manifest.

        Args:
            rows: of the images manifest.
            output: the job's.
            aspects: names of the variants, as asked for.
            applied: the corrections that the job keeps, by the sources' URIs.
        """
        ordered = worst_first(with_corrections(rows, applied or {}))
        uris = ordered["source_uri"].to_pylist()
        return cls(
            ordered,
            common_folder(uris),
            output,
            list(aspects),
            _distinct(ordered["method"]),
            _distinct(ordered["error_class"]),
            Flagged.of(ordered, aspects),
            applied or {},
        )

    def __len__(self) -> int:
        """Count the sources."""
        return int(self.rows.num_rows)

    @property
    def names(self) -> list[str]:
        """What each URI adds to the root; whole where it doesn't begin with it."""
        return self._names(self.rows)

    @property
    def root_href(self) -> str | None:
        """Where a browser finds the sources; None where they aren't files of this machine."""
        return f"file://{quote(self.root)}" if self.root.startswith("/") else None

    def folders(self) -> list[tuple[str, int]]:
        """Return folders below the root, and how many sources lie in each at any depth."""
        counts: Counter[str] = Counter()
        for name in self.names:
            if name.startswith("file:///"):
                continue  # the scripts look for a folder in the names, and have this one whole
            parts = name.split("/")[:-1]
            counts.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        return sorted(counts.most_common(FOLDERS))

    def index(self, build: str) -> Iterator[tuple[str, str]]:
        """Yield the names and texts of the index scripts."""
        places = {name: number for number, name in enumerate(self.aspects)}
        for number, start in enumerate(range(0, len(self), INDEX_ROWS)):
            rows = self.rows.slice(start, INDEX_ROWS)
            uris = rows["source_uri"].to_pylist()
            columns = {
                "names": self._names(rows),
                "status": [STATUSES.index(each) for each in rows["status"].to_pylist()],
                "methods": _numbers(rows["method"], self.methods),
                "errors": _numbers(rows["error_class"], self.errors),
                "scores": _score_columns(rows["variants"], places),
                "flags": self.flagged.columns(start, start + INDEX_ROWS),
                "applied": {
                    at: marks_of(said, self.aspects)
                    for at, uri in enumerate(uris)
                    if (said := self.applied.get(uri))
                },
            }
            call = f"deepcrop.index({json.dumps(build)},{start},{_json(columns)});\n"
            yield f"index-{number:04d}.js", call

    def details(
        self, build: str, thumbnails: Container[str], maps: Container[str]
    ) -> Iterator[tuple[str, str]]:
        """Yield the names and texts of the details scripts.

        Args:
            build: name of this build.
            thumbnails: names of the thumbnails that there are.
            maps: names of the saliency maps that there are.
        """
        for number, start in enumerate(range(0, len(self), DETAIL_ROWS)):
            rows = self.rows.slice(start, DETAIL_ROWS).to_pylist()
            answers = [self._detail(row, thumbnails, maps) for row in rows]
            call = f"deepcrop.details({json.dumps(build)},{number},{_json(answers)});\n"
            yield f"details-{number:05d}.js", call

    def _names(self, rows: pa.Table) -> list[str]:
        # A file:// URI, of a local name that is not UTF-8, is no path: the root is one.
        return [uri.removeprefix(self.root) for uri in rows["source_uri"].to_pylist()]

    def _detail(
        self, row: dict[str, Any], thumbnails: Container[str], maps: Container[str]
    ) -> dict[str, Any]:
        name = name_of(row["sha256"])
        facts = {
            "width": row["width"],
            "height": row["height"],
            "format": row["format"],
            "bytes": row["source_bytes"],
            "focal": None if row["focal_x"] is None else _rounded([row["focal_x"], row["focal_y"]]),
            "note": row["note"],
            "duplicate": row["duplicate_of"],
            "thumbnail": name if name in thumbnails else None,
            "map": name if name in maps else None,
            "variants": [self._variant(each, thumbnails) for each in row["variants"]],
        }
        if row["status"] == "failed":
            facts["error"] = [row[f"error_{name}"] for name in ("stage", "class", "message")] + [
                row["attempts"]
            ]
        times = [row[f"{stage}_ms"] for stage in STAGES]
        if any(each is not None for each in times):
            facts["times"] = [each and round(each, 1) for each in times]
        return {key: value for key, value in facts.items() if value not in (None, [])}

    def _variant(self, variant: dict[str, Any], thumbnails: Container[str]) -> dict[str, Any]:
        uri = variant["variant_uri"]
        facts: dict[str, Any] = {
            "aspect": self.aspects.index(variant["aspect"]),
            "size": [variant["width"], variant["height"]],
            "bytes": variant["bytes"],
        }
        if uri.startswith(self.output + "/"):
            facts["href"] = "../" + quote(uri[len(self.output) + 1 :])
        if variant["x0"] is not None:
            facts["box"] = [variant[corner] for corner in ("x0", "y0", "x1", "y1")]
            facts["score"] = round(variant["score"], 4)
        elif (name := name_of(variant["sha256"])) in thumbnails:
            facts["thumbnail"] = name
        return facts


def worst_first(rows: pa.Table) -> pa.Table:
    """Order by the worst flag, then by the lowest score among a source's variants.

    Those without a score, and failures, are last. Ties are in the order of the URIs.
    """
    rows = rows.sort_by("source_uri")
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
    flags = numpy.where(statuses == "ok", ranks(rows["flags"]), UNFLAGGED)
    return rows.take(pa.array(numpy.lexsort((keys, flags))))


def _score_columns(variants: pa.ChunkedArray, places: dict[str, int]) -> list[list[int]]:
    """Return a column of scores for each ratio, in thousandths; -1 where there is none."""
    columns = [[-1] * len(variants) for _ in places]
    for at, each in enumerate(variants.to_pylist()):
        for variant in each:
            if variant["score"] is not None:
                columns[places[variant["aspect"]]][at] = round(1000 * variant["score"])
    return columns


def _distinct(column: pa.ChunkedArray) -> list[str]:
    return sorted(pc.unique(column).drop_null().to_pylist())


def _numbers(column: pa.ChunkedArray, names: Sequence[str]) -> list[int]:
    places = {name: number for number, name in enumerate(names)}
    return [places.get(name, -1) for name in column.to_pylist()]


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in values]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

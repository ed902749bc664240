"""What people say of sources after they looked: focal points, boxes, rejected variants.

A corrections file is a table (``.csv`` or ``.parquet``), a row a statement:

=========  =====================================================================================
kind       says
=========  =====================================================================================
good       nothing more: the source as the method alone would have it, looked at
rejected   the variant of ``aspect`` is not to be made; every variant, where ``aspect`` is empty
focal      ``x0``, ``y0`` (0..1) is the point that must stay in, as near to the centre as can be
box        ``x0, y0, x1, y1`` (source pixels) is the crop box of ``aspect``
keep       ``x0, y0, x1, y1`` (source pixels) is not to be cut by any crop box, if a ratio permits
=========  =====================================================================================

Its columns are ``source_uri, kind, aspect, x0, y0, x1, y1``. A job keeps the statements that it
honours beside its listing; those of a new file replace all earlier ones about the same source.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ..errors import RequestError, SourceError
from ..geometry import Box, Focal, Size
from ..job import Job, VariantRequest
from ..methods.base import Crop
from ..ops.windows import expand_to_contain
from ..storage import Storage, canonical, strip_credentials
from .focal_points import focal_problem

CORRECTIONS_COLUMN = "corrections"
"""Column of a listing on its way to the actors: the statements about each source, or null."""
CORNERS = ("x0", "y0", "x1", "y1")
CORRECTION_TYPE = pa.struct(
    [("kind", pa.string()), ("aspect", pa.string()), *((name, pa.float64()) for name in CORNERS)]
)
SCHEMA = pa.schema([("source_uri", pa.string()), *CORRECTION_TYPE])
KINDS = ("good", "rejected", "focal", "box", "keep")
CORRECTED_NOTE = "corrected by a person"

Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Correction:
    """All statements about one source."""

    rejected: frozenset[str] = frozenset()
    """Names of the variants that are not to be made."""
    rejects_all: bool = False
    focal: Focal | None = None
    boxes: Mapping[str, Box] | None = None
    """Crop boxes by the names of the variants."""
    keep: tuple[Box, ...] = ()

    @classmethod
    def of(cls, statements: Iterable[Statement] | None) -> Correction:
        """Read checked statements."""
        rejected, boxes, keep = set(), {}, []
        focal, rejects_all = None, False
        for each in statements or ():
            match each["kind"]:
                case "rejected" if each["aspect"]:
                    rejected.add(each["aspect"])
                case "rejected":
                    rejects_all = True
                case "focal":
                    focal = (each["x0"], each["y0"])
                case "box":
                    boxes[each["aspect"]] = _box(each)
                case "keep":
                    keep.append(_box(each))
        return cls(frozenset(rejected), rejects_all, focal, boxes or None, tuple(keep))

    def rejects(self, request: VariantRequest) -> bool:
        """Tell whether a variant is not to be made."""
        return self.rejects_all or request.slug in self.rejected

    def adjust(
        self, crops: Sequence[Crop], requests: Sequence[VariantRequest], size: Size
    ) -> Sequence[Crop]:
        """Return a method's crops as this correction wants them; unchanged where it is empty."""
        if not (self.focal or self.boxes or self.keep):
            return crops
        return [
            self._adjusted(crop, request, size)
            for crop, request in zip(crops, requests, strict=True)
        ]

    def _adjusted(self, crop: Crop, request: VariantRequest, size: Size) -> Crop:
        wanted = (self.boxes or {}).get(request.slug)
        focal = self.focal or crop.focal
        crop = replace(
            crop,
            focal=focal,
            note=f"{crop.note}; {CORRECTED_NOTE}" if crop.note else CORRECTED_NOTE,
        )
        if wanted is None:
            # Not every method follows a focal point, or never cuts a box: here all do.
            box = Box.centred(crop.box.size, focal, size) if self.focal else crop.box
            keep = [inside for each in self.keep if (inside := _clipped(each, size))]
            return replace(crop, box=expand_to_contain(box, keep, request.aspect, size))
        inside = _clipped(wanted, size) or crop.box
        window = request.aspect.largest_window(inside.size)
        centre = (
            (inside.x0 + inside.x1) / 2 / size.width,
            (inside.y0 + inside.y1) / 2 / size.height,
        )
        # A person's own box is as good as it gets: it is the last to be looked at again.
        return replace(crop, box=Box.centred(window, centre, size), score=1.0)


@dataclass(frozen=True)
class Corrections:
    """Statements about many sources."""

    table: pa.Table
    """Columns of :data:`SCHEMA`; URIs as in the manifest."""

    @classmethod
    def none(cls) -> Corrections:
        """Say nothing."""
        return cls(SCHEMA.empty_table())

    @classmethod
    def read(cls, uri: str, job: Job) -> Corrections:
        """Read a file for a job.

        Raises:
            RequestError: it can't be read, or a statement makes no sense for the job.
        """
        try:
            table = _parse(uri, job.storage)
        except SourceError as error:
            raise RequestError(f"corrections {uri}: {error}") from error
        except pa.ArrowException as error:
            raise RequestError(
                f"corrections {uri}: cannot be read ({error}); expected a .csv or .parquet table "
                f"with the columns {', '.join(SCHEMA.names)}"
            ) from None
        rows = table.to_pylist()
        slugs = {request.slug for request in job.requests}
        for number, row in enumerate(rows, 1):
            if problem := _validate(row, slugs, job.kind):
                raise RequestError(f"corrections {uri}: row {number}: {problem}")
        return cls(pa.Table.from_pylist([_normalised(row) for row in rows], schema=SCHEMA))

    @cached_property
    def statements(self) -> dict[str, list[Statement]]:
        """The statements by the sources' URIs."""
        found: dict[str, list[Statement]] = {}
        for row in self.table.to_pylist():
            found.setdefault(row.pop("source_uri"), []).append(row)
        return found

    def merged_over(self, earlier: Corrections) -> Corrections:
        """Return these, and the earlier ones about other sources."""
        same = pc.is_in(earlier.table["source_uri"], value_set=pc.unique(self.table["source_uri"]))
        return Corrections(pa.concat_tables([earlier.table.filter(pc.invert(same)), self.table]))

    def changed_since(self, earlier: Corrections) -> list[str]:
        """Return the URIs of the sources for which something else is said than before."""
        now, before = self.statements, earlier.statements
        return [
            uri
            for uri in sorted(now | before)
            if Correction.of(now.get(uri)) != Correction.of(before.get(uri))
        ]

    def join(self, sources: pa.Table) -> pa.Table:
        """Return rows of a listing with their statements, in :data:`CORRECTIONS_COLUMN`.

        A source with a statement is a duplicate no more, since its variants are its own.
        """
        uris = [strip_credentials(uri) for uri in sources["source_uri"].to_pylist()]
        column = pa.array([self.statements.get(uri) for uri in uris], pa.list_(CORRECTION_TYPE))
        own = pc.if_else(pc.is_valid(column), pa.scalar(None, pa.string()), sources["duplicate_of"])
        index = sources.schema.get_field_index("duplicate_of")
        sources = sources.set_column(index, "duplicate_of", own)
        return sources.append_column(CORRECTIONS_COLUMN, column)

    def check_known(self, sources: Iterable[pa.Table]) -> None:
        """Make sure that every statement is about a source of the job.

        Args:
            sources: the listing, in parts.

        Raises:
            RequestError: it names the first that isn't.
        """
        unknown = set(self.statements)
        for table in sources if unknown else ():
            unknown = unknown - {strip_credentials(uri) for uri in table["source_uri"].to_pylist()}
        for uri in self.statements:
            if uri in unknown:
                raise RequestError(
                    f"corrections: {uri} is no source of this job; "
                    "expected its source_uri as the manifest has it"
                )


def _parse(uri: str, storage: Storage) -> pa.Table:
    data = storage.read(uri)
    if uri.lower().endswith(".parquet"):
        table = pa.parquet.read_table(pa.BufferReader(data))
    else:
        options = pa.csv.ConvertOptions(
            column_types=dict(zip(SCHEMA.names, SCHEMA.types, strict=True)),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=[""],
        )
        quoted = pa.csv.ParseOptions(newlines_in_values=True)
        table = pa.csv.read_csv(io.BytesIO(data), parse_options=quoted, convert_options=options)
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise pa.ArrowInvalid(f"no column {missing[0]!r}")
    return table.select(SCHEMA.names).cast(SCHEMA)


def _validate(row: Statement, slugs: set[str], method_kind: str) -> str | None:
    """Return what is wrong with a statement, if anything is."""
    kind, aspect = row["kind"], _slug(row["aspect"])
    if not row["source_uri"]:
        return "source_uri is empty"
    if kind not in KINDS:
        return f"kind {kind!r}: expected one of {', '.join(KINDS)}"
    if (aspect or kind == "box") and aspect not in slugs:
        return f"aspect {aspect!r}: expected one of {', '.join(sorted(slugs))}"
    if kind in ("focal", "box", "keep") and method_kind == "retarget":
        return f"kind {kind!r}: the job's method makes pixels; it honours good and rejected"
    corners = [row[name] for name in CORNERS]
    if kind == "focal" and (problem := focal_problem(*corners[:2])):
        return problem
    if kind in ("box", "keep"):
        if any(value is None for value in corners):
            return f"kind {kind!r}: expected x0, y0, x1 and y1 in source pixels"
        x0, y0, x1, y1 = map(round, corners)
        if not (0 <= x0 < x1 and 0 <= y0 < y1):
            return f"box {x0}, {y0}, {x1}, {y1}: expected 0 <= x0 < x1 and 0 <= y0 < y1"
    return None


def _normalised(row: Statement) -> dict[str, Any]:
    return dict(row) | {
        "source_uri": strip_credentials(canonical(row["source_uri"])),
        "aspect": _slug(row["aspect"]),
    }


def _slug(aspect: str | None) -> str | None:
    return aspect.replace(":", "x") if aspect else None


def _box(statement: Statement) -> Box:
    return Box(*(round(statement[name]) for name in CORNERS))


def _clipped(box: Box, size: Size) -> Box | None:
    """Return what of a box lies inside the source; None where nothing does."""
    x1, y1 = min(box.x1, size.width), min(box.y1, size.height)
    return Box(box.x0, box.y0, x1, y1) if box.x0 < x1 and box.y0 < y1 else None

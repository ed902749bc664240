"""The file that corrections come in: a table (``.csv`` or ``.parquet``), one statement a row.

=========  =====================================================================================
kind       means
=========  =====================================================================================
good       nothing is changed; a person has seen the source and accepts the method's own result
rejected   the variant of ``aspect`` is not made; no variant at all, where ``aspect`` is empty
focal      ``x0``, ``y0`` (0..1) is the point that must stay in, as near to the centre as can be
box        ``x0, y0, x1, y1`` (source pixels) is the crop box of ``aspect``
keep       ``x0, y0, x1, y1`` (source pixels) is not cut by any crop box, if a ratio permits it
=========  =====================================================================================

The columns are ``source_uri, kind, aspect, x0, y0, x1, y1``. A ratio is written ``16:9`` or
``16x9``, an exact size ``600x315`` or as the manifest has it, ``600x315px``.
"""

from __future__ import annotations

import io
from typing import Literal, TypedDict

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ..errors import RequestError, SourceError
from ..job import Job
from ..storage import Storage, canonical, strip_credentials
from .focal_points import focal_problem

Corner = Literal["x0", "y0", "x1", "y1"]
CORNERS: tuple[Corner, ...] = ("x0", "y0", "x1", "y1")
CORRECTION_TYPE = pa.struct(
    [("kind", pa.string()), ("aspect", pa.string()), *((name, pa.float64()) for name in CORNERS)]
)
"""A statement about one source, as the listing and the manifest hold it."""
SCHEMA = pa.schema([("source_uri", pa.string()), *CORRECTION_TYPE])
"""Columns of the file."""
KINDS = ("good", "rejected", "focal", "box", "keep")
BOX_KINDS = ("box", "keep")
"""Kinds with a box in source pixels."""


class Statement(TypedDict):
    """What is said of one source; columns of :data:`CORRECTION_TYPE`."""

    kind: str
    aspect: str | None
    x0: float | None
    y0: float | None
    x1: float | None
    y1: float | None


class StatementRow(Statement):
    """A row of the file; columns of :data:`SCHEMA`."""

    source_uri: str


def read_statements(uri: str, job: Job) -> pa.Table:
    """Read a file of corrections for a job.

    Returns:
        Columns of :data:`SCHEMA`, with URIs as the manifest has them.

    Raises:
        RequestError: the file can't be read, or a statement makes no sense for the job.
    """
    try:
        rows: list[StatementRow] = _parse(uri, job.storage).to_pylist()
    except SourceError as error:
        raise RequestError(f"corrections {uri}: {error}") from error
    except pa.ArrowException as error:
        raise RequestError(
            f"corrections {uri}: cannot be read ({error}); expected a .csv or .parquet table "
            f"with the columns {', '.join(SCHEMA.names)}"
        ) from None
    slugs = {request.slug for request in job.requests}
    for number, row in enumerate(rows, 1):
        if problem := _validate(row, slugs, job.kind):
            raise RequestError(f"corrections {uri}: row {number}: {problem}")
    return pa.Table.from_pylist([_normalised(row, slugs) for row in rows], schema=SCHEMA)


def _parse(uri: str, storage: Storage) -> pa.Table:
    data = storage.read(uri)
    if uri.lower().endswith(".parquet"):
        table = pa.parquet.read_table(pa.BufferReader(data))
    else:
        header = data.partition(b"\n")[0]
        if b";" in header and b"," not in header:
            raise pa.ArrowInvalid("its values are separated by semicolons: save it with commas")
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


def _validate(row: StatementRow, slugs: set[str], method_kind: str) -> str | None:
    """Return what is wrong with a statement; None where nothing is."""
    kind, aspect = row["kind"], _slug(row["aspect"], slugs)
    if not row["source_uri"]:
        return "source_uri is empty"
    if kind not in KINDS:
        return f"kind {kind!r}: expected one of {', '.join(KINDS)}"
    if (aspect or kind == "box") and aspect not in slugs:
        return f"aspect {aspect!r}: expected one of {', '.join(sorted(slugs))}"
    if kind in ("focal", *BOX_KINDS) and method_kind == "retarget":
        return f"kind {kind!r}: the job's method makes pixels; it takes good and rejected only"
    if kind == "focal" and (problem := focal_problem(row["x0"], row["y0"])):
        return problem
    if kind in BOX_KINDS:
        corners = corners_of(row)
        if corners is None:
            return f"kind {kind!r}: expected x0, y0, x1 and y1 in source pixels"
        x0, y0, x1, y1 = corners
        if not (0 <= x0 < x1 and 0 <= y0 < y1):
            return f"box {x0}, {y0}, {x1}, {y1}: expected 0 <= x0 < x1 and 0 <= y0 < y1"
    return None


def corners_of(statement: Statement) -> tuple[int, int, int, int] | None:
    """Return the corners of a statement's box in source pixels; None where one is missing."""
    corners = [statement["x0"], statement["y0"], statement["x1"], statement["y1"]]
    given = [round(value) for value in corners if value is not None]
    return (given[0], given[1], given[2], given[3]) if len(given) == len(CORNERS) else None


def _normalised(row: StatementRow, slugs: set[str]) -> StatementRow:
    uri = strip_credentials(canonical(row["source_uri"]))
    return {**row, "source_uri": uri, "aspect": _slug(row["aspect"], slugs)}


def _slug(aspect: str | None, slugs: set[str]) -> str | None:
    """Return the name of a ratio or size in the manifest; a ratio, where it may be either."""
    if not aspect:
        return None
    name = aspect.replace(":", "x")
    return f"{name}px" if name not in slugs and f"{name}px" in slugs else name

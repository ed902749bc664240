"""Marks: what people said of one source so far, and the changes that they make to it.

Marks hold what statements of a corrections file hold, in the form of the page. A *change* names a
field of the marks and its new value, so that changes by several people can be combined:

===================  ==============================================================================
field                value
===================  ==============================================================================
good                 ``True``: a person accepts the source as it is
rejected/ASPECT      ``True``: this variant is not made
focal                ``[x, y]``, 0..1 of the source's sides
box/ASPECT           ``[x0, y0, x1, y1]``, source pixels: the crop box of this variant
keep/X0,Y0,X1,Y1     ``True``: no crop box cuts this box, source pixels
===================  ==============================================================================

The value ``None`` takes back what the field said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypedDict

from ..errors import RequestError
from .corrections_file import CORNERS, Statement
from .focal_points import focal_problem

Value = bool | str | list[float] | None
"""The value of a field of the marks; None where it says nothing."""
Changes = Mapping[str, Value]
"""New values by the names of fields."""

MAX_CHANGES = 256
"""Fields in one change at most."""
MAX_PIXEL = 2**24
"""Largest coordinate of a box, in source pixels."""


class Marks(TypedDict, total=False):
    """The marks of one source, as the page's scripts hold them.

    Crop boxes and boxes to keep are ``[x0, y0, x1, y1]`` in pixels of the source as shown; the
    focal point is ``[x, y]``, 0..1 of its sides.
    """

    good: bool
    rejected: list[str]
    """Names of the rejected variants."""
    focal: list[float]
    boxes: dict[str, list[float]]
    """Crop boxes by the names of the variants."""
    keep: list[list[float]]


def marks_of(statements: Sequence[Statement], aspects: Sequence[str]) -> Marks:
    """Return a source's statements as marks.

    Args:
        statements: the source's lines of the corrections file.
        aspects: names of the job's variants.
    """
    marks: Marks = {}
    for each in statements:
        aspect = each["aspect"]
        corners = [value for name in CORNERS if (value := each[name]) is not None]
        match each["kind"]:
            case "good":
                marks["good"] = True
            case "rejected":
                rejected = set(marks.get("rejected", ())) | ({aspect} if aspect else set(aspects))
                marks["rejected"] = [name for name in aspects if name in rejected]
            case "focal":
                marks["focal"] = corners[:2]
            case "box" if aspect:
                marks.setdefault("boxes", {})[aspect] = corners
            case "keep":
                marks.setdefault("keep", []).append(corners)
    return marks


def statements_of(marks: Marks) -> list[Statement]:
    """Return marks as statements of a corrections file; none where the marks say nothing."""
    statements = [_statement("good")] if marks.get("good") else []
    statements += [_statement("rejected", aspect) for aspect in marks.get("rejected", ())]
    if focal := marks.get("focal"):
        statements.append(_statement("focal", None, focal))
    statements += [
        _statement("box", aspect, corners) for aspect, corners in marks.get("boxes", {}).items()
    ]
    statements += [_statement("keep", None, corners) for corners in marks.get("keep", ())]
    return statements


def _statement(kind: str, aspect: str | None = None, values: Sequence[float] = ()) -> Statement:
    x0, y0, x1, y1 = [*values, None, None, None, None][:4]
    return {"kind": kind, "aspect": aspect, "x0": x0, "y0": y0, "x1": x1, "y1": y1}


def changed(marks: Marks, changes: Changes) -> Marks:
    """Return marks after a change; the marks themselves stay as they are.

    Args:
        marks: the marks.
        changes: checked changes; see :func:`check_changes`.
    """
    rejected = list(marks.get("rejected", ()))
    boxes, keep = dict(marks.get("boxes", {})), list(marks.get("keep", ()))
    good, focal = marks.get("good", False), marks.get("focal")
    for field, value in changes.items():
        kind, _, about = field.partition("/")
        match kind:
            case "good":
                good = bool(value)
            case "focal":
                focal = value if isinstance(value, list) else None
            case "rejected":
                rejected = [each for each in rejected if each != about]
                rejected += [about] if value else []
            case "box":
                boxes.pop(about, None)
                if isinstance(value, list):
                    boxes[about] = value
            case "keep":
                corners = _corners(about)
                keep = [each for each in keep if each != corners]
                keep += [corners] if value and corners else []
    result: Marks = {}
    if good:
        result["good"] = True
    if rejected:
        result["rejected"] = rejected
    if focal is not None:
        result["focal"] = focal
    if boxes:
        result["boxes"] = boxes
    if keep:
        result["keep"] = keep
    return result


def check_changes(changes: Changes, aspects: Collection[str], method_kind: str) -> None:
    """Make sure that changes make sense for a job.

    Args:
        changes: new values by field.
        aspects: names of the job's variants.
        method_kind: ``crop`` or ``retarget``, the kind of the job's method.

    Raises:
        RequestError: one doesn't; the message names it.
    """
    if len(changes) > MAX_CHANGES:
        raise RequestError(f"marks: {len(changes)} fields in one change; at most {MAX_CHANGES}")
    for field, value in changes.items():
        if problem := _problem(field, value, aspects, method_kind):
            raise RequestError(f"marks: {field!r}: {problem}")


def _problem(field: str, value: object, aspects: Collection[str], method_kind: str) -> str | None:
    """Return what is wrong with a change; None where nothing is."""
    kind, slash, about = field.partition("/")
    if kind in ("good", "focal") and slash:
        return f"expected {kind!r} without a name"
    if kind in ("rejected", "box") and about not in aspects:
        return f"expected one of {', '.join(sorted(aspects))} after the slash"
    if kind in ("focal", "box", "keep") and method_kind == "retarget" and value is not None:
        return "the job's method makes pixels; it takes good and rejected only"
    match kind:
        case "good" | "rejected" if value is True or value is None:
            return None
        case "keep" if _corners(about) is None:
            return "expected keep/x0,y0,x1,y1 with x0 < x1 and y0 < y1, in source pixels"
        case "keep" if value is True or value is None:
            return None
        case "focal" | "box" if value is None:
            return None
        case "focal" if _are_numbers(value, 2):
            assert isinstance(value, list)
            return focal_problem(*value)
        case "box" if _are_numbers(value, 4):
            assert isinstance(value, list)
            return None if _is_box(value) else "expected 0 <= x0 < x1 and 0 <= y0 < y1"
        case "good" | "rejected" | "keep":
            return "expected true or null"
        case "focal" | "box":
            return "expected a list of numbers, or null"
    return "unknown; expected good, focal, rejected/..., box/... or keep/..."


def _are_numbers(value: object, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
    )


def _is_box(corners: Sequence[float]) -> bool:
    x0, y0, x1, y1 = corners
    return 0 <= x0 < x1 <= MAX_PIXEL and 0 <= y0 < y1 <= MAX_PIXEL


def _corners(text: str) -> list[float] | None:
    """Return the corners in the name of a box to keep; None where it isn't one."""
    parts = text.split(",")
    if len(parts) != 4 or not all(each.isascii() and each.isdigit() for each in parts):
        return None
    corners = [float(each) for each in parts]
    return corners if _is_box(corners) else None

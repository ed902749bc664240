"""The validation of focal points in list files and corrections."""

from __future__ import annotations

PERCENT = 100
"""Values up to this are taken for percentages in hints of errors, larger ones for pixels."""


def focal_problem(x: float | None, y: float | None) -> str | None:
    """Return what is wrong with a focal point, as a clause of an error; None where nothing is.

    Args:
        x: share of the width, 0 (left) to 1 (right).
        y: share of the height, 0 (top) to 1 (bottom).
    """
    values = [value for value in (x, y) if value is not None]
    if len(values) == 2 and all(0 <= value <= 1 for value in values):
        return None
    given = ", ".join("empty" if value is None else f"{value:g}" for value in (x, y))
    problem = f"focal point {given}: expected x and y from 0 to 1, shares of the width and height"
    return problem + next((_hint(value) for value in values if value > 1), "")


def _hint(value: float) -> str:
    if value <= PERCENT:
        return f" ({value:g} looks like a percentage: write {value / PERCENT:g})"
    return f" ({value:g} looks like pixels: divide it by the width or height)"

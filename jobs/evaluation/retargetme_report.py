"""The tables of the evaluation on RetargetMe: means of all methods, and margins of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, fields
from math import isnan
from statistics import mean, stdev

from rich.table import Table

from .retargetme import Figures

HEADINGS = {
    "semantic": "semantic",
    "ars": "ARS",
    "frr": "FRR",
    "fd": "FD",
    "discarded": "discarded",
}


def means(figures: Sequence[Figures]) -> Figures:
    """Average each figure over cases."""
    columns = zip(*map(astuple, figures), strict=True)
    return Figures(*(sum(column) / len(figures) for column in columns))


def margin(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, int]:
    """Compare two methods case by case.

    Returns:
        The mean difference, its standard error, and the cases in which ours is above. Two cases at
        least.
    """
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    return (
        mean(differences),
        stdev(differences) / len(differences) ** 0.5,
        sum(difference > 0 for difference in differences),
    )


def tables(
    found: Mapping[str, Sequence[Figures]], ours: Sequence[str], measured: str
) -> Iterator[Table]:
    """Yield the means of all methods, and a table of margins for each of ours.

    Args:
        found: the figures of each case, in the same order for all methods.
        ours: the names of ours; the margins are to all others.
        measured: by which network, for the title.
    """
    average = {name: means(figures) for name, figures in found.items()}
    count = len(next(iter(found.values())))
    shown = [x.name for x in fields(Figures) if not isnan(getattr(average[ours[0]], x.name))]
    table = Table(title=f"RetargetMe, means of {count} cases, measured by {measured}")
    for heading in ("method", *(HEADINGS[name] for name in shown)):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    for name, figures in sorted(average.items(), key=lambda item: -item[1].semantic):
        table.add_row(name, *(f"{getattr(figures, column):.4f}" for column in shown))
    yield table
    if count < 2:
        return
    for our in ours:
        table = Table(title=f"{our} less others: mean, standard error, cases above")
        for heading in ("than", "semantic", "ARS"):
            table.add_column(heading, justify="left" if heading == "than" else "right")
        for name in (n for n in average if n not in ours):
            cells = []
            for column in ("semantic", "ars"):
                difference, error, above = margin(
                    *([getattr(f, column) for f in found[n]] for n in (our, name))
                )
                cells.append(f"{difference:+.4f} ± {error:.4f}  {above:2d}")
            table.add_row(name, *cells)
        yield table

"""The rates of blind judgements, read with the key.

The judgements are a CSV file with the header ``number,left,right`` and one of :data:`VERDICTS` for
each side.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from deepcrop.errors import RequestError

from .blind_items import Item

VERDICTS = ("fit", "usable", "bad")
"""Fit to publish as it is; usable; bad: a head or the subject cut, or nothing in it."""

Verdicts = tuple[str, str]
"""The verdicts on the first and on the second source's crop of an item."""


@dataclass(frozen=True)
class Rates:
    """The judgements of one source's crops.

    Attributes:
        verdicts: number of crops by verdict.
        everywhere: photos whose crops of all judged ratios are fit.
        photos: photos that were judged.
        worst: for each k, how many of the k crops with the lowest scores are bad.
    """

    verdicts: Counter[str]
    everywhere: int
    photos: int
    worst: Mapping[int, int]

    @property
    def judged(self) -> int:
        """The number of judged crops."""
        return self.verdicts.total()


def read_judgements(path: Path, items: Sequence[Item]) -> dict[int, Verdicts]:
    """Read judgements by number, in the order of the sources, not of the sides.

    Raises:
        RequestError: a line has an unknown number or verdict.
    """
    by_number = {item.number: item for item in items}
    found = {}
    with path.open(newline="") as file:
        for line, row in enumerate(csv.DictReader(file, skipinitialspace=True), 2):
            try:
                item = by_number[int(row["number"])]
                left, right = (VERDICTS[VERDICTS.index(row[side])] for side in ("left", "right"))
            except (KeyError, ValueError, TypeError) as error:
                raise RequestError(
                    f"{path}:{line}: expected a number of the sheets and for left and right one of "
                    f"{', '.join(VERDICTS)}"
                ) from error
            found[item.number] = (right, left) if item.swapped else (left, right)
    return found


def rates(
    items: Sequence[Item], judgements: Mapping[int, Verdicts], source: int, worst: Sequence[int]
) -> Rates:
    """Count the judgements of a source.

    Args:
        items: of the key.
        judgements: of :func:`read_judgements`; items without one don't count.
        source: 0 for the first, 1 for the second.
        worst: the numbers of crops with the lowest scores in which bad ones are counted.
    """
    judged = [item for item in items if item.number in judgements]
    verdicts = {item.number: judgements[item.number][source] for item in judged}
    by_photo: dict[str, list[str]] = {}
    for item in judged:
        by_photo.setdefault(item.photo, []).append(verdicts[item.number])
    ranked = sorted(judged, key=lambda item: (item.first, item.second)[source].score)
    return Rates(
        Counter(verdicts.values()),
        sum(set(each) == {"fit"} for each in by_photo.values()),
        len(by_photo),
        {k: sum(verdicts[item.number] == "bad" for item in ranked[:k]) for k in worst},
    )


def preferences(judgements: Mapping[int, Verdicts]) -> tuple[int, int, int]:
    """Count the pairs where the first is better, where both are judged alike, and the rest."""
    order = [
        VERDICTS.index(second) - VERDICTS.index(first) for first, second in judgements.values()
    ]
    return sum(each > 0 for each in order), order.count(0), sum(each < 0 for each in order)


def rates_table(names: Sequence[str], found: Sequence[Rates]) -> Table:
    """Tabulate the rates of both sources."""
    ks = list(found[0].worst)
    columns = (*VERDICTS, "photos fit in all ratios", *(f"bad among the {k} worst" for k in ks))
    table = Table("crops of", *columns, title=f"{found[0].judged} pairs, judged blind")
    for name, each in zip(names, found, strict=True):
        shares = (f"{each.verdicts[verdict] / max(each.judged, 1):.1%}" for verdict in VERDICTS)
        bad = each.verdicts["bad"]
        among = (f"{count} of {bad}" for count in each.worst.values())
        table.add_row(name, *shares, f"{each.everywhere} of {each.photos}", *among)
    return table

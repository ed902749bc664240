"""The judgements of a blind comparison: a log that several people may add to, and win rates."""

from __future__ import annotations

import csv
import io
import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import RequestError
from ..manifest.mark_log import Entry, MarkLog
from .pairs import Comparison, Pair

SIDES = ("left", "right", "alike")
"""What a person may say of a pair: which crop is better, or that neither is."""
NORMAL = 1.959964
"""Quantile of the standard normal distribution for an interval of 95%."""


def better_of(pair: Pair, side: str) -> str:
    """Return which output's crop is better: first, second or alike."""
    if side == "alike":
        return side
    return "second" if (side == "left") == pair.swapped else "first"


def side_of(pair: Pair, better: str) -> str:
    """Return the side on which the better crop was shown: left, right or alike."""
    if better == "alike":
        return better
    return "left" if (better == "second") == pair.swapped else "right"


def entry_of(pair: Pair, side: str, by: str, identity: str | None = None) -> Entry:
    """Return a judgement as an entry of the log."""
    return {
        "id": identity or secrets.token_hex(12),
        "at": 0.0,
        "by": by,
        "source": pair.key,
        "set": {"better": better_of(pair, side)},
        "was": {},
    }


def latest(log: MarkLog) -> dict[tuple[str, str], str]:
    """Return the last judgement of each person on each pair, by person and the pair's key."""
    found: dict[tuple[str, str], str] = {}
    for each in log.ordered():
        better = each["set"].get("better")
        if isinstance(better, str):
            found[each["by"], each["source"]] = better
        else:
            found.pop((each["by"], each["source"]), None)  # taken back
    return found


@dataclass(frozen=True)
class WinRate:
    """How often the first output's crop was better than the second's."""

    first: int
    alike: int
    second: int

    @property
    def judged(self) -> int:
        """Judgements."""
        return self.first + self.alike + self.second

    @property
    def rate(self) -> float:
        """Share of the judgements that the first output won, 0..1; alike counts half."""
        return (self.first + self.alike / 2) / self.judged

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson score interval of the rate, 95%.

        E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
        """
        n, rate, z = self.judged, self.rate, NORMAL
        middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    @classmethod
    def of(cls, verdicts: Iterable[str]) -> WinRate:
        """Count verdicts."""
        told = list(verdicts)
        return cls(*(told.count(name) for name in ("first", "alike", "second")))

    def record(self) -> dict[str, object]:
        """Return plain values, for JSON."""
        return {
            "first": self.first,
            "alike": self.alike,
            "second": self.second,
            "rate": self.rate,
            "interval": list(self.interval),
        }


def win_rates(comparison: Comparison, log: MarkLog) -> dict[str, WinRate]:
    """Return the win rates of the first output: over all, by ratio and by kind.

    Where nothing was judged there is none.
    """
    pairs = {pair.key: pair for pair in comparison.pairs}
    verdicts = [(pairs[key], better) for (_, key), better in latest(log).items() if key in pairs]
    groups: dict[str, list[str]] = {"all": [better for _, better in verdicts]}
    for ratio in sorted({pair.ratio for pair in comparison.pairs}):
        groups[f"ratio {ratio}"] = [each for pair, each in verdicts if pair.ratio == ratio]
    for kind in sorted({pair.kind for pair in comparison.pairs} - {""}):
        groups[f"kind {kind}"] = [each for pair, each in verdicts if pair.kind == kind]
    return {name: WinRate.of(told) for name, told in groups.items() if told}


def read_sheet(text: str, comparison: Comparison, by: str) -> list[Entry]:
    """Read what a person wrote beside the sheets: the columns ``number`` and ``better``.

    Args:
        text: CSV; ``better`` is left, right or alike, or empty where the pair was left out.
        comparison: the pairs of the sheets.
        by: name of the person.

    Raises:
        RequestError: a line makes no sense.
    """
    rows: Sequence[Mapping[str, str | None]] = list(csv.DictReader(io.StringIO(text)))
    entries = []
    for line, row in enumerate(rows, 2):
        number, side = (row.get("number") or "").strip(), (row.get("better") or "").strip()
        if not side:
            continue
        if not number.isdigit() or not 1 <= int(number) <= len(comparison.pairs):
            raise RequestError(
                f"judgements: line {line}: number {number!r}: expected 1 to {len(comparison.pairs)}"
            )
        if side not in SIDES:
            raise RequestError(
                f"judgements: line {line}: better {side!r}: expected {', '.join(SIDES)}"
            )
        entries.append(entry_of(comparison.pairs[int(number) - 1], side, by))
    return entries

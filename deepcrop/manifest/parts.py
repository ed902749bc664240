"""The names of a manifest's parts.

A part is ``part-000007.parquet``. One that compaction made of several is named after the first and
the last of them, ``part-000003-000007.parquet``, and takes the place of all parts in between: where
a killed driver left some of them behind, a listing of the names tells what counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = re.compile(r"(?:^|/)part-(\d+)(?:-(\d+))?\.parquet$")


@dataclass(frozen=True, order=True)
class Part:
    """A part of the manifest, or of a table that is derived from it."""

    first: int
    last: int

    @classmethod
    def parse(cls, uri: str) -> Part | None:
        """Read the name of a file; None where it is no part."""
        match = _NAME.search(uri)
        if match is None:
            return None
        first = int(match[1])
        return cls(first, int(match[2]) if match[2] else first)

    @classmethod
    def single(cls, number: int) -> Part:
        """Return the part that is written as the next one."""
        return cls(number, number)

    @property
    def name(self) -> str:
        """The name of its file."""
        last = "" if self.first == self.last else f"-{self.last:06d}"
        return f"part-{self.first:06d}{last}.parquet"

    def replaces(self, other: Part) -> bool:
        """Return whether this part was made of another one, among others."""
        return self != other and self.first <= other.first and other.last <= self.last


def current(found: Iterable[Part]) -> list[Part]:
    """Return the parts that count, ascending: those that no other one replaces."""
    kept: list[Part] = []
    for part in sorted(found, key=lambda each: (each.first, -each.last)):
        if not (kept and kept[-1].replaces(part)):
            kept.append(part)
    return kept

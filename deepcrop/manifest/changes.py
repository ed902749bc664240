"""What a run has to do, and why: the difference between an input and an output, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

NEW = "new"
CHANGED = "changed"
AGAIN = "again"
ADDED = "added"
UPDATED = "updated"
RETRIED = "retried"
REPAIRED = "repaired"

REASONS = {
    NEW: "in the input, and not in the output",
    CHANGED: "size, ETag or time differ: the bytes decide",
    AGAIN: "other weights, options, hints or corrections",
    ADDED: "variants that were not asked for, or otherwise",
    UPDATED: "columns of the list, what a duplicate refers to, or notes on corrections",
    RETRIED: "they failed",
    REPAIRED: "variants of theirs were lost or changed",
}
"""Why sources are worked on, by what is done."""
_IN_WORDS = {AGAIN: "to do again (marks, corrections, hints, weights or options)"}


@dataclass
class Work:
    """The sources that are worked on for one reason."""

    sources: int = 0
    variants: int = 0
    """Variants to make, at most."""
    passes: int = 0
    """Sources that the method sees, at most."""
    bytes: int = 0
    """Bytes of the sources to read, at most, as far as they are known."""

    def add(self, other: Work) -> None:
        """Add further sources."""
        self.sources += other.sources
        self.variants += other.variants
        self.passes += other.passes
        self.bytes += other.bytes


@dataclass
class Removed:
    """What was removed from an output."""

    sources: int = 0
    variants: int = 0


@dataclass
class Changes:
    """The difference between what is there and what is wanted."""

    work: dict[str, Work] = field(default_factory=lambda: {reason: Work() for reason in REASONS})
    """What is to be worked on, by reason."""
    aspects: Counter[str] = field(default_factory=Counter)
    """Variants to make, at most, by their names."""
    unchanged: int = 0
    """Sources of which nothing has to be done."""
    gone: int = 0
    """Sources with a row that the input doesn't have any more."""
    gone_variants: int = 0
    left_out: int = 0
    """Sources with a row that ``limit`` or ``sample`` leave out."""
    unrequested: int = 0
    """Variants of the other sources that the job doesn't ask for."""
    removed_bytes: int = 0
    """Bytes of the variants of gone sources, and of those that the job doesn't ask for."""

    def total(self) -> Work:
        """Return all that is to be worked on."""
        total = Work()
        for work in self.work.values():
            total.add(work)
        return total

    @property
    def behind(self) -> int:
        """Sources that have to be worked on, and rows of sources that are gone."""
        return self.total().sources + self.gone

    def record(self) -> dict[str, object]:
        """Return plain values, for JSON."""
        return {
            **{reason: dict(vars(work)) for reason, work in self.work.items()},
            "variants_by_aspect": dict(self.aspects),
            "unchanged": self.unchanged,
            "gone": {"sources": self.gone, "variants": self.gone_variants},
            "left_out": self.left_out,
            "unrequested_variants": self.unrequested,
            "removable_bytes": self.removed_bytes,
        }

    def in_words(self) -> str:
        """Return the numbers that aren't zero as one line, such as ``3 new, 1 changed``."""
        told = [
            f"{work.sources:,} {_IN_WORDS.get(reason, reason)}"
            for reason, work in self.work.items()
            if work.sources
        ]
        told += [f"{self.gone:,} gone"] if self.gone else []
        return ", ".join(told) or "nothing to do"

"""What the verification of an output can find, with an explanation and a remedy of each problem."""

from __future__ import annotations

from dataclasses import dataclass, field

WORDS = {
    "lost": (
        "a listed source has no row",
        "run the same command again: it resumes",
    ),
    "duplicated": (
        "a source has two rows, or two rows claim one variant",
        "two runs wrote at once; make the output anew with --overwrite",
    ),
    "stale": (
        "a row was made of other bytes than the listing has: another size or ETag",
        "run the same command again: it works on what has changed",
    ),
    "orphaned": (
        "a file below variants/ that no row names",
        "a killed run left it; delete it, no reader of the manifest sees it",
    ),
    "absent": (
        "a row names a variant that is not there",
        "deepcrop verify OUTPUT --repair makes it again",
    ),
    "wrong": (
        "a variant's bytes, hash, format or pixel size are not what its row says",
        "somebody changed it; deepcrop verify OUTPUT --repair makes it again",
    ),
    "inconsistent": (
        "manifest/variants says other than manifest/images, or a duplicate is no such",
        "somebody changed a part; put it back, or make the output anew with --overwrite",
    ),
    "unreadable": (
        "a part of the manifest can't be read, or its columns aren't those of the other parts: "
        "DuckDB, Polars, pandas and datasets refuse the folder",
        "put it back; or rewrite it with the columns and types of the others",
    ),
}
"""By the name of each problem: what it is, and what to do."""


@dataclass
class Audit:
    """The problems of an output; all lists are empty where there are none."""

    sources: int = 0
    """Sources in the listing."""
    rows: int = 0
    """Rows of the images manifest."""
    variants: int = 0
    """Variants that the rows name."""
    missing_rows: list[str] = field(default_factory=list)
    """URIs of listed sources without a row."""
    duplicated: list[str] = field(default_factory=list)
    """URIs of sources with more than one row, and of variants that two rows claim."""
    stale: list[str] = field(default_factory=list)
    """URIs of sources of which the listing says another size or ETag than their row."""
    orphaned: list[str] = field(default_factory=list)
    """URIs of objects under ``variants/`` that no row names."""
    missing_variants: list[str] = field(default_factory=list)
    """URIs of variants that a row names and that don't exist."""
    mismatched: list[str] = field(default_factory=list)
    """Variants whose bytes, hash, format or pixel size differ from their row: URI and reason."""
    damaged: list[str] = field(default_factory=list)
    """URIs of the variants that don't exist or differ from their row."""
    inconsistent: list[str] = field(default_factory=list)
    """URIs of variants on which the two manifests disagree, and of duplicates whose original is not
    there or has other bytes."""
    unreadable: list[str] = field(default_factory=list)
    """Files of the manifest that can't be read, alone or together with the others: URI and reason.
    """

    @property
    def clean(self) -> bool:
        """Whether no problem was found."""
        return not any(self.problems().values())

    def problems(self) -> dict[str, list[str]]:
        """Return what was found by the name of the problem, with the keys of :data:`WORDS`."""
        return {
            "lost": self.missing_rows,
            "duplicated": self.duplicated,
            "stale": self.stale,
            "orphaned": self.orphaned,
            "absent": self.missing_variants,
            "wrong": self.mismatched,
            "inconsistent": self.inconsistent,
            "unreadable": self.unreadable,
        }

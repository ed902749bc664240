"""What an audit of an output can find, in words."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

WORDS = {
    "lost": (
        "a listed source has no row",
        "run the same command again: it resumes",
    ),
    "duplicated": (
        "a source has two rows, or two rows claim one variant",
        "two runs wrote at once; make the output anew with --overwrite",
    ),
    "orphaned": (
        "a file below variants/ that no row names",
        "a killed run left it; delete it, no reader of the manifest sees it",
    ),
    "absent": (
        "a row names a variant that is not there",
        "put it back, or make the output anew with --overwrite",
    ),
    "wrong": (
        "a variant's bytes, hash, format or pixel size are not what its row says",
        "somebody changed it; put it back, or make the output anew with --overwrite",
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
"""What each problem is, and what to do."""


@dataclass
class Audit:
    """What is wrong with an output; all lists are empty where nothing is. See :data:`WORDS`."""

    sources: int = 0
    rows: int = 0
    variants: int = 0
    lost: list[str] = field(default_factory=list)
    """Listed sources without a row."""
    duplicated: list[str] = field(default_factory=list)
    """Sources with more than one row, and variants that two rows claim."""
    orphaned: list[str] = field(default_factory=list)
    """Objects under ``variants/`` that no row names."""
    absent: list[str] = field(default_factory=list)
    """Variants that a row names and that are not there."""
    wrong: list[str] = field(default_factory=list)
    """Variants whose bytes, hash, format or pixel size are not what their row says."""
    inconsistent: list[str] = field(default_factory=list)
    """Variants on which the two manifests disagree, and duplicates of what is not the same."""
    unreadable: list[str] = field(default_factory=list)
    """Files of the manifest that can't be read, or not together with the others; and why."""

    @property
    def clean(self) -> bool:
        """Whether every promise holds."""
        return not any(self.problems().values())

    def problems(self) -> dict[str, list[str]]:
        """Return the lists of what is wrong, by name."""
        return {
            each.name: value
            for each in fields(self)
            if isinstance(value := getattr(self, each.name), list)
        }

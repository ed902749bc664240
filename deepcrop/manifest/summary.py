"""How a run gets on, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ..schema import STAGES

STAGE_COLUMNS = [f"{stage}_ms" for stage in STAGES]
"""Columns of the images manifest with the time that each stage took."""


@dataclass
class RunSummary:
    """How a job ended."""

    output: str
    sources: int
    ok: int = 0
    failed: int = 0
    skipped: int = 0
    variants: int = 0
    ignored: int = 0
    """Files of the input that are no photos by their name, and repeated lines of a list."""
    ignored_kinds: dict[str, int] = field(default_factory=dict)
    """The same by kind, as :mod:`.ignored` calls them."""
    resumed: int = 0
    """Rows that earlier runs had committed."""
    passes: int = 0
    seconds: float = 0.0
    listing_seconds: float = 0.0
    """Of them, until all sources were known: none is worked on before."""
    stopped: bool = False
    """Whether ``max_failed`` stopped the job before its end."""
    errors: dict[str, int] = field(default_factory=dict)
    """Failed sources by class."""
    milliseconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    """Time of each stage over all sources; fetches and writes wait side by side."""

    @property
    def done(self) -> int:
        """Sources that have a row."""
        return self.ok + self.failed + self.skipped

    @property
    def waiting(self) -> int:
        """Sources that have no row yet."""
        return self.sources - self.done

    @property
    def images(self) -> str:
        """The folder of the images manifest."""
        return f"{self.output}/manifest/images"

    def exceeds(self, share: float | None) -> bool:
        """Tell whether more than this share of the sources failed; any at all where it is None."""
        return self.failed > (share or 0.0) * self.sources

    def count(self, rows: pa.Table) -> int:
        """Add the rows of a manifest; return how many of them failed."""
        counts = {
            each["values"]: each["counts"] for each in pc.value_counts(rows["status"]).to_pylist()
        }
        self.ok += counts.get("ok", 0)
        self.failed += counts.get("failed", 0)
        self.skipped += counts.get("skipped", 0)
        self.variants += pc.sum(pc.list_value_length(rows["variants"])).as_py() or 0
        for each in pc.value_counts(rows["error_class"]).to_pylist():
            if each["values"] is not None:
                name = each["values"]
                self.errors[name] = self.errors.get(name, 0) + each["counts"]
        for stage, column in zip(STAGES, STAGE_COLUMNS, strict=True):
            self.milliseconds[stage] += pc.sum(rows[column]).as_py() or 0.0
        return int(counts.get("failed", 0))

    def stages(self) -> dict[str, dict[str, float]]:
        """Return where the time went: seconds in all, milliseconds a source, share of all stages.

        Where a job was resumed, the rows of its earlier runs count too.
        """
        rows = self.ok + self.failed + self.skipped
        whole = sum(self.milliseconds.values())
        return {
            stage: {
                "seconds": round(spent / 1000, 3),
                "mean_ms": round(spent / rows, 3) if rows else 0.0,
                "share": round(spent / whole, 4) if whole else 0.0,
            }
            for stage, spent in self.milliseconds.items()
        }

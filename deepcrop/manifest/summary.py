"""The counts of a job's manifest rows, for everything that shows them, and the summary of a run.

:class:`RowCounts` is the only code that counts rows: the status, the page, the metrics and the
answer of :func:`deepcrop.run` all read it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ..schema import STAGES
from .changes import Changes, Removed

EXAMPLES = 5
"""Failed sources that are named for each stage and class of error."""
COUNTED_COLUMNS = (
    "source_uri",
    "source_bytes",
    "status",
    "error_stage",
    "error_class",
    "error_message",
    "retryable",
    "attempts",
    "duplicate_of",
    "flags",
    "variants",
    *(f"{stage}_ms" for stage in STAGES),
)
"""Columns of the images manifest that :class:`RowCounts` reads."""

FailureKey = tuple[str, str]
"""The stage and the class of an error."""


@dataclass
class Failures:
    """Failed sources with one stage and class of error."""

    retryable: bool
    """Whether the first of them may succeed when it is tried again."""
    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)
    """URIs and error messages of the first :data:`EXAMPLES` of them."""


@dataclass
class RowCounts:
    """Counts over rows of the images manifest."""

    statuses: Counter[str] = field(default_factory=Counter)
    """Rows by status: ok, failed, skipped."""
    failures: dict[FailureKey, Failures] = field(default_factory=dict)
    """Failed rows by stage and class of error, in the order in which they appear."""
    flags: Counter[str] = field(default_factory=Counter)
    """Rows by flag (see :mod:`deepcrop.flags`)."""
    variants: int = 0
    variant_bytes: int = 0
    source_bytes: int = 0
    """Bytes of all sources, duplicates included."""
    fetched_bytes: int = 0
    """Bytes of the sources that were read: the duplicates' are left out."""
    retries: int = 0
    """Attempts beyond the first of each source."""
    milliseconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    """Time of each stage over all sources; fetches and writes overlap."""

    @classmethod
    def of(cls, rows: pa.Table) -> RowCounts:
        """Count rows.

        Args:
            rows: a table with :data:`COUNTED_COLUMNS`.
        """
        processed = rows.filter(pc.is_null(rows["duplicate_of"]))
        variants = pc.list_flatten(rows["variants"])
        statuses = pc.value_counts(rows["status"]).to_pylist()
        return cls(
            statuses=Counter({each["values"]: each["counts"] for each in statuses}),
            failures=_failures(rows),
            flags=Counter(pc.list_flatten(rows["flags"]).to_pylist()),
            variants=len(variants),
            variant_bytes=_sum(pc.struct_field(variants, "bytes")),
            source_bytes=_sum(rows["source_bytes"]),
            fetched_bytes=_sum(processed["source_bytes"]),
            retries=_sum(processed["attempts"]) - pc.count(processed["attempts"]).as_py(),
            milliseconds={stage: pc.sum(rows[f"{stage}_ms"]).as_py() or 0.0 for stage in STAGES},
        )

    @classmethod
    def total(cls, tables: Iterable[pa.Table]) -> RowCounts:
        """Count the rows of several tables."""
        counts = cls()
        for table in tables:
            counts.add(cls.of(table))
        return counts

    def replace(self, before: RowCounts, after: RowCounts) -> None:
        """Count what pruning made of rows: it removes variants, and flags with them."""
        self.variants += after.variants - before.variants
        self.variant_bytes += after.variant_bytes - before.variant_bytes
        self.flags.update(after.flags)
        self.flags.subtract(before.flags)
        self.flags = +self.flags  # without those that are left nowhere

    def add(self, other: RowCounts) -> None:
        """Add the counts of further rows."""
        self.statuses += other.statuses
        self.flags += other.flags
        for key, group in other.failures.items():
            own = self.failures.setdefault(key, Failures(group.retryable))
            own.count += group.count
            own.examples += group.examples[: EXAMPLES - len(own.examples)]
        self.variants += other.variants
        self.variant_bytes += other.variant_bytes
        self.source_bytes += other.source_bytes
        self.fetched_bytes += other.fetched_bytes
        self.retries += other.retries
        for stage, spent in other.milliseconds.items():
            self.milliseconds[stage] += spent

    @property
    def ok(self) -> int:
        """Sources with all their variants."""
        return self.statuses["ok"]

    @property
    def failed(self) -> int:
        """Sources that failed."""
        return self.statuses["failed"]

    @property
    def skipped(self) -> int:
        """Sources that are duplicates of another."""
        return self.statuses["skipped"]

    @property
    def done(self) -> int:
        """Sources that have a row."""
        return self.statuses.total()

    def frequent_failures(self) -> list[tuple[FailureKey, Failures]]:
        """Return the failures by stage and class of error: most frequent first, then by name."""
        return sorted(self.failures.items(), key=lambda item: (-item[1].count, item[0]))

    def errors(self) -> dict[str, int]:
        """Return the failed sources by class of error."""
        errors: Counter[str] = Counter()
        for (_, name), group in self.failures.items():
            errors[name] += group.count
        return dict(errors)

    def stages(self) -> dict[str, dict[str, float]]:
        """Return where the time went: seconds in all, milliseconds a source, share of all stages.

        Where a job was resumed, the rows of its earlier runs count too.
        """
        total = sum(self.milliseconds.values())
        return {
            stage: {
                "seconds": round(spent / 1000, 3),
                "mean_ms": round(spent / self.done, 3) if self.done else 0.0,
                "share": round(spent / total, 4) if total else 0.0,
            }
            for stage, spent in self.milliseconds.items()
        }


@dataclass
class RunSummary:
    """How a run of a job ended; while it runs, how far it is."""

    output: str
    sources: int
    counts: RowCounts = field(default_factory=RowCounts)
    """Counts of the job's rows, those of earlier runs included."""
    ignored_kinds: dict[str, int] = field(default_factory=dict)
    """Files of the input that were ignored, and repeated lines of a list, by kind; see
    :mod:`deepcrop.sources.selection`."""
    resumed: int = 0
    """Rows that earlier runs had committed."""
    passes: int = 0
    """Times that sources without a row were given to the actors."""
    seconds: float = 0.0
    listing_seconds: float = 0.0
    """Seconds until all sources were known; none is worked on before."""
    stopped: bool = False
    """Whether ``max_failed`` stopped the job before its end."""
    changes: Changes = field(default_factory=Changes)
    """What the run found to do."""
    pruned: Removed = field(default_factory=Removed)
    """What ``--prune`` removed."""
    taken_over: int = 0
    """Rows of an earlier release that were filled in."""
    compacted: int = 0
    """Parts of the manifest that were merged away."""
    snapshot: int | None = None
    """Number of the snapshot that the manifest is at."""

    @property
    def ok(self) -> int:
        """Sources with all their variants."""
        return self.counts.ok

    @property
    def failed(self) -> int:
        """Sources that failed."""
        return self.counts.failed

    @property
    def skipped(self) -> int:
        """Sources that are duplicates of another."""
        return self.counts.skipped

    @property
    def variants(self) -> int:
        """Variants of all sources."""
        return self.counts.variants

    @property
    def errors(self) -> dict[str, int]:
        """Failed sources by class of error."""
        return self.counts.errors()

    @property
    def ignored(self) -> int:
        """Files of the input that were ignored, and repeated lines of a list."""
        return sum(self.ignored_kinds.values())

    @property
    def done(self) -> int:
        """Sources that have a row."""
        return self.counts.done

    @property
    def pending(self) -> int:
        """Sources that have no row yet."""
        return self.sources - self.done

    @property
    def images(self) -> str:
        """The folder of the images manifest."""
        return f"{self.output}/manifest/images"

    def _repr_html_(self) -> str:
        """Return the counts and the first rows with thumbnails, for a notebook."""
        from .results import Results

        counts = (
            f"<p>{self.sources:,} images: {self.ok:,} ok, {self.failed:,} failed, "
            f"{self.skipped:,} skipped; {self.variants:,} variants in {self.seconds:.0f} s</p>"
        )
        return counts + Results(self.output)._repr_html_()

    def exceeds(self, share: float | None) -> bool:
        """Return whether more than this share of the sources failed; any at all where it is None.

        Args:
            share: 0..1.
        """
        return self.failed > (share or 0.0) * self.sources

    def record(self) -> dict[str, object]:
        """Return the counts as ``job.json`` has them."""
        return {
            "sources": self.sources,
            "ok": self.ok,
            "failed": self.failed,
            "skipped": self.skipped,
            "variants": self.variants,
            "ignored": self.ignored,
            "resumed": self.resumed,
            "passes": self.passes,
            "seconds": self.seconds,
            "listing_seconds": self.listing_seconds,
            "stopped": self.stopped,
            "errors": self.errors,
            "changes": self.changes.record(),
            "absent": self.changes.gone + self.changes.left_out - self.pruned.sources,
            "pruned": dict(vars(self.pruned)),
            "taken_over": self.taken_over,
            "compacted": self.compacted,
            "variant_bytes": self.counts.variant_bytes,
        }


def _failures(rows: pa.Table) -> dict[FailureKey, Failures]:
    columns = ["source_uri", "error_stage", "error_class", "error_message", "retryable"]
    failed = rows.select(columns).filter(pc.equal(rows["status"], "failed"))
    failures: dict[FailureKey, Failures] = {}
    for row in failed.to_pylist():
        key = row["error_stage"] or "", row["error_class"] or ""
        group = failures.setdefault(key, Failures(bool(row["retryable"])))
        group.count += 1
        if len(group.examples) < EXAMPLES:
            group.examples.append((row["source_uri"], row["error_message"] or ""))
    return failures


def _sum(numbers: pa.ChunkedArray) -> int:
    return pc.sum(numbers).as_py() or 0

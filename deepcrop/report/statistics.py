"""Statistics of a job as a whole: counts, throughput, time per stage, scores and failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from ..manifest.rows import ImageRow
from ..manifest.store import committed
from ..planning.prices import Prices
from ..schema import IMAGES, STAGES

MAX_EXAMPLES = 5
"""Sources that are named for each class of errors."""
SCORE_BINS = 20
"""Bins of a histogram of scores, over 0..1."""
MAX_POINTS = 120
"""Points of the plot of throughput."""


@dataclass(frozen=True)
class RowCounts:
    """How many sources and variants the rows of a manifest hold."""

    by_status: dict[str, int]
    """Sources by status: ok, failed, skipped."""
    variants: int
    stage_seconds: dict[str, float]
    """Seconds that all sources together spent in each stage."""


@dataclass(frozen=True)
class FailureGroup:
    """The failed sources that have the same stage and class of error."""

    stage: str
    name: str
    """Class of the error."""
    count: int
    retryable: bool
    examples: list[tuple[str, str]]
    """URIs and messages of some of the sources."""


@dataclass(frozen=True)
class JobStatistics:
    """The statistics of a job."""

    counts: dict[str, int]
    """Sources by status: ok, failed, skipped."""
    variants: int
    source_bytes: int
    variant_bytes: int
    throughput: list[tuple[float, float]]
    """Seconds of work since the start, and images per second since the point before."""
    stages: dict[str, float]
    """Seconds that all sources together spent in each stage."""
    scores: dict[str, list[int]]
    """By ratio, how many variants have a score in each of ``SCORE_BINS`` equal bins of 0..1."""
    failures: list[FailureGroup]
    """The largest group first."""

    @property
    def done(self) -> int:
        """Sources that have a row."""
        return sum(self.counts.values())

    @property
    def rate(self) -> float | None:
        """Mean images per second of work; None where the manifest has no times of commits."""
        if not self.throughput:
            return None
        starts = [0.0, *(end for end, _ in self.throughput)]
        images = sum(
            rate * (end - start)
            for start, (end, rate) in zip(starts, self.throughput, strict=False)
        )
        return images / self.seconds

    @property
    def seconds(self) -> float:
        """Seconds that the work took; 0 where the manifest has no times of commits."""
        return self.throughput[-1][0] if self.throughput else 0.0

    @classmethod
    def of(cls, parts: Sequence[pa.Table], started: float) -> JobStatistics:
        """Compute the statistics of a job.

        Args:
            parts: the parts of its images manifest.
            started: when its last run started, in seconds since 1970.
        """
        rows = concatenated(parts)
        counts = count_rows(rows)
        nested = pc.list_flatten(rows["variants"].combine_chunks())
        return cls(
            counts=counts.by_status,
            variants=counts.variants,
            source_bytes=pc.sum(rows["source_bytes"]).as_py() or 0,
            variant_bytes=pc.sum(pc.struct_field(nested, "bytes")).as_py() or 0,
            throughput=_throughput(parts, started),
            stages=counts.stage_seconds,
            scores=_scores(nested),
            failures=_failures(rows),
        )


@dataclass(frozen=True)
class Cost:
    """What a job cost at list prices: its machines for as long as it ran, and its requests."""

    machines: str
    """Number and name of the machines, such as ``2 x g5.xlarge``."""
    dollars: float

    @classmethod
    def of(cls, statistics: JobStatistics, prices: Prices, machine: str, nodes: int) -> Cost:
        """Compute the cost of a job that ran on ``nodes`` machines of the kind ``machine``.

        Raises:
            RequestError: the prices have no such machine.
        """
        hours = statistics.seconds / 3600
        read, written = statistics.done, statistics.variants
        requests = read * prices.requests.read + written * prices.requests.write
        dollars = hours * nodes * prices.machine(machine).hour + requests / 1000
        return cls(f"{nodes} x {machine}", dollars)


def concatenated(parts: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of all parts as one table."""
    if not parts:
        return IMAGES.empty_table()
    return pa.concat_tables(parts, promote_options="permissive")


def count_rows(rows: pa.Table) -> RowCounts:
    """Count the rows of an images manifest."""
    statuses = pc.value_counts(rows["status"]).to_pylist()
    return RowCounts(
        by_status={each["values"]: each["counts"] for each in statuses},
        variants=pc.sum(pc.list_value_length(rows["variants"])).as_py() or 0,
        stage_seconds={
            stage: (pc.sum(rows[f"{stage}_ms"]).as_py() or 0) / 1000 for stage in STAGES
        },
    )


def _throughput(parts: Sequence[pa.Table], started: float) -> list[tuple[float, float]]:
    """Return the throughput between commits, without the pause before the last run."""
    commits = sorted((time, part.num_rows) for part in parts if (time := committed(part)))
    before = min(started, commits[0][0]) if commits else started
    steps = []
    for time, rows in commits:
        start = started if before < started < time else before
        if time > start:
            steps.append((time - start, rows))
        before = time
    per_point = -(-len(steps) // MAX_POINTS) or 1
    merged = [steps[at : at + per_point] for at in range(0, len(steps), per_point)]
    elapsed, points = 0.0, []
    for group in merged:
        seconds = sum(step[0] for step in group)
        elapsed += seconds
        points.append((elapsed, sum(step[1] for step in group) / seconds))
    return points


def _scores(variants: pa.StructArray) -> dict[str, list[int]]:
    aspects = pc.struct_field(variants, "aspect")
    scores = pc.struct_field(variants, "score")
    histograms = {}
    for aspect in sorted(pc.unique(aspects).to_pylist()):
        values = scores.filter(pc.equal(aspects, aspect)).drop_null().to_numpy(zero_copy_only=False)
        if len(values):
            histograms[aspect] = numpy.histogram(values, SCORE_BINS, (0, 1))[0].tolist()
    return histograms


def _failures(rows: pa.Table) -> list[FailureGroup]:
    columns = ["source_uri", "error_stage", "error_class", "error_message", "retryable"]
    failed = rows.select(columns).filter(pc.equal(rows["status"], "failed"))
    groups: dict[tuple[str, str], list[ImageRow]] = {}
    for row in failed.to_pylist():
        groups.setdefault((row["error_stage"], row["error_class"]), []).append(row)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return [
        FailureGroup(
            stage,
            name,
            len(group),
            bool(group[0]["retryable"]),
            [(row["source_uri"], row["error_message"] or "") for row in group[:MAX_EXAMPLES]],
        )
        for (stage, name), group in ordered
    ]

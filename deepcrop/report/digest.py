"""What the page says of a job as a whole: counts, pace, time per stage, scores, failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from ..manifest.store import committed
from ..planning.prices import Prices
from ..schema import IMAGES, STAGES

EXAMPLES = 5
"""Sources that are named for each class of error."""
BINS = 20
"""Bins of a histogram of scores."""
POINTS = 120
"""Points of the throughput at most."""


@dataclass(frozen=True)
class Failures:
    """The failed sources of one class."""

    stage: str
    name: str
    count: int
    retryable: bool
    examples: list[tuple[str, str]]
    """URIs and messages."""


@dataclass(frozen=True)
class Digest:
    """A job in numbers."""

    counts: dict[str, int]
    """Sources by status: ok, failed, skipped."""
    variants: int
    source_bytes: int
    variant_bytes: int
    pace: list[tuple[float, float]]
    """Seconds of work since the job began, and images per second up to then."""
    stages: dict[str, float]
    """Seconds that all sources together spent in each stage."""
    scores: dict[str, list[int]]
    """By ratio: how many variants have a score in each twentieth of 0..1."""
    failures: list[Failures]

    @property
    def done(self) -> int:
        """Sources that have a row."""
        return sum(self.counts.values())

    @property
    def rate(self) -> float | None:
        """Images per second, over all the work; None where the manifest doesn't know its times."""
        if not self.pace:
            return None
        starts = [0.0, *(end for end, _ in self.pace)]
        images = sum(
            rate * (end - start) for start, (end, rate) in zip(starts, self.pace, strict=False)
        )
        return images / self.seconds

    @property
    def seconds(self) -> float:
        """How long the work took, as far as the manifest knows."""
        return self.pace[-1][0] if self.pace else 0.0

    @classmethod
    def of(cls, parts: Sequence[pa.Table], began: float) -> Digest:
        """Sum up the parts of an images manifest; the last run began at ``began``."""
        rows = concatenated(parts)
        nested = pc.list_flatten(rows["variants"].combine_chunks())
        return cls(
            counts=_counts(rows["status"]),
            variants=len(nested),
            source_bytes=pc.sum(rows["source_bytes"]).as_py() or 0,
            variant_bytes=pc.sum(pc.struct_field(nested, "bytes")).as_py() or 0,
            pace=_pace(parts, began),
            stages={stage: (pc.sum(rows[f"{stage}_ms"]).as_py() or 0) / 1000 for stage in STAGES},
            scores=_scores(nested),
            failures=_failures(rows),
        )


@dataclass(frozen=True)
class Cost:
    """What a job cost in dollars, at list prices: the machines for as long as it ran, requests."""

    machines: str
    dollars: float

    @classmethod
    def of(cls, digest: Digest, prices: Prices, machine: str, nodes: int) -> Cost:
        """Reckon the cost on ``nodes`` machines of a name in ``prices``.

        Raises:
            RequestError: the prices have no such machine.
        """
        hours = digest.seconds / 3600
        requests = digest.done * prices.requests.read + digest.variants * prices.requests.write
        dollars = hours * nodes * prices.machine(machine).hour + requests / 1000
        return cls(f"{nodes} x {machine}", dollars)


def concatenated(parts: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of all parts."""
    if not parts:
        return IMAGES.empty_table()
    return pa.concat_tables(parts, promote_options="permissive")


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    counts = pc.value_counts(column).to_pylist()
    return {each["values"]: each["counts"] for each in counts}


def _pace(parts: Sequence[pa.Table], began: float) -> list[tuple[float, float]]:
    """Return the throughput between commits; a pause before the last run counts for nothing."""
    commits = sorted((time, part.num_rows) for part in parts if (time := committed(part)))
    before = min(began, commits[0][0]) if commits else began
    steps = []
    for time, rows in commits:
        start = began if before < began < time else before
        if time > start:
            steps.append((time - start, rows))
        before = time
    share = -(-len(steps) // POINTS) or 1
    merged = [steps[at : at + share] for at in range(0, len(steps), share)]
    elapsed, pace = 0.0, []
    for group in merged:
        seconds = sum(step[0] for step in group)
        elapsed += seconds
        pace.append((elapsed, sum(step[1] for step in group) / seconds))
    return pace


def _scores(variants: pa.StructArray) -> dict[str, list[int]]:
    aspects = pc.struct_field(variants, "aspect")
    scores = pc.struct_field(variants, "score")
    histograms = {}
    for aspect in sorted(pc.unique(aspects).to_pylist()):
        values = scores.filter(pc.equal(aspects, aspect)).drop_null().to_numpy(zero_copy_only=False)
        if len(values):
            histograms[aspect] = numpy.histogram(values, BINS, (0, 1))[0].tolist()
    return histograms


def _failures(rows: pa.Table) -> list[Failures]:
    columns = ["source_uri", "error_stage", "error_class", "error_message", "retryable"]
    failed = rows.select(columns).filter(pc.equal(rows["status"], "failed"))
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in failed.to_pylist():
        groups.setdefault((row["error_stage"], row["error_class"]), []).append(row)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return [
        Failures(
            stage,
            name,
            len(group),
            bool(group[0]["retryable"]),
            [(row["source_uri"], row["error_message"]) for row in group[:EXAMPLES]],
        )
        for (stage, name), group in ordered
    ]

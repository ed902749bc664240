"""Statistics of a job as a whole: counts, throughput, scores and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from ..manifest.store import committed
from ..manifest.summary import RowCounts
from ..planning.prices import Prices
from ..schema import IMAGES

SCORE_BINS = 20
"""Bins of a histogram of scores, over 0..1."""
MAX_POINTS = 120
"""Points of the plot of throughput."""


@dataclass(frozen=True)
class JobStatistics:
    """The statistics of a job."""

    counts: RowCounts
    """Counts of the job's rows: statuses, failures, variants, bytes, time of each stage."""
    throughput: list[tuple[float, float]]
    """Seconds of work since the start, and images per second since the point before."""
    scores: dict[str, list[int]]
    """By ratio, the crops whose score is in each of ``SCORE_BINS`` equal bins of 0..1."""

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
        return cls(
            counts=RowCounts.of(rows),
            throughput=_throughput(parts, started),
            scores=_scores(rows["variants"].combine_chunks()),
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
        read, written = statistics.counts.done, statistics.counts.variants
        requests = read * prices.requests.read + written * prices.requests.write
        dollars = hours * nodes * prices.machine(machine).hour + requests / 1000
        return cls(f"{nodes} x {machine}", dollars)


def concatenated(parts: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of all parts as one table."""
    if not parts:
        return IMAGES.empty_table()
    return pa.concat_tables(parts, promote_options="permissive")


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


def _scores(lists: pa.ListArray) -> dict[str, list[int]]:
    """Return the histograms of the variants' scores: all files of a photo and ratio count once."""
    variants = pc.list_flatten(lists)
    scored = pa.table(
        {
            "photo": pc.list_parent_indices(lists),
            "aspect": pc.struct_field(variants, "aspect"),
            "score": pc.struct_field(variants, "score"),
        }
    ).filter(pc.is_valid(pc.struct_field(variants, "score")))
    # In one thread, because others have no first row.
    crops = scored.group_by(["photo", "aspect"], use_threads=False).aggregate([("score", "first")])
    histograms = {}
    for aspect in sorted(pc.unique(crops["aspect"]).to_pylist()):
        values = crops["score_first"].filter(pc.equal(crops["aspect"], aspect)).to_numpy()
        histograms[aspect] = numpy.histogram(values, SCORE_BINS, (0, 1))[0].tolist()
    return histograms

"""A sample of a job's sources, worked on for real and timed.

The sample streams through the job's own actors on the cluster at hand, so what they cost each
other and what the engine takes is part of what is timed. Its variants are written where the job
would write its own, and are removed.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from ..engine.layout import Layout
from ..engine.mapping import ray_map
from ..engine.stream import StreamExecutor
from ..job import Job
from ..schema import STAGES
from ..sources.discovery import list_sources, select
from ..sources.index import ParquetListing, to_parquet
from ..sources.selection import Selection
from ..stages import fetch, render
from ..storage import Storage
from ..storage.uri import local_path, scheme

CONCURRENT = 8
"""Actors that hold the network in a trial, at most."""
Z_95 = 1.96
"""Standard errors on each side of a 95% interval."""
THREADS = {"fetch": fetch.THREADS, "write": render.THREADS}
"""Sources of a batch that are at a stage at once, where that isn't one."""


@dataclass(frozen=True)
class Estimate:
    """A number and half the width of its 95% interval."""

    value: float
    error: float = 0.0

    def __add__(self, known: float) -> Estimate:
        """Add what is known."""
        return Estimate(self.value + known, self.error)

    def __mul__(self, factor: float) -> Estimate:
        """Multiply by what is known."""
        return Estimate(self.value * factor, self.error * factor)


@dataclass(frozen=True)
class Trial:
    """What a sample took, and what it says of a source."""

    sources: int
    """Of the whole job."""
    timed: int
    """Of the sample."""
    steady: int
    """Of them, those that came while all actors were at work, by which the pace is told."""
    layout: Layout
    """Of the trial."""
    fixed: float
    """Seconds that a run takes once: listing, and the start of its actors."""
    seconds: Estimate
    """Of the whole layout for a source."""
    stages: dict[str, float]
    """Seconds of one process for a source, by stage."""
    bytes_in: Estimate
    """Of a source."""
    bytes_out: Estimate
    """Of a source's variants."""
    variants: float
    """Of a source."""
    failed: float
    """Share of the sample."""


def run_trial(job: Job, layout: Layout, timed: int) -> Trial:
    """List a job's sources and time some of them on the cluster at hand.

    Raises:
        RequestError: input or output is not usable.
        Interrupted: an actor could not start.
    """
    start = time.perf_counter()
    storage = job.storage
    found = list_sources(job.input, storage, selection=Selection.of(job), parallel_map=ray_map)
    sources = select(found.table, job.limit, job.sample)
    listed = time.perf_counter() - start
    layout = replace(layout, actors=min(layout.actors, CONCURRENT))
    size = max(1, min(job.batch_size, timed // (2 * layout.actors)))
    # The first batches wait for their actors to start, and at the end some have none left.
    early, late = 2 * layout.actors * size, (layout.actors - 1) * size
    sample = select(sources, None, early + timed + late)
    # Neighbours in a listing are alike, and those timed must be like the rest.
    sample = sample.take(numpy.random.default_rng(0).permutation(sample.num_rows))
    place = f"{job.output.rstrip('/')}/.plan-{uuid.uuid4().hex[:8]}"
    aside = job.model_copy(update={"output": place})
    listing = ParquetListing(to_parquet(sample))
    executor = StreamExecutor(aside, aside.storage, layout, listing, size)
    arrivals, tables = [], []
    start = time.perf_counter()
    try:
        for rows in executor.run(numpy.arange(sample.num_rows), heartbeat=lambda: None):
            arrivals.append(time.perf_counter() - start)
            tables.append(rows)
    finally:
        _remove(place, storage)
    rows = pa.concat_tables(tables)
    counts = [table.num_rows for table in tables]
    early, late = _ends(sum(counts), early, late)
    pace = _pace(arrivals, counts, early, late)
    stages = {stage: _seconds(rows, stage) for stage in STAGES}
    own = _mean(numpy.sum(list(stages.values()), axis=0), sources.num_rows)
    bytes_out = [sum(each["bytes"] for each in made) for made in rows["variants"].to_pylist()]
    return Trial(
        sources=sources.num_rows,
        timed=rows.num_rows,
        steady=rows.num_rows - early - late,
        layout=layout,
        fixed=listed + max(0.0, arrivals[0] - pace * layout.actors * tables[0].num_rows),
        seconds=Estimate(pace, pace * own.error / own.value),
        stages={stage: float(seconds.mean()) for stage, seconds in stages.items()},
        bytes_in=_bytes_in(sources, rows),
        bytes_out=_mean(bytes_out, sources.num_rows),
        variants=pc.sum(pc.list_value_length(rows["variants"])).as_py() / rows.num_rows,
        failed=pc.sum(pc.equal(rows["status"], "failed")).as_py() / rows.num_rows,
    )


def _remove(place: str, storage: Storage) -> None:
    storage.delete(entry.uri for entry in storage.list(place))
    if scheme(place) == "file":
        shutil.rmtree(local_path(place), ignore_errors=True)  # the empty folders


def _ends(rows: int, early: int, late: int) -> tuple[int, int]:
    """Return how many rows at both ends are left out: none where there are too few."""
    return (early, late) if rows >= 2 * (early + late) else (0, 0)


def _pace(arrivals: Sequence[float], counts: Sequence[int], early: int, late: int) -> float:
    """Return the seconds from one row to the next while all actors were at work.

    Args:
        arrivals: when each batch came back.
        counts: its rows.
        early: rows at the beginning to leave out.
        late: rows at the end.
    """
    rows = numpy.cumsum(counts)
    first = int(numpy.searchsorted(rows, max(early, 1)))
    last = int(numpy.searchsorted(rows, rows[-1] - late))
    if last <= first:
        return arrivals[-1] / int(rows[-1])
    # A line through all of them: batches arrive in bunches, and the ends may lie within one.
    return float(numpy.polyfit(rows[first : last + 1], arrivals[first : last + 1], 1)[0])


def _seconds(rows: pa.Table, stage: str) -> numpy.ndarray:
    """Return what each source takes of a process at a stage."""
    milliseconds = pc.fill_null(rows[f"{stage}_ms"], 0.0).to_numpy()
    return milliseconds / (1000 * THREADS.get(stage, 1))


def _bytes_in(sources: pa.Table, rows: pa.Table) -> Estimate:
    """Return the mean bytes of a source: as listed, or where a list doesn't say, as sampled."""
    if sources["source_bytes"].null_count:
        return _mean(rows["source_bytes"].drop_null().to_pylist(), sources.num_rows)
    return Estimate(pc.mean(sources["source_bytes"]).as_py())


def _mean(sample: Sequence[float] | numpy.ndarray, population: int) -> Estimate:
    """Return the mean of a population of which a sample was drawn without putting back."""
    values = numpy.asarray(sample, float)
    if len(values) < 2:
        return Estimate(float(values.sum()))
    left = max(0.0, 1 - len(values) / population)
    error = Z_95 * values.std(ddof=1) * (left / len(values)) ** 0.5
    return Estimate(float(values.mean()), float(error))

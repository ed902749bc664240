"""A trial: a sample of a job's sources is processed and timed.

The sample goes through the job's own actors on the current cluster, so contention between them and
the engine's overhead are part of the times. Its variants are written below the job's output, and
removed again.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..engine.layout import Layout
from ..engine.mapping import ray_map
from ..engine.stream import StreamExecutor
from ..job import Job
from ..manifest.summary import RowCounts
from ..schema import STAGES
from ..sources.discovery import list_sources, select
from ..sources.index import ParquetListing, to_parquet
from ..sources.selection import Selection
from ..stages import fetch, render
from ..storage import Storage, canonical
from ..storage.uri import local_path, scheme

CONCURRENT = 8
"""The most actors that hold the network in a trial."""
Z_95 = 1.96
"""Standard errors on each side of a 95% confidence interval."""
THREADS = {"fetch": fetch.THREADS, "write": render.THREADS}
"""Sources that a process handles at once, for the stages where that is not one."""


@dataclass(frozen=True)
class Estimate:
    """A number, and half the width of its 95% confidence interval."""

    value: float
    error: float = 0.0

    def __add__(self, known: float) -> Estimate:
        """Add an exact number."""
        return Estimate(self.value + known, self.error)

    def __mul__(self, factor: float) -> Estimate:
        """Multiply by an exact number."""
        return Estimate(self.value * factor, self.error * factor)


@dataclass(frozen=True)
class Trial:
    """The times and sizes of a sample."""

    sources: int
    """Sources of the whole job."""
    timed: int
    """Sources of the sample."""
    steady: int
    """Sources of the sample that came while all actors were busy; their rate is projected."""
    layout: Layout
    """The layout of the trial."""
    fixed: float
    """Seconds that a run takes once, for the listing and the start of its actors."""
    seconds: Estimate
    """Seconds that the whole layout takes for a source."""
    stages: dict[str, float]
    """Seconds that one process takes for a source, by stage."""
    bytes_in: Estimate
    """Bytes of a source."""
    bytes_out: Estimate
    """Bytes of a source's variants."""
    variants: float
    """Variants of a source."""
    failed: float
    """Share of the sample that failed, 0..1."""


def run_trial(job: Job, layout: Layout, timed: int) -> Trial:
    """List a job's sources, and time some of them on the current cluster.

    Args:
        job: the job.
        layout: its layout on the cluster; a trial has :data:`CONCURRENT` actors at most.
        timed: sources to time while all actors are busy; more are processed before and after.

    Raises:
        RequestError: input or output is not usable.
        JobIncomplete: an actor could not start.
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
    sample = sample.take(np.random.default_rng(0).permutation(sample.num_rows))
    place = canonical(f"{job.output.rstrip('/')}/.plan-{uuid.uuid4().hex[:8]}")
    aside = job.model_copy(update={"output": place})
    listing = ParquetListing(to_parquet(sample))
    executor = StreamExecutor(aside, aside.storage, layout, listing, size)
    arrivals, tables = [], []
    start = time.perf_counter()
    try:
        for rows in executor.run(np.arange(sample.num_rows), heartbeat=lambda: None):
            arrivals.append(time.perf_counter() - start)
            tables.append(rows)
    finally:
        _remove(place, storage)
    rows = pa.concat_tables(tables)
    batches = [table.num_rows for table in tables]
    early, late = _ends(rows.num_rows, early, late)
    pace = _pace(arrivals, batches, early, late)
    stages = {stage: _seconds(rows, stage) for stage in STAGES}
    own = _mean(np.sum(list(stages.values()), axis=0), sources.num_rows)
    counts = RowCounts.of(rows)
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
        variants=counts.variants / counts.done,
        failed=counts.failed / counts.done,
    )


def _remove(place: str, storage: Storage) -> None:
    storage.delete(entry.uri for entry in storage.list(place))
    if scheme(place) == "file":
        shutil.rmtree(local_path(place), ignore_errors=True)  # the empty folders


def _ends(rows: int, early: int, late: int) -> tuple[int, int]:
    """Return how many rows at both ends are left out: none where most would be."""
    return (early, late) if rows >= 2 * (early + late) else (0, 0)


def _pace(arrivals: Sequence[float], counts: Sequence[int], early: int, late: int) -> float:
    """Return the seconds from one row to the next while all actors were busy.

    Args:
        arrivals: seconds at which each batch came back.
        counts: rows of each batch.
        early: rows to leave out at the beginning.
        late: rows to leave out at the end.
    """
    rows = np.cumsum(counts)
    first = int(np.searchsorted(rows, max(early, 1)))
    last = int(np.searchsorted(rows, rows[-1] - late))
    if last <= first:
        return arrivals[-1] / int(rows[-1])
    # A line is fitted because batches arrive in groups, and both ends may lie within a group.
    return float(np.polyfit(rows[first : last + 1], arrivals[first : last + 1], 1)[0])


def _seconds(rows: pa.Table, stage: str) -> NDArray[np.float64]:
    """Return the seconds of a process that each source takes at a stage, float (sources,)."""
    milliseconds = pc.fill_null(rows[f"{stage}_ms"], 0.0).to_numpy()
    return milliseconds / (1000 * THREADS.get(stage, 1))


def _bytes_in(sources: pa.Table, rows: pa.Table) -> Estimate:
    """Return the mean bytes of a source: of the listing, or of the sample where it has no sizes."""
    if sources["source_bytes"].null_count:
        return _mean(rows["source_bytes"].drop_null().to_pylist(), sources.num_rows)
    return Estimate(pc.mean(sources["source_bytes"]).as_py())


def _mean(sample: Sequence[float] | NDArray[np.float64], population: int) -> Estimate:
    """Return the mean of a population of which a sample was drawn without replacement."""
    values = np.asarray(sample, float)
    if len(values) < 2:
        return Estimate(float(values.sum()))
    left = max(0.0, 1 - len(values) / population)
    error = Z_95 * values.std(ddof=1) * (left / len(values)) ** 0.5
    return Estimate(float(values.mean()), float(error))

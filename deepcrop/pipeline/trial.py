"""A sample of a job's sources, worked on for real and timed.

The sample goes through the very actors of the job, as many at once as the cluster at hand holds,
so that what they cost each other is part of what is timed. Its variants are written where the job
would write its own, and are removed.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc
import ray

from ..errors import Interrupted, SourceError
from ..storage import Storage
from ..storage.uri import local_path, scheme
from . import fetch, render
from .job import Job
from .layout import Layout, Pool, pools
from .source import SCHEMA, list_sources, select
from .work import STAGES

CONCURRENT = 8
"""Actors of a pool that are timed at once, at most."""
WARM_UP = 4
"""Sources that each actor works on before it is timed."""
DEVIATIONS = 1.96
"""Standard errors on each side of a 95% interval."""


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
    fixed: float
    """Seconds that a run takes once: listing, and the start of its actors."""
    seconds: tuple[Estimate, ...]
    """Of one actor for one source, of each pool."""
    bytes_in: Estimate
    """Of a source."""
    bytes_out: Estimate
    """Of a source's variants."""
    variants: float
    """Of a source."""
    failed: float
    """Share of the sample."""


class TimedActor:
    """An actor of a pool that says how long it takes."""

    def __init__(self, actor: type, arguments: tuple[Any, ...]) -> None:
        """Make the actor."""
        self.actor = actor(*arguments)

    def work(self, table: pa.Table) -> tuple[pa.Table, float]:
        """Return the actor's answer, and its seconds."""
        start = time.perf_counter()
        answer = self.actor(table)
        return answer, time.perf_counter() - start


def try_out(job: Job, layout: Layout, timed: int) -> Trial:
    """List a job's sources and time some of them on the cluster at hand.

    Raises:
        RequestError: input or output is not usable.
        Interrupted: the sample could not be worked on.
    """
    start = time.perf_counter()
    storage = job.storage
    storage.check_writable(job.output)
    sources = select(list_sources(job.input, storage).table, job.limit, job.sample)
    listed = time.perf_counter() - start
    place = f"{job.output.rstrip('/')}/.plan-{uuid.uuid4().hex[:8]}"
    carried = pa.schema([each for each in sources.schema if each.name not in SCHEMA.names])
    row = pools(job.model_copy(update={"output": place}), storage, carried, layout)
    sample = select(sources, None, timed + WARM_UP * _workers(row[0], timed))
    # Neighbours in a listing are alike, and what warms the actors up must be like the rest.
    sample = sample.take(numpy.random.default_rng(0).permutation(sample.num_rows))
    try:
        rows, seconds, fixed = _work_on(row, sample, timed, job.batch_size)
    except (ray.exceptions.RayError, SourceError) as error:
        first = str(error).strip().splitlines()[0]
        raise Interrupted(f"the sample could not be worked on ({first})") from error
    finally:
        _remove(place, storage)
    spread = _relative_error(rows, sources.num_rows)
    bytes_out = [sum(each["bytes"] for each in made) for made in rows["variants"].to_pylist()]
    return Trial(
        sources=sources.num_rows,
        timed=rows.num_rows,
        fixed=listed + fixed,
        seconds=tuple(Estimate(each, each * spread) for each in seconds),
        bytes_in=_bytes_in(sources, rows),
        bytes_out=_mean(bytes_out, sources.num_rows),
        variants=pc.sum(pc.list_value_length(rows["variants"])).as_py() / rows.num_rows,
        failed=pc.sum(pc.equal(rows["status"], "failed")).as_py() / rows.num_rows,
    )


def _remove(place: str, storage: Storage) -> None:
    storage.delete(entry.uri for entry in storage.list(place))
    if scheme(place) == "file":
        shutil.rmtree(local_path(place), ignore_errors=True)  # the empty folders


def _workers(pool: Pool, timed: int) -> int:
    return max(1, min(pool.actors, CONCURRENT, timed // WARM_UP))


def _work_on(
    row: Sequence[Pool], sample: pa.Table, timed: int, size: int
) -> tuple[pa.Table, list[float], float]:
    """Send the sample through the pools; return its rows, seconds a source, and what start took."""
    timed = min(timed, sample.num_rows)
    size = min(size, -(-timed // _workers(row[0], timed)))
    batches = _batches(sample.slice(sample.num_rows - timed), size)
    warming = _batches(sample.slice(0, sample.num_rows - timed), WARM_UP) or batches[:1]
    seconds, fixed = [], 0.0
    for pool in row:
        begin = time.perf_counter()
        actor = ray.remote(num_cpus=pool.cpus, num_gpus=pool.gpus, max_restarts=0)(TimedActor)
        count = _workers(pool, timed)
        actors: list[Any] = [actor.remote(pool.actor, pool.arguments) for _ in range(count)]
        warming, _ = _spread(actors, (warming * count)[: max(count, len(warming))])
        fixed += time.perf_counter() - begin
        batches, took = _spread(actors, batches)
        seconds.append(took / timed)
        for each in actors:
            ray.kill(each)
    return pa.concat_tables(batches), seconds, fixed


def _spread(actors: Sequence[Any], batches: Sequence[pa.Table]) -> tuple[list[pa.Table], float]:
    """Share batches out among actors; return their answers in order, and the seconds of all."""
    answers = ray.get(
        [actors[index % len(actors)].work.remote(batch) for index, batch in enumerate(batches)]
    )
    return [table for table, _ in answers], sum(seconds for _, seconds in answers)


def _batches(table: pa.Table, size: int) -> list[pa.Table]:
    return [table.slice(start, size).combine_chunks() for start in range(0, table.num_rows, size)]


def _relative_error(rows: pa.Table, population: int) -> float:
    """Return by what share the mean time of a source may be off, from how the sample varies."""
    milliseconds = {
        stage: numpy.array([each or 0.0 for each in rows[f"{stage}_ms"].to_pylist()])
        for stage in STAGES
    }
    own = milliseconds["decode"] + milliseconds["infer"] + milliseconds["render"]
    own += milliseconds["fetch"] / fetch.THREADS + milliseconds["write"] / render.THREADS
    mean = _mean(own, population)
    return mean.error / mean.value if mean.value else 0.0


def _bytes_in(sources: pa.Table, rows: pa.Table) -> Estimate:
    """Return the mean bytes of a source: as listed, or where a list doesn't say, as sampled."""
    if sources["source_bytes"].null_count:
        return _mean(rows["source_bytes"].drop_null().to_pylist(), sources.num_rows)
    return Estimate(pc.mean(sources["source_bytes"]).as_py())


def _mean(sample: Sequence[float] | numpy.ndarray, population: int) -> Estimate:
    """Return the mean of a population of which a sample was drawn without putting back."""
    values = numpy.asarray(sample, float)
    if len(values) < 2:
        return Estimate(float(values.mean()) if len(values) else 0.0)
    left = max(0.0, 1 - len(values) / population)
    error = DEVIATIONS * values.std(ddof=1) * (left / len(values)) ** 0.5
    return Estimate(float(values.mean()), float(error))

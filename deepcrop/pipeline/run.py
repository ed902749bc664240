"""The driver: lists, streams the sources through the actors, commits rows, finds what got lost.

A pass sends every source that has no row yet through Ray Data. Rows come back as they are done
and are committed in parts by this process alone, so a source has a row or it has none, whatever
dies meanwhile. What a pass has lost (with a killed process, a lost node) a second pass takes up,
one source at a time; what that loses too is tried alone, each source in a process of its own, and
if it kills that every time, it ends as a failed row.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc
import ray
from ray.util.annotations import RayDeprecationWarning

from ..errors import Interrupted, RequestError, SourceError, TimedOut, WorkerDied
from ..storage import Storage, canonical, is_inside
from .actors import FetchActor, NetworkActor, RenderActor, Worker
from .cluster import CPU_SHARE, Layout, connected, lay_out
from .duplicates import FACTS, mark, refer
from .job import Job
from .lease import Lease
from .manifest import Manifest
from .render import Renderer
from .result import STAGE_COLUMNS, Progress, Result, Silence
from .source import Listing, list_sources, with_secrets, without_secrets
from .work import Work, to_table

PART_ROWS = 2000
"""Rows of a manifest part, unless :data:`PART_SECONDS` are over before."""
PART_SECONDS = 15.0
PASSES = 2
"""Passes through Ray Data before what is still missing is tried alone."""
TRIES = 3
"""Processes that a source may kill before it is given up."""
EARLY = 50
"""Rows before ``max_failed`` is judged by those that are done."""


def run(job: Job, *, overwrite: bool = False, progress: Progress | None = None) -> Result:
    """Run a job, or resume it; see :meth:`deepcrop.pipeline.job.Job.run`."""
    return guarded(lambda: Driver(job, progress or Silence()).run(overwrite))


def guarded(body: Callable[[], Result]) -> Result:
    """Run a driver on the cluster at hand; turn what ends it into one clear error.

    Raises:
        Interrupted: it was stopped, or the cluster failed.
    """
    try:
        with connected():
            return body()
    except KeyboardInterrupt:
        raise Interrupted("interrupted; the same command resumes") from None
    except SourceError as error:
        # Sources' errors end in their rows: this one is about the manifest or the listing.
        raise Interrupted(f"{error}; the same command resumes") from error
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        raise Interrupted(f"the cluster failed ({first}); the same command resumes") from error


class Driver:
    """One run of a job."""

    relists = True
    """Whether a completed job looks for new sources."""

    def __init__(self, job: Job, progress: Progress) -> None:
        """Prepare; nothing is read or written yet."""
        self.job = job
        self.progress = progress
        self.storage = job.storage
        output = job.output.rstrip("/")
        self.manifest = Manifest(canonical(output), self.storage)
        self.lease = Lease(self.manifest.lease, self.storage)
        self.started = time.time()
        self.waiting: list[pa.Table] = []
        self.committed = time.monotonic()
        self.cut_short = False
        """Whether the pass ended before its end."""

    def run(self, overwrite: bool) -> Result:
        """Run it to its end."""
        self._check_places()
        self.lease.acquire()
        try:
            record = self._claim(overwrite)
            listing = self._list(record)
            layout = lay_out(self.job)
            return self._process(listing, layout)
        finally:
            self.lease.release()

    # Before the first source

    def _check_places(self) -> None:
        job = self.job
        if is_inside(job.output, job.input):
            raise RequestError(
                f"output {job.output}: lies inside the input {job.input}, "
                "so its variants would be sources next time; choose another place"
            )
        self.storage.check_readable(job.input)
        self.storage.check_writable(job.output)

    def _claim(self, overwrite: bool) -> dict[str, Any] | None:
        """Return the record of an earlier run of this job; refuse another job's output."""
        record = self.manifest.read_record()
        if record is not None and overwrite:
            self._clear()
            record = None
        if record is None:
            return None
        if record["fingerprint"] != self.job.fingerprint:
            old, new = record["settings"], self.job.settings()
            changes = [
                f"{name}: {old.get(name)!r} -> {new.get(name)!r}"
                for name in sorted(old | new)
                if old.get(name) != new.get(name)
            ]
            raise RequestError(
                f"output {self.manifest.output}: holds a job with other settings "
                f"({'; '.join(changes)}); choose another output, or --overwrite it"
            )
        return record

    def _clear(self) -> None:
        """Remove an earlier job, its record last, so that a killed removal is taken up again."""
        for folder in ("variants", "manifest", "report"):
            self.storage.delete(
                entry.uri for entry in self.storage.list(f"{self.manifest.output}/{folder}")
            )
        self.storage.delete(f"{self.manifest.output}/job.json")

    def _list(self, record: dict[str, Any] | None) -> Listing:
        """Return the sources: those of the interrupted run, or those that are there now."""
        self.manifest.open()
        if record is not None:
            self._prepare(record)
        known = self.manifest.read_listing()
        if known is not None and record is not None and not self._lists_anew(record):
            return Listing(with_secrets(known, self.job.input, self.storage), record["ignored"])
        self.progress.note("listing")
        listing = list_sources(self.job.input, self.storage, known)
        table = _select(listing.table, self.job)
        if self.job.dedupe:
            self.progress.note("looking for duplicates")
            table = mark(table, known, self.storage)
        if known is not None:
            gone = pc.invert(pc.is_in(known["source_id"], value_set=table["source_id"]))
            table = pa.concat_tables([table, known.filter(gone)], promote_options="permissive")
        self.manifest.write_listing(without_secrets(table))
        return Listing(table, listing.ignored)

    def _prepare(self, record: dict[str, Any]) -> None:
        """Change the manifest before the run; a retry takes failed rows back."""

    def _lists_anew(self, record: dict[str, Any]) -> bool:
        """Tell whether to look for new sources: once those of before are all done."""
        return self.relists and record["status"] == "completed"

    # The sources

    def _process(self, listing: Listing, layout: Layout) -> Result:
        sources = listing.table
        ids = sources["source_id"].to_numpy()
        result = Result(self.manifest.output, len(ids), ignored=listing.ignored)
        done = self._count_committed(result)
        result.resumed = len(done)
        self._record("running", result)
        self.progress.start(len(ids), len(done), result.failed)
        copies = pc.is_valid(sources["duplicate_of"])
        some = pc.any(copies).as_py()
        firsts = sources.filter(pc.invert(copies)) if some else sources
        done = self._complete(firsts, done, layout, result)
        if some and not result.stopped:
            rows = self._refer(_without(sources.filter(copies), done))
            try:
                done = numpy.concatenate([done, *self._commit_all(rows, result)])
            finally:
                self._commit()
            self._complete(sources, done, layout, result)
        result.seconds = time.time() - self.started
        self._record("stopped" if result.stopped else "completed", result)
        return result

    def _refer(self, copies: pa.Table) -> Iterator[pa.Table]:
        """Make the rows of duplicates; those of which the first failed are tried themselves."""
        firsts = self.manifest.table(list(FACTS))
        for start in range(0, copies.num_rows, PART_ROWS):
            share = copies.slice(start, PART_ROWS)
            yield refer(share, firsts, self.job.fingerprint, _carried(copies))

    def _complete(
        self, sources: pa.Table, done: numpy.ndarray, layout: Layout, result: Result
    ) -> numpy.ndarray:
        """Work on every source that has no row yet; return the ids that have one now."""
        whole = 0
        while not result.stopped:
            missing = _without(sources, done)
            if not missing.num_rows:
                break
            result.passes += 1
            self.progress.note("" if result.passes == 1 else "trying again what got lost")
            self.cut_short = False
            if whole < PASSES:
                size = self.job.batch_size if whole == 0 else 1
                stream = self._stream(missing, layout, size)
            else:
                stream = self._alone(missing, layout)
            try:
                rows = [done, *self._commit_all(stream, result)]
            finally:
                self._commit()
            # One that a lost node ended early has lost much more than what died with it.
            whole += not self.cut_short or len(rows) == 1
            done = numpy.concatenate(rows)
        return done

    def _commit_all(self, stream: Iterator[pa.Table], result: Result) -> Iterator[numpy.ndarray]:
        """Commit the rows of a stream as they come; yield their ids."""
        for rows in stream:
            self.waiting.append(rows)
            failed = result.count(rows)
            self.progress.advance(rows.num_rows, failed)
            full = sum(table.num_rows for table in self.waiting) >= PART_ROWS
            if full or time.monotonic() - self.committed > PART_SECONDS:
                self._commit()
            yield rows["source_id"].to_numpy()
            if self._goes_wrong(result):
                result.stopped = True
                return

    def _goes_wrong(self, result: Result) -> bool:
        done = result.ok + result.failed + result.skipped
        early = done >= EARLY and result.failed > self.job.max_failed * done
        return done < result.sources and (early or result.exceeds(self.job.max_failed))

    def _commit(self) -> None:
        self.lease.renew()
        if self.waiting:
            self.manifest.append(pa.concat_tables(self.waiting))
            self.waiting = []
        self.committed = time.monotonic()

    def _count_committed(self, result: Result) -> numpy.ndarray:
        columns = ["source_id", "status", "error_class", "variants", *STAGE_COLUMNS]
        ids = [numpy.empty(0, numpy.int64)]
        for rows in self.manifest.tables(columns):
            result.count(rows)
            ids.append(rows["source_id"].to_numpy())
        return numpy.concatenate(ids)

    def _stream(self, sources: pa.Table, layout: Layout, size: int) -> Iterator[pa.Table]:
        """Send sources through Ray Data; what a dying process held doesn't come back.

        Args:
            sources: rows of the listing.
            layout: the actors.
            size: sources that an actor is given at once, and so loses at once.
        """
        context = ray.data.DataContext.get_current()
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        context.max_errored_blocks = -1
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.execution_options.verbose_progress = False
        blocks = [
            sources.slice(start, size).combine_chunks()
            for start in range(0, sources.num_rows, size)
        ]
        count = len(blocks)
        # Not from_arrow, which runs a task for each block: 40 KB of the driver's memory, and 1 ms.
        rows: ray.data.Dataset = ray.data.from_blocks(blocks)
        del blocks
        for actor, arguments, resources, actors in self._stages(sources, layout):
            # A lone source is given to an actor that holds no other, which would die with it.
            calls = layout.calls if size > 1 else 1
            pool = ray.data.ActorPoolStrategy(
                size=min(actors, count),
                max_tasks_in_flight_per_actor=max(2, calls) if size > 1 else 1,
                max_concurrent_calls_per_actor=calls,
                enable_true_multi_threading=calls > 1,
            )
            with warnings.catch_warnings():
                # The two limits have no named parameter yet; the pin of Ray ends before they must.
                warnings.simplefilter("ignore", RayDeprecationWarning)
                rows = rows.map_batches(
                    actor,
                    fn_constructor_args=arguments,
                    batch_size=size,
                    batch_format="pyarrow",
                    compute=pool,
                    max_restarts=-1,
                    max_task_retries=0,
                    **resources,
                )
        try:
            yield from rows.iter_batches(
                batch_size=None, batch_format="pyarrow", prefetch_batches=0
            )
        except ray.exceptions.ObjectLostError:
            self.cut_short = True
        except (ray.exceptions.RayTaskError, ray.exceptions.RayActorError) as error:
            # Every error of a source is caught in its stage: this is the job's own.
            first = str(error).strip().splitlines()[-1]
            raise Interrupted(f"an actor could not start ({first})") from error

    def _stages(
        self, sources: pa.Table, layout: Layout
    ) -> list[tuple[type, tuple[Any, ...], dict[str, Any], int]]:
        carried = _carried(sources)
        job, storage = self.job, self.storage
        if layout.fused:
            cpus = {"num_cpus": layout.cpus}
            return [(Worker, (job, storage, carried), cpus, layout.actors)]
        network = {"num_cpus": layout.cpus, "num_gpus": layout.gpus}
        return [
            (FetchActor, (job, storage), {"num_cpus": CPU_SHARE / 2}, layout.helpers),
            (NetworkActor, (job,), network, layout.actors),
            (RenderActor, (job, storage, carried), {"num_cpus": CPU_SHARE / 2}, layout.helpers),
        ]

    def _alone(self, sources: pa.Table, layout: Layout) -> Iterator[pa.Table]:
        """Try sources one at a time, each in a process of its own that nobody else suffers with."""
        carried = _carried(sources)
        resources: dict[str, Any] = {"num_cpus": layout.cpus, "num_gpus": layout.gpus}
        task = ray.remote(max_calls=1, max_retries=0, **resources)(_work_alone)
        for index in range(sources.num_rows):
            source = sources.slice(index, 1).combine_chunks()
            for attempt in range(1, TRIES + 1):
                start = time.monotonic()
                try:
                    yield ray.get(task.remote(self.job, self.storage, source, carried))
                    break
                except ray.exceptions.RayError as error:
                    seconds = time.monotonic() - start
                    # Even a slow try is repeated: it may have waited for a node, and died with it.
                    if attempt == TRIES:
                        yield self._give_up(source, carried, error, seconds)

    def _give_up(
        self, source: pa.Table, carried: pa.Schema, cause: Exception, seconds: float
    ) -> pa.Table:
        error: SourceError
        if seconds > self.job.time_limit:
            error = TimedOut(f"its work took longer than {self.job.time_limit:g} s; ended")
        else:
            reason = str(cause).strip().splitlines()[0]
            error = WorkerDied(f"its process died {TRIES} times in a row ({reason})")
        work = Work(source.to_pylist()[0], attempts=TRIES)
        work.fail(error)
        # Removes what the processes may have stored before they died.
        Renderer(self.job, self.storage)([work])
        return to_table([work], self.job.method, self.job.fingerprint, carried)

    def _record(self, status: str, result: Result) -> None:
        self.manifest.write_record(
            {
                "status": status,
                "fingerprint": self.job.fingerprint,
                "settings": self.job.settings(),
                "job": self.job.model_dump(mode="json", exclude_defaults=True),
                "weights_sha256": self.job.weights_sha256,
                "versions": {
                    name: version(name) for name in ("ray", "torch", "pillow", "pyarrow", "numpy")
                },
                "counts": {
                    key: value
                    for key, value in asdict(result).items()
                    if key not in ("output", "milliseconds")
                },
                "stages": result.stages(),
                "ignored": result.ignored,
                "started": self.started,
                "updated": time.time(),
            }
        )


def _work_alone(job: Job, storage: Storage, source: pa.Table, carried: pa.Schema) -> pa.Table:
    return Worker(job, storage, carried)(source)


def _carried(sources: pa.Table) -> pa.Schema:
    from .source import SCHEMA

    return pa.schema([each for each in sources.schema if each.name not in SCHEMA.names])


def _without(sources: pa.Table, done: numpy.ndarray) -> pa.Table:
    return sources.filter(pa.array(~numpy.isin(sources["source_id"].to_numpy(), done)))


def _select(sources: pa.Table, job: Job) -> pa.Table:
    """Apply ``limit`` and ``sample``."""
    if job.limit is not None:
        sources = sources.slice(0, job.limit)
    if job.sample is not None and job.sample < sources.num_rows:
        ranks = numpy.argsort(sources["source_id"].to_numpy(), kind="stable")
        sources = sources.take(pa.array(numpy.sort(ranks[: job.sample])))
    return sources

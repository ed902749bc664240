"""The quarantine: the executor for sources that were lost again and again.

Each source is tried in a process of its own, so that it takes no other source with it when it kills
its process.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from typing import TypeAlias, cast

import pyarrow as pa
import ray

from ..errors import SourceError, WorkerDied
from ..job import Job
from ..sources.index import WINDOW_ROWS, ParquetListing, RowIndices
from ..stages.item import ImageTask, to_table
from ..stages.limits import LIMITED, limit_of, timed_out
from ..stages.render import Renderer
from ..storage import Storage
from .actor_errors import ActorError
from .actors import FusedActor
from .executor import Rows
from .heartbeat import Heartbeat, iterate_with_heartbeat
from .layout import Layout

MAX_ATTEMPTS = 3
"""Processes that a source may kill before it fails."""

Answer: TypeAlias = str | ActorError | pa.Table
"""What a process yields: the name of a stage that begins, its own error, or the source's row."""


class QuarantineExecutor:
    """Gives every source a row: what is made of it, or that it kills its process."""

    lost_node = False

    def __init__(self, job: Job, storage: Storage, layout: Layout, listing: ParquetListing) -> None:
        """Prepare; no process starts yet.

        Args:
            job: what is made of the sources.
            storage: the store of input and output.
            layout: the resources that a process needs.
            listing: the rows of all sources.
        """
        self.job, self.storage, self.listing = job, storage, listing
        self.task = ray.remote(
            max_calls=1,
            max_retries=0,
            num_returns="streaming",
            num_cpus=layout.cpus,
            num_gpus=layout.gpus,
        )(_work_alone)

    def run(self, rows: RowIndices, heartbeat: Heartbeat) -> Rows:
        """Work on one source after the other; see :meth:`.executor.Executor.run`."""
        for start in range(0, len(rows), WINDOW_ROWS):
            sources = self.listing.take(rows[start : start + WINDOW_ROWS])
            for index in range(sources.num_rows):
                yield self._row(sources.slice(index, 1).combine_chunks(), heartbeat)

    def _row(self, source: pa.Table, heartbeat: Heartbeat) -> pa.Table:
        """Return the row of one source."""
        failure, cause, stage, attempts = "", "", "", 0
        while attempts < MAX_ATTEMPTS:
            attempts += 1
            stage, start = "", time.monotonic()
            answers = self._start(source)
            try:
                for answer in iterate_with_heartbeat(answers, heartbeat):
                    if isinstance(answer, pa.Table):
                        return answer
                    if isinstance(answer, str):
                        stage, start = answer, time.monotonic()
                        continue
                    if answer.phase == "start" and attempts == MAX_ATTEMPTS:
                        raise answer.exception()
                    failure, cause = "work failed", str(answer)
            except ray.exceptions.RayError as error:
                failure, cause = "process died", str(error).strip().partition("\n")[0]
                # The watchdog alone ends a process that late. It is tried again all the same,
                # since the process may have died with its node.
                late = stage in LIMITED and time.monotonic() - start > limit_of(self.job, stage)
                if late and attempts > 1:
                    return self._failed(source, timed_out(self.job, stage), attempts)
        where = f" at the stage {stage}" if stage else ""
        died = WorkerDied(f"its {failure} {attempts} times in a row{where} ({cause})")
        return self._failed(source, died, attempts)

    def _start(self, source: pa.Table) -> Generator[Answer, None, None]:
        """Start a process for a source; yield what it answers, as it does."""
        passthrough = self.listing.passthrough
        # Ray's annotations don't know that num_returns="streaming" answers many references.
        answers: object = self.task.remote(self.job, self.storage, source, passthrough)
        for each in cast(Iterable["ray.ObjectRef[Answer]"], answers):
            yield ray.get(each)

    def _failed(self, source: pa.Table, error: SourceError, attempts: int) -> pa.Table:
        """Return the row of a source that is given up."""
        task = ImageTask(source.to_pylist()[0], attempts=attempts)
        task.fail(error)
        # Removes what the processes may have stored before they died.
        Renderer(self.job, self.storage)([task])
        return to_table([task], self.job.method, self.listing.passthrough)


def _work_alone(
    job: Job, storage: Storage, source: pa.Table, passthrough: pa.Schema
) -> Iterator[Answer]:
    """Work on one source in a process of its own.

    Yields:
        The name of each stage as it begins, before which the source may have waited for long; then
        the row, or the error that kept the process from making it.
    """
    try:
        actor = FusedActor(job, storage, passthrough)
    except Exception as error:
        yield ActorError.of(error, "start")
        return
    try:
        yield from actor.run_stages(source)
    except Exception as error:
        yield ActorError.of(error, "call")

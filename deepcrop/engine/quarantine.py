"""Sources that were lost again and again, each tried in a process that nobody else suffers with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import ray

from ..errors import SourceError, WorkerDied
from ..job import Job
from ..stages.item import ImageTask, to_table
from ..stages.limits import LIMITED, limit_of, timed_out
from ..stages.render import Renderer
from ..storage import Storage
from .actors import Worker
from .heartbeat import awaited
from .layout import Layout

TRIES = 3
"""Processes that a source may kill before it is given up."""


class Quarantine:
    """Gives every source a row: what its work makes, or that it kills its process."""

    def __init__(
        self, job: Job, storage: Storage, layout: Layout, turn: Callable[[], None]
    ) -> None:
        """Take what a process needs, and what to do while one works."""
        self.job, self.storage, self.turn = job, storage, turn
        self.task: Any = ray.remote(
            max_calls=1,
            max_retries=0,
            num_returns="streaming",
            num_cpus=layout.cpus,
            num_gpus=layout.gpus,
        )(_work_alone)

    def rows(self, sources: pa.Table, carried: pa.Schema) -> Iterator[pa.Table]:
        """Try sources one after the other; yield a row of each.

        Args:
            sources: rows of the listing.
            carried: its further columns.
        """
        for index in range(sources.num_rows):
            yield self._row(sources.slice(index, 1).combine_chunks(), carried)

    def _row(self, source: pa.Table, carried: pa.Schema) -> pa.Table:
        cause, stage, attempts = "", "", 0
        while attempts < TRIES:
            attempts += 1
            stage, begun = "", time.monotonic()
            answers = self.task.remote(self.job, self.storage, source, carried)
            try:
                for answer in awaited((ray.get(each) for each in answers), self.turn):
                    if isinstance(answer, pa.Table):
                        return answer
                    stage, begun = answer, time.monotonic()
            except ray.exceptions.RayError as error:
                cause = str(error).strip().partition("\n")[0]
                # The watchdog ends a process at no other time. Even so it is tried again: the
                # process may have died with its node.
                late = stage in LIMITED and time.monotonic() - begun > limit_of(self.job, stage)
                if late and attempts > 1:
                    return self._give_up(source, carried, timed_out(self.job, stage), attempts)
        where = f" at the stage {stage}" if stage else ""
        death = WorkerDied(f"its process died {attempts} times in a row{where} ({cause})")
        return self._give_up(source, carried, death, attempts)

    def _give_up(
        self, source: pa.Table, carried: pa.Schema, error: SourceError, attempts: int
    ) -> pa.Table:
        work = ImageTask(source.to_pylist()[0], attempts=attempts)
        work.fail(error)
        # Removes what the processes may have stored before they died.
        Renderer(self.job, self.storage)([work])
        return to_table([work], self.job.method, self.job.fingerprint, carried)


def _work_alone(
    job: Job, storage: Storage, source: pa.Table, carried: pa.Schema
) -> Iterator[str | pa.Table]:
    """Say which stage of the work begins, for which it may have waited long; then the row."""
    yield from Worker(job, storage, carried).alone(source)

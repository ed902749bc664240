"""Sources that were lost again and again, each tried in a process that nobody else suffers with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import ray

from ..errors import SourceError, TimedOut, WorkerDied
from ..storage import Storage
from .actors import Worker
from .job import Job
from .layout import Layout
from .render import Renderer
from .waiting import awaited
from .work import Work, to_table

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
        cause, seconds = "", 0.0
        for _ in range(TRIES):
            begun = None
            answers = self.task.remote(self.job, self.storage, source, carried)
            try:
                for row in awaited((ray.get(each) for each in answers), self.turn):
                    if row is not None:
                        return row
                    begun = time.monotonic()
            except ray.exceptions.RayError as error:
                # Even a slow try is repeated: it may have died with its node.
                cause = str(error).strip().partition("\n")[0]
                seconds = 0.0 if begun is None else time.monotonic() - begun
        return self._give_up(source, carried, cause, seconds)

    def _give_up(
        self, source: pa.Table, carried: pa.Schema, cause: str, seconds: float
    ) -> pa.Table:
        error: SourceError
        if seconds > self.job.time_limit:
            error = TimedOut(f"its work took longer than {self.job.time_limit:g} s; ended")
        else:
            error = WorkerDied(f"its process died {TRIES} times in a row ({cause})")
        work = Work(source.to_pylist()[0], attempts=TRIES)
        work.fail(error)
        # Removes what the processes may have stored before they died.
        Renderer(self.job, self.storage)([work])
        return to_table([work], self.job.method, self.job.fingerprint, carried)


def _work_alone(
    job: Job, storage: Storage, source: pa.Table, carried: pa.Schema
) -> Iterator[pa.Table | None]:
    """Give a sign that the work begins, for which it may have waited long; then the row."""
    worker = Worker(job, storage, carried)
    yield None
    yield worker(source)

"""The passes of a run over the sources that have no row yet, and the executor of each."""

from __future__ import annotations

from ..job import Job
from ..sources.index import SourceIndex
from ..storage import Storage
from .executor import Executor
from .layout import Layout

STREAM_PASSES = 2
"""Passes through Ray Data before each source that is still missing is tried in isolation."""


def executor_for(
    number: int, job: Job, storage: Storage, layout: Layout, sources: SourceIndex
) -> Executor:
    """Return what runs a pass over the sources that have no row yet.

    Args:
        number: of the passes before it that reached their end. The first works on batches, the
            second on one source at a time, all others on each source in a process of its own.
        job: what is made of the sources.
        storage: the store of input and output.
        layout: the job's actors.
        sources: all sources of the job.
    """
    # Ray Data takes a second to import: not before the cluster has been joined.
    from .quarantine import QuarantineExecutor
    from .stream import StreamExecutor

    if number < STREAM_PASSES:
        batch_size = job.batch_size if number == 0 else 1
        return StreamExecutor(job, storage, layout, sources.listing, batch_size)
    return QuarantineExecutor(job, storage, layout, sources.listing)

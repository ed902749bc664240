"""The first stage: the bytes of sources, fetched many at once since each waits for the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ..errors import SourceError
from ..job import Job
from ..schema import SAME_SOURCE
from ..storage import Storage
from .item import ImageTask
from .planner import Planner

THREADS = 32
"""Sources that a process fetches at once."""


class Fetcher:
    """Reads and hashes the bytes of sources, and finds out what is to be made of them.

    A source that the store says is unchanged is not read where nothing has to be made of it.
    """

    def __init__(self, storage: Storage, job: Job | None = None) -> None:
        """Take the store, which connects at the first use, in the process that uses it.

        Args:
            storage: the store of the sources.
            job: what is made of the sources; None where they have no rows.
        """
        self.storage = storage
        self.planner = None if job is None else Planner(job)
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="fetch")

    def __call__(self, tasks: Sequence[ImageTask]) -> None:
        """Fetch the bytes of each source, or fail its task."""
        list(self.threads.map(self._fetch, tasks))

    def _fetch(self, task: ImageTask) -> None:
        if self.planner is not None and task.source.get(SAME_SOURCE):
            self.planner.compare(task)
            if task.settled:
                return
        with task.timed("fetch"):
            try:
                blob = self.storage.get(task.uri)
            except SourceError as error:
                task.attempts = error.attempts
                task.fail(error)
                return
            task.data, task.etag, task.attempts = blob.data, blob.etag, blob.attempts
            task.bytes, task.version = len(blob.data), blob.version
            task.sha256 = hashlib.sha256(blob.data).hexdigest()
        if task.reuse is not None and task.same is None:  # changed since it was listed
            task.wanted = task.reuse = task.focal = None
            task.size = task.format = task.orientation = None
        if self.planner is not None:
            self.planner.compare(task)
            self.planner.compare_failure(task)

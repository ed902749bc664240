"""The first stage: the bytes of sources, fetched many at once since each waits for the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ..errors import SourceError
from ..storage import Storage
from .item import ImageTask

THREADS = 32
"""Sources that a process fetches at once."""


class Fetcher:
    """Reads and hashes the bytes of sources."""

    def __init__(self, storage: Storage) -> None:
        """Take the store, which connects at the first use, in the process that uses it."""
        self.storage = storage
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="fetch")

    def __call__(self, tasks: Sequence[ImageTask]) -> None:
        """Fetch the bytes of each source, or fail its task."""
        list(self.threads.map(self._fetch, tasks))

    def _fetch(self, task: ImageTask) -> None:
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

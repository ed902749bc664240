"""The check whether a refused write concerns one variant, or the output as a whole."""

from __future__ import annotations

import time
from threading import Lock

from ..errors import RequestError, SourceError, Unwritable, WriteError
from ..storage import Storage

CHECK_INTERVAL_S = 5.0
"""Seconds for which the answer of the store is reused."""


class OutputCheck:
    """Asks the store whether an output can be written at all, at most once an interval."""

    def __init__(self, storage: Storage, output: str) -> None:
        """Take the store and the URI of the output; nothing is asked yet."""
        self.storage = storage
        self.output = output
        self.lock = Lock()
        self.checked = -CHECK_INTERVAL_S
        self.problem: str | None = None
        """Why nothing can be written, at the last check."""

    def classify(self, error: SourceError) -> SourceError:
        """Return the error of a failed write, or :class:`.Unwritable` where all writes would fail.

        Args:
            error: what the write raised.
        """
        if not (isinstance(error, WriteError) and error.denied):
            return error
        with self.lock:
            if time.monotonic() > self.checked + CHECK_INTERVAL_S:
                self.problem = None
                try:
                    self.storage.check_writable(self.output)
                except RequestError as refusal:
                    self.problem = str(refusal)
                self.checked = time.monotonic()
        return error if self.problem is None else Unwritable(self.problem)

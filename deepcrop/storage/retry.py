"""Retries around any store: jittered exponential backoff, with limits.

The retries of boto3 are switched off: two nested loops multiply their attempts, their number is not
known for the manifest, and boto3 doesn't notice bodies that are cut short or damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import TypeVar

import tenacity

from .attributes import Attributes
from .base import Blob, Entry, Page, Retry, StorageOptions, Store, StoreError

T = TypeVar("T")

FEW_ATTEMPTS = 4
"""Attempts at an operation whose errors say ``Retry.FEW``, the first included."""


class RetryingStore:
    """A store that repeats the operations of another one while that may help.

    An error says in ``retry`` whether it may, and in ``attempts`` how often that was tried. Ending
    ``durable_writes`` is never repeated: a kernel reports a lost write once only.
    """

    def __init__(self, store: Store, options: StorageOptions) -> None:
        """Wrap a store.

        Args:
            store: the store that does the work.
            options: its ``max_attempts``, ``backoff`` and ``backoff_limit`` are used here.
        """
        self._store = store
        # Full jitter: waits are drawn evenly from zero to the growing limit, so that workers that
        # were throttled together don't come back together (Brooker, "Exponential backoff and
        # jitter", AWS Architecture Blog, 2015).
        self._retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(options.max_attempts),
            wait=tenacity.wait_random_exponential(
                multiplier=options.backoff, max=options.backoff_limit
            ),
            retry=_should_retry,
            reraise=True,
        )
        self._reached_buckets: set[str] = set()
        self._refused_buckets: set[str] = set()

    def get(self, uri: str) -> Blob:
        """Read an object."""
        blob, attempts = self._call_with_retries(uri, partial(self._store.get, uri))
        return blob if attempts == 1 else replace(blob, attempts=attempts)

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read a part of an object."""
        operation = partial(self._store.get_range, uri, start, length)
        blob, attempts = self._call_with_retries(uri, operation)
        return blob if attempts == 1 else replace(blob, attempts=attempts)

    def put(
        self, uri: str, data: bytes, content_type: str | None, sync: bool, attributes: Attributes
    ) -> int:
        """Write an object; return the number of attempts."""
        operation = partial(self._store.put, uri, data, content_type, sync, attributes)
        return self._call_with_retries(uri, operation)[1]

    def copy(self, source: str, target: str, attributes: Attributes) -> int:
        """Copy an object; return the number of attempts."""
        operation = partial(self._store.copy, source, target, attributes)
        return self._call_with_retries(target, operation)[1]

    def durable_writes(self, uri: str) -> AbstractContextManager[None]:
        """Make what is written below a folder survive a power failure, when the context ends."""
        return self._store.durable_writes(uri)

    def delete(self, uris: Sequence[str]) -> None:
        """Remove objects."""
        if uris:
            self._call_with_retries(uris[0], partial(self._store.delete, uris))

    def stat(self, uri: str) -> Entry:
        """Describe an object."""
        return self._call_with_retries(uri, partial(self._store.stat, uri))[0]

    def is_prefix(self, uri: str) -> bool:
        """Return whether objects lie below this folder or prefix."""
        return self._call_with_retries(uri, partial(self._store.is_prefix, uri))[0]

    def list_page(
        self, uri: str, *, recursive: bool, name_prefix: str = "", token: str = ""
    ) -> Page:
        """List a folder or prefix. Errors of a lazy page's items are not retried."""
        operation = partial(
            self._store.list_page, uri, recursive=recursive, name_prefix=name_prefix, token=token
        )
        return self._call_with_retries(uri, operation)[0]

    def _call_with_retries(self, uri: str, operation: Callable[[], T]) -> tuple[T, int]:
        """Call ``operation`` until it succeeds or can't; return its result and the attempts.

        Raises:
            StoreError: the one of the last attempt, with the number of ``attempts``.
        """
        bucket = uri.partition("://")[2].partition("/")[0]
        attempts = 0
        first_error: StoreError | None = None

        def attempt() -> T:
            nonlocal attempts
            attempts += 1
            try:
                result = operation()
            except StoreError as error:
                if error.retry is Retry.FEW and bucket in self._refused_buckets:
                    error.retry = Retry.NEVER
                raise
            self._reached_buckets.add(bucket)
            self._refused_buckets.discard(bucket)
            return result

        def attempt_again() -> T:
            nonlocal first_error
            if first_error is None:
                return attempt()
            error, first_error = first_error, None
            raise error

        try:
            try:
                # Without tenacity, which takes as long as reading a small file.
                return attempt(), attempts
            except StoreError as error:
                first_error = error
            return self._retrying(attempt_again), attempts
        except StoreError as error:
            error.attempts = attempts
            # A refusal is often throttling, but not where nothing else was ever answered.
            if error.retry is Retry.FEW and bucket not in self._reached_buckets:
                self._refused_buckets.add(bucket)
            raise


def _should_retry(state: tenacity.RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, StoreError):
        return False
    if error.retry is Retry.FEW:
        return state.attempt_number < FEW_ATTEMPTS
    return error.retry is Retry.FULL

"""One retry loop for every store: jittered exponential backoff, with limits.

boto3's own retries are turned off: two nested loops multiply their tries and hide their number from
the manifest, and boto3's doesn't see bodies that end early or arrive wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from .base import Failure, Hope, StorageOptions

T = TypeVar("T")

_TRIES_WITH_SOME_HOPE = 4


def _again(state: tenacity.RetryCallState) -> bool:
    failure = state.outcome.exception() if state.outcome else None
    if not isinstance(failure, Failure):
        return False
    if failure.hope is Hope.SOME:
        return state.attempt_number < _TRIES_WITH_SOME_HOPE
    return failure.hope is Hope.GOOD


def persist(operation: Callable[[], T], options: StorageOptions) -> tuple[T, int]:
    """Call ``operation`` until it succeeds or can't; return its result and the number of tries.

    Full jitter: waits are drawn evenly from zero to the growing limit, so that many workers that
    were throttled together don't come back together (Brooker, "Exponential backoff and jitter",
    AWS Architecture Blog, 2015).

    Raises:
        Failure: the last one, with the number of ``attempts``.
    """
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(options.max_attempts),
        wait=tenacity.wait_random_exponential(
            multiplier=options.backoff, max=options.backoff_limit
        ),
        retry=_again,
        reraise=True,
    )
    tries = 0

    def once() -> T:
        nonlocal tries
        tries += 1
        return operation()

    try:
        return retrying(once), tries
    except Failure as failure:
        failure.attempts = tries
        raise

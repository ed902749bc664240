"""A time limit for work that can't be interrupted: past it, the process ends itself.

A native decoder that never returns doesn't see Python's signals. So the worker dies, the driver
tries alone those sources that died with it, and finds the one that takes too long.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_TIMED_OUT = 124
"""Exit status of a process that ended itself, as coreutils' ``timeout`` has it."""

_deadlines: dict[int, float] = {}
_watcher: threading.Thread | None = None
_lock = threading.Lock()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End this process if the block takes longer than ``seconds``."""
    thread = threading.get_ident()
    _start_watcher()
    _deadlines[thread] = time.monotonic() + seconds
    try:
        yield
    finally:
        _deadlines.pop(thread, None)


def _start_watcher() -> None:
    global _watcher
    with _lock:
        if _watcher is None or not _watcher.is_alive():
            _watcher = threading.Thread(target=_watch, name="watchdog", daemon=True)
            _watcher.start()


def _watch() -> None:
    while True:
        time.sleep(0.25)
        if any(deadline < time.monotonic() for deadline in list(_deadlines.values())):
            os._exit(EXIT_TIMED_OUT)

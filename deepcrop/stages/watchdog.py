"""A time limit for work that can't be interrupted: beyond it, the process ends itself.

A native decoder that never returns doesn't react to Python's signals. So the process dies; the
driver then tries its sources one at a time, and finds the one that takes too long.

A thread checks the time. Where native code never releases Python's global lock, that thread can't
run; then :mod:`faulthandler` ends the process, whose timer needs no lock.
"""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .stopwatch import Stopwatch

EXIT_TIMED_OUT = 124
"""Exit status of a process that ended itself, the same as that of coreutils' ``timeout``."""
TICK_S = 0.25
"""Seconds between two checks."""
LOCK_HELD_MAX_S = 60.0
"""Seconds after which a process that holds the global lock is ended at the earliest (status 1)."""

_watches: dict[int, _Watch] = {}
_watcher: threading.Thread | None = None
_lock = threading.Lock()


class _Watch:
    """The work of one thread, measured from the first check on: most work ends before that."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.stopwatch: Stopwatch | None = None

    def is_over(self) -> bool:
        if self.stopwatch is None:
            self.stopwatch = Stopwatch()
            return False
        return self.stopwatch.clock() > self.seconds and self.stopwatch.seconds() > self.seconds


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End this process if the block takes longer than ``seconds``, without waits for a CPU."""
    thread = threading.get_ident()
    _start_watcher()
    _watches[thread] = _Watch(seconds)
    try:
        yield
    finally:
        _watches.pop(thread, None)


def _start_watcher() -> None:
    global _watcher
    with _lock:
        if _watcher is None or not _watcher.is_alive():
            _watcher = threading.Thread(target=_watch, name="watchdog", daemon=True)
            _watcher.start()


def _watch() -> None:
    pause = threading.Event()
    with open(os.devnull, "w") as nowhere:
        armed = False
        while not pause.wait(TICK_S):
            watches = list(_watches.values())
            if any(watch.is_over() for watch in watches):
                os._exit(EXIT_TIMED_OUT)
            if watches:
                held = max(LOCK_HELD_MAX_S, *(watch.seconds for watch in watches))
                faulthandler.dump_traceback_later(held, exit=True, file=nowhere)
            elif armed:
                faulthandler.cancel_dump_traceback_later()
            armed = bool(watches)

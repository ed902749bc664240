"""A time limit for work that can't be interrupted: past it, the process ends itself.

A native decoder that never returns doesn't see Python's signals. So the worker dies, the driver
tries alone those sources that died with it, and finds the one that takes too long.

A thread looks at the time. One that can't, because native code keeps Python's lock, is noticed by
:mod:`faulthandler`, whose timer needs no lock.
"""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .stopwatch import Stopwatch

EXIT_TIMED_OUT = 124
"""Exit status of a process that ended itself, as coreutils' ``timeout`` has it."""
TICK = 0.25
"""Seconds between two looks."""
SILENCE = 60.0
"""Seconds that the lock may be kept, at least, before the process is ended (with status 1)."""

_watches: dict[int, _Watch] = {}
_watcher: threading.Thread | None = None
_lock = threading.Lock()


class _Watch:
    """One thread's work. It is measured from the first look on: most ends before."""

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
    """End this process if the block takes longer than ``seconds``, waits for a CPU left out."""
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
        while not pause.wait(TICK):
            watches = list(_watches.values())
            if any(watch.is_over() for watch in watches):
                os._exit(EXIT_TIMED_OUT)
            if watches:
                silence = max(SILENCE, *(watch.seconds for watch in watches))
                faulthandler.dump_traceback_later(silence, exit=True, file=nowhere)
            elif armed:
                faulthandler.cancel_dump_traceback_later()
            armed = bool(watches)

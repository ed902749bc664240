"""Work that runs side by side where cores are idle, in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MOST_THREADS = 8
"""Items of one source that are worked on at once, at most."""


def idle_cores() -> int:
    """Return how many of this process's CPUs have nothing to run now; 0 where that isn't known.

    Linux tells how many threads are ready to run (``/proc/loadavg``, fourth field); this one is
    among them.
    """
    try:
        with open("/proc/loadavg", encoding="ascii") as file:
            ready = int(file.read().split()[3].partition("/")[0])
        return max(0, len(os.sched_getaffinity(0)) - ready)
    except (OSError, AttributeError, IndexError, ValueError):
        return 0


class SideBySide:
    """Applies a function to items, in as many threads as there are idle cores."""

    def __init__(self, idle: Callable[[], int] = idle_cores) -> None:
        """Prepare; threads start when they are needed.

        Args:
            idle: returns the number of idle cores.
        """
        self.idle = idle
        self.threads = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="encode")

    def map(
        self, work: Callable[[Item], Answer], items: Iterator[Item]
    ) -> Iterator[tuple[Item, Answer]]:
        """Yield each item with its answer, in their order.

        Items are taken while earlier ones are worked on, at most one ahead for each idle core. What
        the work raises is raised in the order of the items.

        Args:
            work: does the same for the same item, whichever thread it runs in.
            items: are taken by the calling thread.
        """
        ahead = min(self.idle(), MOST_THREADS - 1)
        if ahead == 0:
            for item in items:
                yield item, work(item)
            return
        pending: deque[tuple[Item, Future[Answer]]] = deque()
        try:
            for item in items:
                pending.append((item, self.threads.submit(work, item)))
                if len(pending) > ahead:
                    first, answer = pending.popleft()
                    yield first, answer.result()
            while pending:
                first, answer = pending.popleft()
                yield first, answer.result()
        finally:
            for _, answer in pending:
                answer.cancel()

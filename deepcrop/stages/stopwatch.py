"""The time that a process had for its work: elapsed time, less the time that it waited for a CPU.

Elapsed time alone depends on what else the machine runs (Ray starts its workers at niceness 15, so
other processes come first), and CPU time doesn't grow in a process that sleeps forever. Linux
counts for each thread how long it was ready to run and had no CPU
(``/proc/PID/task/TID/schedstat``, second number, in nanoseconds;
Documentation/scheduler/sched-stats.rst). Where there is no such file, elapsed time is measured.
"""

from __future__ import annotations

import os
import time


class Stopwatch:
    """Measures the time that a process has, from the construction of the object on."""

    def __init__(self, process: int | str = "self") -> None:
        """Start to measure.

        Args:
            process: the id of the process.
        """
        self.process = process
        self.began = time.monotonic()
        self.waited = waits(process)

    def clock(self) -> float:
        """Return the elapsed seconds."""
        return time.monotonic() - self.began

    def seconds(self) -> float:
        """Return the elapsed seconds, less those for which a thread waited for a CPU.

        The thread that waited longest counts, since the others may wait for it.
        """
        before = self.waited
        waited = max(
            (now - before.get(thread, 0.0) for thread, now in waits(self.process).items()),
            default=0.0,
        )
        return max(0.0, self.clock() - waited)


def waits(process: int | str) -> dict[str, float]:
    """Return the seconds that each thread of a process has waited for a CPU, by its id."""
    folder = f"/proc/{process}/task"
    found = {}
    try:
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/schedstat", encoding="ascii") as file:
                found[thread] = int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):  # another system, or a thread that ends just now
        pass
    return found

"""What a command costs: its own time and memory and those of every process that it starts.

Ray's daemons outlive their parents, so the processes are found by making this one the parent of
orphans (Linux), and their times are sampled, since nobody waits for most of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL = 0.2
"""Seconds between two looks at the processes; what one does after the last look isn't counted."""
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """What one run of a command took.

    Attributes:
        seconds: on the clock.
        cpu: CPU-seconds of all its processes.
        memory: peak of their memory in bytes, what they share counted once (PSS).
    """

    seconds: float
    cpu: float
    memory: int


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, and that of all its processes.

    Raises:
        subprocess.CalledProcessError: its exit status is not 0.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start, times, memory, looks = time.monotonic(), dict[tuple[int, float], float](), 0, 0
    job = subprocess.Popen(command, env=dict(environment) if environment else None)
    while job.poll() is None:
        memory = max(memory, _look(times, with_memory=looks % 5 == 0))
        looks += 1
        time.sleep(INTERVAL)
    seconds = time.monotonic() - start
    _end_orphans(times)
    if job.returncode:
        raise subprocess.CalledProcessError(job.returncode, list(command))
    return Cost(seconds, sum(times.values()), memory)


def _look(times: dict[tuple[int, float], float], *, with_memory: bool) -> int:
    """Note the CPU time of every process below this one; return the memory of all, if asked."""
    memory = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error, OSError):
            spent = process.cpu_times()
            times[process.pid, process.create_time()] = spent.user + spent.system
            if with_memory:
                memory += _shared_memory(process.pid)
    return memory


def _shared_memory(pid: int) -> int:
    """Return a process's proportional share of memory, in bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return 1024 * int(line.split()[1])
    return 0


def _end_orphans(times: dict[tuple[int, float], float]) -> None:
    """Wait a little for what the command left behind, end the rest, and bury all."""
    patience = time.monotonic() + 5
    while (left := psutil.Process().children(recursive=True)) and time.monotonic() < patience + 5:
        _look(times, with_memory=False)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if time.monotonic() > patience:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        time.sleep(INTERVAL / 2)

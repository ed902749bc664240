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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL = 0.5
"""Seconds between two looks at the processes; what one does after the last look isn't counted.
A look takes 8 ms beside a job on two busy cores: at 0.2 s, 2% of them, and half of that beside the
floor, which has fewer processes."""
EVERY = 20
"""Looks between two at the memory, which take the kernel as long as a photo takes a contender."""
PATIENCE = 5.0
"""Seconds that what a command leaves behind has to end by itself."""
_PR_SET_CHILD_SUBREAPER = 36


def environment(**more: str) -> dict[str, str]:
    """Return this process's variables, without the cluster that is at hand, and more."""
    return {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | more


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


def measure(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    watch: Callable[[int], None] | None = None,
) -> Cost:
    """Run a command to its end, and that of all its processes.

    Args:
        command: the program and its arguments.
        environment: its variables; by default those of this process.
        watch: called with its process's id at every look.

    Raises:
        subprocess.CalledProcessError: its exit status is not 0.
    """
    tree = _Tree()
    _adopt_orphans(True)
    start, memory, looks = time.monotonic(), 0, 0
    job = subprocess.Popen(command, env=dict(environment) if environment else None)
    while job.poll() is None:
        tree.look()
        if watch is not None:
            watch(job.pid)
        if looks % EVERY == 0:
            memory = max(memory, tree.memory())
        looks += 1
        with contextlib.suppress(subprocess.TimeoutExpired):
            job.wait(INTERVAL)
    seconds = time.monotonic() - start
    tree.end()
    _adopt_orphans(False)
    if job.returncode:
        raise subprocess.CalledProcessError(job.returncode, list(command))
    return Cost(seconds, sum(tree.times.values()), memory)


def _adopt_orphans(wanted: bool) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


class _Tree:
    """The processes below this one that weren't there before."""

    def __init__(self) -> None:
        self.others = set(psutil.Process().children(recursive=True))
        self.times: dict[psutil.Process, float] = {}
        """CPU-seconds of each, as last seen."""

    def processes(self) -> set[psutil.Process]:
        return set(psutil.Process().children(recursive=True)) - self.others

    def look(self) -> None:
        """Note what each has spent."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                spent = process.cpu_times()
                self.times[process] = spent.user + spent.system

    def memory(self) -> int:
        """Return the memory of all, what they share counted once."""
        return sum(_share_of_memory(process.pid) for process in self.processes())

    def end(self) -> None:
        """Wait a little for what the command left behind, end the rest, and bury all."""
        patience = time.monotonic() + PATIENCE
        while left := self.processes():
            self.look()
            for process in left:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
                if time.monotonic() > patience:
                    with contextlib.suppress(psutil.Error):
                        process.kill()
            time.sleep(INTERVAL / 2)


def _share_of_memory(pid: int) -> int:
    """Return a process's proportional share in bytes; 0 where it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    return 0

"""Measure the time and memory of a command and of all processes that it starts.

Ray's daemons outlive their parents, so the processes are found by making this one the parent of
orphans (Linux), and their times are sampled, because no process waits for most of them.
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

SAMPLE_INTERVAL_S = 0.5
"""Seconds between two samples of the processes' CPU times; the use after a process's last sample
isn't counted. A sample takes 8 ms beside a job on two busy cores: every 0.2 s, 2% of them."""
MEMORY_SAMPLE_EVERY = 20
"""Number of samples of CPU times for each sample of the memory, which costs the kernel more."""
EXIT_TIMEOUT_S = 5.0
"""Seconds after which the processes that a command leaves behind are killed."""
_PR_SET_CHILD_SUBREAPER = 36


def environment(**more: str) -> dict[str, str]:
    """Return this process's variables without the address of a Ray cluster, and further ones."""
    return {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | more


@dataclass(frozen=True)
class Cost:
    """The cost of one run of a command.

    Attributes:
        seconds: elapsed seconds.
        cpu: CPU-seconds of all its processes.
        memory: peak of their memory in bytes, shared memory counted once (PSS).
    """

    seconds: float
    cpu: float
    memory: int


def measure(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    watch: Callable[[int], None] | None = None,
) -> Cost:
    """Run a command until all its processes have ended; return its cost.

    Args:
        command: the program and its arguments.
        environment: its variables; by default those of this process.
        watch: called with its process's id at every sample.

    Raises:
        subprocess.CalledProcessError: its exit status is not 0.
    """
    tree = _Tree()
    _adopt_orphans(True)
    start, memory, samples = time.monotonic(), 0, 0
    job = subprocess.Popen(command, env=dict(environment) if environment else None)
    while job.poll() is None:
        tree.sample()
        if watch is not None:
            watch(job.pid)
        if samples % MEMORY_SAMPLE_EVERY == 0:
            memory = max(memory, tree.memory())
        samples += 1
        with contextlib.suppress(subprocess.TimeoutExpired):
            job.wait(SAMPLE_INTERVAL_S)
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
        """CPU-seconds of each process, as of its last sample."""

    def processes(self) -> set[psutil.Process]:
        return set(psutil.Process().children(recursive=True)) - self.others

    def sample(self) -> None:
        """Update the CPU times of all processes."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                spent = process.cpu_times()
                self.times[process] = spent.user + spent.system

    def memory(self) -> int:
        """Return the memory of all processes in bytes, shared memory counted once."""
        return sum(_share_of_memory(process.pid) for process in self.processes())

    def end(self) -> None:
        """Wait for the processes that are left, kill them after a while, and reap all."""
        deadline = time.monotonic() + EXIT_TIMEOUT_S
        while left := self.processes():
            self.sample()
            for process in left:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
                if time.monotonic() > deadline:
                    with contextlib.suppress(psutil.Error):
                        process.kill()
            time.sleep(SAMPLE_INTERVAL_S / 2)


def _share_of_memory(pid: int) -> int:
    """Return a process's proportional share of memory (PSS) in bytes; 0 if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    return 0

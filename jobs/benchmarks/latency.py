"""A job on an object store whose every answer is late, beside the same job on a prompt one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import psutil

from ..faults.proxy import Faults
from ..faults.servers import fault_proxy
from .bulk import BUCKET, run, stored
from .comparison import Margin, cores
from .corpus import write_corpus
from .measure import Cost

HEADINGS = ("latency, ms", "images/s", "CPU-ms/image", "cores busy", "cores idle")


@dataclass(frozen=True)
class Late:
    """What one job took.

    Attributes:
        latency: mean delay of every answer, in milliseconds.
        seconds: an image more, on the clock.
        cpu: CPU-seconds of it.
        idle: CPU-seconds that nobody used meanwhile, the store and the proxy neither.
    """

    latency: float
    seconds: float
    cpu: float
    idle: float

    def share(self, cpu: float) -> float:
        """Return the share of the cores' time that so many CPU-seconds are."""
        return cpu / (self.seconds * cores())


def compare(
    counts: tuple[int, int], latencies: tuple[float, ...], rounds: int, method: str
) -> Iterator[Late]:
    """Run a job on a small and a large corpus behind each latency, in turn.

    The figures are of one image more, so that what starting costs falls out.
    """
    with tempfile.TemporaryDirectory(prefix="latency-") as folder:
        corpora = [write_corpus(Path(folder) / str(count), count) for count in counts]
        with stored(corpora) as url:
            for number, latency in product(range(rounds), latencies):
                with fault_proxy(url, Faults(latency_ms=latency), seed=number) as endpoint:
                    (small, less), (large, more) = (
                        _run(endpoint, count, method) for count in counts
                    )
                margin = Margin.between(small, large, counts)
                idle = (more - less) / (counts[1] - counts[0])
                yield Late(latency, margin.seconds, margin.cpu, idle)


def line(found: Late) -> list[str]:
    """Return a job's line of the table."""
    return [
        f"{found.latency:.0f}",
        f"{1 / found.seconds:.1f}",
        f"{1000 * found.cpu:.0f}",
        f"{found.share(found.cpu):.0%}",
        f"{found.share(found.idle):.0%}",
    ]


def _run(endpoint: str, count: int, method: str) -> tuple[Cost, float]:
    """Run the job; return what it took, and the CPU-seconds that the machine idled."""
    place, before = f"s3://{BUCKET}", _idled()
    flag = f"--s3-endpoint={endpoint}"
    cost = run(f"{place}/{count}", f"{place}/out-{count}", method, flag)
    return cost, _idled() - before


def _idled() -> float:
    """Return the CPU-seconds that the machine has idled since it started."""
    times = psutil.cpu_times()
    return float(times.idle + times.iowait)

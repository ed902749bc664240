"""Jobs on an object store whose responses are delayed, and on one without delay."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import psutil

from ..faults.proxy import Faults
from ..faults.servers import fault_proxy
from .comparison import Margin, cores
from .corpus import write_corpus
from .measure import Cost
from .whole_job import BUCKET, run, stored

HEADINGS = ("latency, ms", "images/s", "CPU-ms/image", "cores busy", "cores idle")


@dataclass(frozen=True)
class LatencyResult:
    """The cost of a job for each image more, at one latency.

    Attributes:
        latency: mean delay of every response, in milliseconds.
        seconds: elapsed seconds for each image.
        cpu: CPU-seconds for each image.
        idle: idle CPU-seconds of the machine for each image.
    """

    latency: float
    seconds: float
    cpu: float
    idle: float

    def share(self, cpu: float) -> float:
        """Return CPU-seconds as a share of the time of all cores, 0..1."""
        return cpu / (self.seconds * cores())


def compare(
    counts: tuple[int, int], latencies: tuple[float, ...], rounds: int, method: str
) -> Iterator[LatencyResult]:
    """Run a job on a small and a large corpus at each latency, in turn.

    The figures are those of the large corpus less the small one, an image: without the start-up.
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
                yield LatencyResult(latency, margin.seconds, margin.cpu, idle)


def line(found: LatencyResult) -> list[str]:
    """Return a result's line of the table."""
    return [
        f"{found.latency:.0f}",
        f"{1 / found.seconds:.1f}",
        f"{1000 * found.cpu:.0f}",
        f"{found.share(found.cpu):.0%}",
        f"{found.share(found.idle):.0%}",
    ]


def _run(endpoint: str, count: int, method: str) -> tuple[Cost, float]:
    """Run the job; return its cost, and the idle CPU-seconds of the machine meanwhile."""
    bucket, before = f"s3://{BUCKET}", _idle_seconds()
    flag = f"--s3-endpoint={endpoint}"
    cost = run(f"{bucket}/{count}", f"{bucket}/out-{count}", method, flag)
    return cost, _idle_seconds() - before


def _idle_seconds() -> float:
    """Return the idle CPU-seconds of the machine since it started."""
    times = psutil.cpu_times()
    return float(times.idle + times.iowait)

"""A job on an object store whose every answer is late, beside the same job on a prompt one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from tests.servers.processes import proxy
from tests.servers.proxy import Faults

from .bulk import BUCKET, run, stored
from .comparison import Margin, cores
from .corpus import write_corpus
from .measure import Cost

HEADINGS = ("latency, ms", "images/s", "CPU-ms/image", "cores busy")


@dataclass(frozen=True)
class Late:
    """What one job took.

    Attributes:
        latency: mean delay of every answer, in milliseconds.
        seconds: an image more, on the clock.
        cpu: CPU-seconds of it.
    """

    latency: float
    seconds: float
    cpu: float

    @property
    def busy(self) -> float:
        """Share of the cores' time that the job's processes used, the store's own left out."""
        return self.cpu / (self.seconds * cores())


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
                with proxy(url, Faults(latency_ms=latency), seed=number) as place:
                    small, large = (_run(place, count, method) for count in counts)
                margin = Margin.between(small, large, counts)
                yield Late(latency, margin.seconds, margin.cpu)


def line(found: Late) -> list[str]:
    """Return a job's line of the table."""
    return [
        f"{found.latency:.0f}",
        f"{1 / found.seconds:.1f}",
        f"{1000 * found.cpu:.0f}",
        f"{found.busy:.0%}",
    ]


def _run(endpoint: str, count: int, method: str) -> Cost:
    place = f"s3://{BUCKET}"
    return run(f"{place}/{count}", f"{place}/out-{count}", method, f"--s3-endpoint={endpoint}")

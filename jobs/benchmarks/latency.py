"""A job on an object store whose every answer is late, beside the same job on a prompt one."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import boto3
from botocore.config import Config

from tests.servers.processes import proxy, server
from tests.servers.proxy import Faults

from .comparison import cores
from .corpus import write_corpus
from .measure import environment, measure

BUCKET = "latency"
HEADINGS = ("latency, ms", "images/s", "CPU-ms/image", "cores busy")
ASPECTS = ("1:1", "16:9", "9:16", "4:5", "3:2")


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
    with (
        tempfile.TemporaryDirectory(prefix="latency-") as folder,
        server() as (url, key, secret, _),
    ):
        os.environ.update(
            AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret, AWS_DEFAULT_REGION="us-east-1"
        )
        client = boto3.client("s3", endpoint_url=url, config=Config(max_pool_connections=8))
        client.create_bucket(Bucket=BUCKET)
        for count in counts:
            paths = sorted(write_corpus(Path(folder) / str(count), count).iterdir())
            keys = [f"{count}/{path.name}" for path in paths]
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(client.upload_file, map(str, paths), repeat(BUCKET), keys))
        for number in range(rounds):
            for latency in latencies:
                with proxy(url, Faults(latency_ms=latency), seed=number) as place:
                    small, large = (_run(place, count, method) for count in counts)
                more = counts[1] - counts[0]
                yield Late(latency, (large[0] - small[0]) / more, (large[1] - small[1]) / more)


def line(found: Late) -> list[str]:
    """Return a job's line of the table."""
    return [
        f"{found.latency:.0f}",
        f"{1 / found.seconds:.1f}",
        f"{1000 * found.cpu:.0f}",
        f"{found.busy:.0%}",
    ]


def _run(endpoint: str, count: int, method: str) -> tuple[float, float]:
    """Run the job afresh; return its seconds and CPU-seconds."""
    flags = [
        f"--input=s3://{BUCKET}/{count}",
        f"--output=s3://{BUCKET}/out-{count}",
        f"--s3-endpoint={endpoint}",
        f"--method={method}",
        "--max-size=640",
        "--overwrite",
        *(f"--aspect={aspect}" for aspect in ASPECTS),
    ]
    cost = measure([sys.executable, "-m", "deepcrop", "run", *flags], environment())
    return cost.seconds, cost.cpu

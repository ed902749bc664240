"""Run a job on clusters of one and of several nodes, simulated on this machine.

A node is a set of Ray's processes with one CPU declared; the head has none. The nodes share the
machine's cores with each other and with the driver: with more nodes than cores, only the overhead
of a node can be seen.

A job runs in a process of its own, which starts the cluster and ends it:
``python -m jobs.benchmarks.nodes NODES SOURCE TARGET``.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .comparison import Margin
from .footprint import check, write_pictures
from .measure import Cost, environment, measure

STORE_BYTES = 100_000_000
"""Size of a node's object store, in bytes."""
HEADINGS = ("nodes", "images/s (least to most)", "one node = 1", "CPU-ms/image", "start s")


def compare(
    numbers: Sequence[int], counts: tuple[int, int], rounds: int
) -> dict[int, list[Margin]]:
    """Run a job on clusters of these numbers of nodes, in turn; return the margins of each."""
    found: dict[int, list[Margin]] = {number: [] for number in numbers}
    with tempfile.TemporaryDirectory(prefix="nodes-") as folder:
        corpora = [write_pictures(Path(folder) / str(count), count) for count in counts]
        for _ in range(rounds):
            for number in numbers:
                small, large = (_measure(number, corpus, Path(folder)) for corpus in corpora)
                found[number].append(Margin.between(small, large, counts))
                last = f"{number} nodes: {1 / found[number][-1].seconds:.0f} images/s"
                print(last, file=sys.stderr, flush=True)
    return found


def rows(found: dict[int, list[Margin]]) -> list[list[str]]:
    """Return a line for each number of nodes."""
    lines, first = [], 0.0
    for number, margins in found.items():
        rates = [1 / margin.seconds for margin in margins]
        median = statistics.median(rates)
        first = first or median / number
        line = [
            str(number),
            f"{median:.0f} ({min(rates):.0f} to {max(rates):.0f})",
            f"{median / first:.2f}",
            f"{1000 * statistics.median(margin.cpu for margin in margins):.1f}",
            f"{statistics.median(margin.start for margin in margins):.0f}",
        ]
        lines.append(line)
    return lines


def _measure(number: int, corpus: Path, folder: Path) -> Cost:
    with tempfile.TemporaryDirectory(dir=folder) as target:
        arguments = [str(number), str(corpus), f"{target}/out"]
        command = [sys.executable, "-m", "jobs.benchmarks.nodes", *arguments]
        return measure(command, environment())


def run(number: int, source: Path, target: Path) -> None:
    """Run a job on a cluster of ``number`` nodes."""
    from ray.cluster_utils import Cluster

    from deepcrop import Job

    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "object_store_memory": STORE_BYTES,
            "include_dashboard": False,
        },
    )
    try:
        for _ in range(number):
            cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
        os.environ["RAY_ADDRESS"] = cluster.address
        import deepcrop

        deepcrop.run(Job(input=str(source), output=str(target), method="center", aspects=("1:1",)))
    finally:
        cluster.shutdown()
    check(target, len(list(source.iterdir())))


if __name__ == "__main__":
    run(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))

"""The cost of running the network in a process of its own, as on clusters with GPUs.

The module is a command too, since it measures the CPU time of its whole process.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from deepcrop.engine.actors import FetchActor, FusedActor, NetworkActor, RenderActor
from deepcrop.job import Job
from deepcrop.methods import registry
from deepcrop.sources.discovery import list_small
from deepcrop.stages.infer import Predictor
from deepcrop.stages.item import ImageTask

from .task import ASPECTS, LONGEST

METHOD: Final = "saliency"
TURNS = 5
"""Number of measurements of both layouts in turn; the first is a warm-up."""


def measure_overhead(corpus: Path, target: Path) -> float:
    """Return the CPU-seconds an image that three actors take in addition to a single fused one.

    The network's time is excluded from both. Data between two actors is serialized once and read
    in place, as in the object store.

    Args:
        corpus: a folder of photos.
        target: a folder for the variants.
    """
    job = Job(
        input=str(corpus), output=str(target), method=METHOD, aspects=ASPECTS, max_size=LONGEST
    )
    found = list_small(job.input, job.storage)
    assert found is not None
    whole = FusedActor(job, job.storage, pa.schema([]))
    fetch = FetchActor(job, job.storage, registry.analysis_of(METHOD))
    network = NetworkActor(job)
    render = RenderActor(job, job.storage, pa.schema([]))
    whole.predictor, network.predictor = fused_timer, split_timer = _Timed(job), _Timed(job)
    differences = []
    for _ in range(TURNS):
        fused = _excess(fused_timer, whole, found.table)
        split = _excess(
            split_timer, lambda batch: render(_sent(network(_sent(fetch(batch))))), found.table
        )
        differences.append(split - fused)
    return statistics.median(differences[1:]) / len(found.table)


class _Timed(Predictor):
    """Adds up the CPU-seconds that the network takes."""

    seconds = 0.0

    def __call__(self, works: Sequence[ImageTask]) -> None:
        start = time.process_time()
        super().__call__(works)
        self.seconds += time.process_time() - start


def _excess(predictor: _Timed, work: Callable[[pa.Table], object], sources: pa.Table) -> float:
    """Return the CPU-seconds that ``work`` takes on all sources, without the network's."""
    start, before = time.process_time(), predictor.seconds
    for at in range(0, len(sources), predictor.job.batch_size):
        work(sources.slice(at, predictor.job.batch_size))
    return time.process_time() - start - (predictor.seconds - before)


def _sent(table: pa.Table) -> pa.Table:
    """Return a table as the next actor gets it: serialized, and read without a copy."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(stream.getvalue()).read_all()


if __name__ == "__main__":
    print(measure_overhead(Path(sys.argv[1]), Path(sys.argv[2])))

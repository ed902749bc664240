"""What it takes beyond the network to have it in a process of its own, as clusters with GPUs do.

The module is a command too: it needs a process that nothing else runs in.
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
from deepcrop.methods import base
from deepcrop.sources.discovery import list_small
from deepcrop.stages.infer import Predictor
from deepcrop.stages.item import ImageTask

from .task import ASPECTS, LONGEST

METHOD: Final = "saliency"
TURNS = 5
"""Of both in turn; the first doesn't count."""


def measure_apart(corpus: Path, target: Path) -> float:
    """Return the CPU-seconds an image that three actors take beyond one that does it all.

    The network is left out of both. What passes between two actors is written once and read in
    place, as the object store does.

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
    fetch = FetchActor(job, job.storage, base.analysis_of(METHOD))
    network = NetworkActor(job)
    render = RenderActor(job, job.storage, pa.schema([]))
    whole.predictor, network.predictor = alone, beside = _Timed(job), _Timed(job)
    more = []
    for _ in range(TURNS):
        fused = _beyond(alone, whole, found.table)
        split = _beyond(
            beside, lambda batch: render(_sent(network(_sent(fetch(batch))))), found.table
        )
        more.append(split - fused)
    return statistics.median(more[1:]) / len(found.table)  # the first turn also imports


class _Timed(Predictor):
    """Notes the CPU-seconds that the network takes."""

    seconds = 0.0

    def __call__(self, tasks: Sequence[ImageTask]) -> None:
        start = time.process_time()
        super().__call__(tasks)
        self.seconds += time.process_time() - start


def _beyond(predictor: _Timed, task: Callable[[pa.Table], object], sources: pa.Table) -> float:
    """Return the CPU-seconds that work takes beyond the network's."""
    start, before = time.process_time(), predictor.seconds
    for at in range(0, len(sources), predictor.job.batch_size):
        task(sources.slice(at, predictor.job.batch_size))
    return time.process_time() - start - (predictor.seconds - before)


def _sent(table: pa.Table) -> pa.Table:
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(stream.getvalue()).read_all()


if __name__ == "__main__":
    print(measure_apart(Path(sys.argv[1]), Path(sys.argv[2])))

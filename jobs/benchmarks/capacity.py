"""Estimates for larger machines, from the measured cost of the parts of an image's work.

Nothing is run on those machines: a CPU is assumed to be as fast as one here, and a GPU to reach a
tenth of its peak rate.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from skimage import data
from torch import Tensor, nn

from deepcrop.methods.base import as_tensor
from deepcrop.methods.registry import load
from deepcrop.planning.prices import Prices

from .comparison import Margin
from .corpus import write_corpus
from .split_overhead import METHOD
from .whole_job import BUCKET, run, stored

GPU_RATE = 0.1 * 121e12
"""Multiplications and additions a second of an L4: a tenth of its dense FP16 peak (data sheet)."""
MACHINES = (
    (1, "c7i.4xlarge", "center"),
    (1, "c7i.4xlarge", METHOD),
    (1, "g6.4xlarge", METHOD),
    (2, "g6.12xlarge", METHOD),
)
"""Number of machines, their name in the table of prices, and the method."""
HEADINGS = ("machines", "method", "CPU-ms", "images an hour", "$ a million", "bottleneck")


@dataclass(frozen=True)
class Parts:
    """The parts of an image's work: CPU-seconds, and the operations of the network.

    Attributes:
        pixels: decode, resize, encode and the engine, with files.
        network: the network, on a CPU.
        store: S3 in addition to files.
        apart: the network in a process of its own, as with a GPU: a second decode, and the
            serialization between the processes.
        operations: multiplications and additions of the network.
    """

    pixels: float
    network: float
    store: float
    apart: float
    operations: float

    def of(self, method: str, gpu: bool) -> dict[str, float]:
        """Return the CPU-seconds of a job's parts, by name."""
        parts = {"pixels": self.pixels}
        if method == METHOD:
            parts |= {"apart": self.apart} if gpu else {"network": self.network}
        return parts | {"store": self.store}


def parts(counts: tuple[int, int], rounds: int) -> Parts:
    """Measure the parts by jobs of two sizes in turn; measure separately what jobs don't show.

    Returns:
        Medians over the rounds of the cost of each image more.
    """
    with tempfile.TemporaryDirectory(prefix="capacity-") as folder:
        corpora = [write_corpus(Path(folder) / str(count), count) for count in counts]
        with stored(corpora) as url:

            def margin(method: str, source: str, target: str, *more: str) -> float:
                small, large = (
                    run(f"{source}/{count}", f"{target}-{count}", method, *more) for count in counts
                )
                return Margin.between(small, large, counts).cpu

            local, bucket = (folder, f"{folder}/out"), (f"s3://{BUCKET}", f"s3://{BUCKET}/out")
            found = []
            for _ in range(rounds):
                pixels = margin("center", *local)
                network = margin(METHOD, *local) - pixels
                store = margin("center", *bucket, f"--s3-endpoint={url}") - pixels
                found.append((pixels, network, store))
        pixels, network, store = map(statistics.median, zip(*found, strict=True))
        command = [
            sys.executable,
            "-m",
            "jobs.benchmarks.split_overhead",
            str(corpora[0]),
            f"{folder}/apart",
        ]
        apart = float(subprocess.check_output(command, text=True))
    method, photo = load(METHOD, device="cpu"), as_tensor(data.coffee())
    multiplications = operations(method.network, lambda: method.network.predict([photo]))
    return Parts(pixels, network, store, apart, multiplications)


def operations(network: nn.Module, predict: Callable[[], object]) -> float:
    """Return the number of multiplications and additions of a network's convolutions in a call."""
    counted = [0.0]

    def count(convolution: nn.Conv2d, _: object, output: Tensor) -> None:
        positions = output.numel() / output.shape[1]
        counted[0] += 2 * positions * convolution.weight.numel()

    hooks = [
        each.register_forward_hook(count)
        for each in network.modules()
        if isinstance(each, nn.Conv2d)
    ]
    predict()
    for hook in hooks:
        hook.remove()
    return counted[0]


def lines(found: Parts, prices: Prices) -> Iterator[list[str]]:
    """Yield the table's lines: the parts of the CPU time, and the bottleneck."""
    for count, name, method in MACHINES:
        machine = prices.machine(name)
        needed = found.of(method, machine.gpus > 0)
        rate = count * machine.cpus / sum(needed.values())
        bottleneck = f"CPUs: {max(needed, key=needed.__getitem__)}"
        if machine.gpus:
            gpu_rate = count * machine.gpus * GPU_RATE / found.operations
            bottleneck = f"CPUs; GPUs {rate / gpu_rate:.1%} busy" if rate < gpu_rate else "GPUs"
            rate = min(rate, gpu_rate)
        sums = " + ".join(f"{1000 * seconds:.0f}" for seconds in needed.values())
        yield [
            f"{count} {name}, {count * machine.cpus} CPUs, {count * machine.gpus} GPUs",
            method,
            f"{sums} = {1000 * sum(needed.values()):.0f}",
            f"{3600 * rate:,.0f}",
            f"{count * machine.hour / (3600 * rate) * 1e6:.2f}",
            bottleneck,
        ]

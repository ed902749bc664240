"""Contenders on the same work, in turn, and what one image more costs each of them.

Every contender runs on a small and on a large corpus; the difference between the two, divided by
the images between them, is the cost at the margin, free of what starting costs. The rounds repeat
all of it, and ratios are taken within a round, where the machine was the same for all.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .contenders import CONTENDERS
from .corpus import write_corpus
from .measure import Cost, environment, measure

OURS = "deepcrop"


@dataclass(frozen=True)
class Margin:
    """The marginal cost of a contender in one round.

    Attributes:
        seconds: elapsed seconds for each image more.
        cpu: CPU-seconds for each image more.
        start: elapsed seconds before the first image and after the last.
        memory: peak in bytes.
    """

    seconds: float
    cpu: float
    start: float
    memory: int

    @classmethod
    def between(cls, small: Cost, large: Cost, counts: tuple[int, int]) -> Margin:
        """Return the difference of two runs per image, on the two numbers of images."""
        more = counts[1] - counts[0]
        seconds = (large.seconds - small.seconds) / more
        start = small.seconds - counts[0] * seconds
        return cls(seconds, (large.cpu - small.cpu) / more, start, large.memory)


def cores() -> int:
    """Return the number of cores that this process, and so every contender, may use."""
    return len(os.sched_getaffinity(0))


def compare(
    names: Sequence[str], counts: tuple[int, int], rounds: int, photos: Path | None
) -> dict[str, list[Margin]]:
    """Run contenders in turn on two corpora; return the margins of each, one a round."""
    found: dict[str, list[Margin]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        corpora = [write_corpus(Path(folder) / str(count), count, photos) for count in counts]
        for _ in range(rounds):
            for name in names:
                small, large = (_run(name, corpus, Path(folder)) for corpus in corpora)
                found[name].append(Margin.between(small, large, counts))
                _print_margin(name, found[name][-1])
    return found


def _run(name: str, corpus: Path, folder: Path) -> Cost:
    variables = environment(OMP_NUM_THREADS="1", **CONTENDERS[name].environment)
    with tempfile.TemporaryDirectory(dir=folder) as target:
        output = Path(target) / "out"
        module = "jobs.benchmarks.contenders"
        arguments = [name, str(corpus), str(output), str(cores())]
        return measure([sys.executable, "-m", module, *arguments], variables)


def _print_margin(name: str, margin: Margin) -> None:
    print(
        f"{name}: {1000 * margin.cpu:.0f} CPU-ms, {1000 * margin.seconds:.0f} ms an image, "
        f"start {margin.start:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def rows(found: dict[str, list[Margin]]) -> list[list[str]]:
    """Return a line for each contender: medians, and its ratios to ours with their range."""
    ours = found.get(OURS)
    lines = []
    for name, margins in found.items():
        rates = [1 / (margin.seconds * cores()) for margin in margins]
        line = [
            name,
            f"{statistics.median(rates):.1f}",
            f"{1000 * statistics.median(margin.cpu for margin in margins):.0f}",
            f"{max(margin.memory for margin in margins) / 2**20:.0f}",
            f"{statistics.median(margin.start for margin in margins):.0f}",
        ]
        if ours is not None:
            line.append(_ratio([a.cpu / b.cpu for a, b in zip(margins, ours, strict=True)]))
            line.append(_ratio([a.seconds / b.seconds for a, b in zip(margins, ours, strict=True)]))
        lines.append(line)
    return lines


def _ratio(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


HEADINGS = (
    "contender",
    "images/s/core",
    "CPU-ms/image",
    "peak MiB",
    "start s",
    "CPU, ours = 1",
    "clock, ours = 1",
)

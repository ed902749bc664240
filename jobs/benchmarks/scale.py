"""Jobs over more and more small pictures: what stays flat, and what grows.

A job's cost at the margin is of one picture more than the job before had, free of what starting
costs. Listing is the time until a job knows all its pictures: most of it goes by in a process of
its own, but no picture is worked on before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .comparison import Margin
from .footprint import Footprint, take

HEADINGS = (
    "images",
    "s",
    "driver MiB",
    "largest worker MiB",
    "listing s",
    "ms/image",
    "CPU-ms/image",
)


def lines(counts: Sequence[int], found: list[Footprint]) -> Iterator[list[str]]:
    """Run a job over each number of pictures; yield lines of the table, and keep what was found.

    Costs of one picture more stand from the second job on.
    """
    for count in counts:
        found.append(take(count))
        last = found[-1]
        costs = [""] * 2
        if len(found) > 1:
            margin = _margin(*found[-2:])
            costs = [f"{1000 * each:.1f}" for each in (margin.seconds, margin.cpu)]
        memory = (f"{peak / 2**20:.0f}" for peak in (last.driver, last.worker))
        yield [f"{count:,}", f"{last.cost.seconds:.0f}", *memory, f"{last.listing:.1f}", *costs]


def growth(found: Sequence[Footprint]) -> dict[str, float]:
    """Return the shares by which the last job's figures exceed those of the job before it."""
    if len(found) < 2:
        return {}
    before, last = found[-2:]
    grown = {
        "driver's memory": last.driver / before.driver - 1,
        "largest worker's memory": last.worker / before.worker - 1,
    }
    if len(found) > 2:
        first, second = _margin(*found[-3:-1]), _margin(*found[-2:])
        grown["CPU time of an image"] = second.cpu / first.cpu - 1
    return grown


def _margin(smaller: Footprint, larger: Footprint) -> Margin:
    return Margin.between(smaller.cost, larger.cost, (smaller.images, larger.images))

"""Jobs over increasing numbers of small images: the cost of an image, memory, and listing.

The cost of an image is the difference to the job before, divided by the difference of their numbers
of images, and so without the start-up. Listing is the time until a job has listed all images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .comparison import Margin
from .footprint import Footprint, measure_job

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
    """Run a job over each number of images; yield lines of the table, and append to ``found``.

    The cost of an image is in the lines from the second on.
    """
    for count in counts:
        found.append(measure_job(count))
        last = found[-1]
        costs = [""] * 2
        if len(found) > 1:
            margin = _margin(*found[-2:])
            costs = [f"{1000 * each:.1f}" for each in (margin.seconds, margin.cpu)]
        memory = (f"{peak / 2**20:.0f}" for peak in (last.driver, last.worker))
        yield [f"{count:,}", f"{last.cost.seconds:.0f}", *memory, f"{last.listing:.1f}", *costs]


def growth(found: Sequence[Footprint]) -> dict[str, float]:
    """Return by which share, 0.1 for 10%, the last job's figures exceed those of the job before."""
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

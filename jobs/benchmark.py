"""Measure jobs and methods, from the repository's root.

```
python -m jobs.benchmark compare                 # the pipeline against what people use today
python -m jobs.benchmark latency                 # a job on a store that answers late
python -m jobs.benchmark scale                   # its cost, memory and listing, up to 200,000
python -m jobs.benchmark nodes                   # a job on simulated clusters of 1, 2 and 4 nodes
python -m jobs.benchmark capacity                # what an image takes, and larger machines would do
python -m jobs.benchmark plan FOLDER...          # what `deepcrop plan` projects, and what jobs take
python -m jobs.benchmark crop --method saliency  # milliseconds an image of crop methods
python -m jobs.benchmark batch --method mars     # images a second, many at once, on a GPU too
python -m jobs.benchmark retarget --method dnr   # seconds an image beside the floor
```
"""

from __future__ import annotations

import statistics
import tempfile
import time
import timeit
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

import deepcrop
from deepcrop.geometry import Size
from deepcrop.job import Job
from deepcrop.methods.base import as_aspects, as_tensor, load, load_crop, load_retarget
from deepcrop.planning.plan import plan as project
from deepcrop.planning.prices import Prices
from jobs.evaluation.retarget_timing import measure, timing_table

from .benchmarks import capacity as machines
from .benchmarks import comparison
from .benchmarks import latency as delays
from .benchmarks import nodes as clusters
from .benchmarks import scale as sizes
from .benchmarks.contenders import CONTENDERS
from .benchmarks.footprint import Footprint

app = typer.Typer(no_args_is_help=True, add_completion=False)
SOURCE = 8
"""Pixels along a side of a source for one of the photos that crop methods are timed on."""
PHOTOS = [Image.fromarray(each) for each in (data.astronaut(), data.coffee(), data.chelsea())]
EIGHT = ("1:1", "4:5", "2:3", "3:4", "4:3", "3:2", "16:9", "9:16")


@app.callback()
def main() -> None:
    """Measure jobs."""


@app.command()
def scale(
    counts: Annotated[
        list[int] | None, typer.Argument(help="Images of each job, ascending.")
    ] = None,
    growth: Annotated[
        float, typer.Option(help="Share by which the last two may differ; more is an error.")
    ] = 0.1,
) -> None:
    """Print what an image costs, and the memory and the listing, by a job's number of images.

    Costs are of one image more than the size before had. The images are small, so that the engine
    is what is measured. Every job's manifest is checked.
    """
    found: list[Footprint] = []
    _show(sizes.HEADINGS, sizes.lines(counts or [200, 2000, 20_000, 200_000], found))
    _judge(sizes.growth(found), growth)


@app.command()
def nodes(
    numbers: Annotated[list[int] | None, typer.Argument(help="Nodes of each cluster.")] = None,
    small: Annotated[int, typer.Option(help="Images of the small corpus.", min=1)] = 200,
    large: Annotated[int, typer.Option(help="Images of the large corpus.", min=2)] = 10_000,
    rounds: Annotated[int, typer.Option(help="How often everything is repeated.", min=1)] = 2,
) -> None:
    """Compare a job on clusters of more and more nodes, with one CPU each, on this machine.

    The images are small, and every job's manifest is checked.
    """
    print(f"{comparison.cores()} cores here: with more nodes than that, look at the costs alone")
    found = clusters.compare(numbers or [1, 2, 4], (small, large), rounds)
    _show(clusters.HEADINGS, clusters.rows(found))


@app.command()
def capacity(
    small: Annotated[int, typer.Option(help="Images of the small corpus.", min=1)] = 24,
    large: Annotated[int, typer.Option(help="Images of the large corpus.", min=2)] = 240,
    rounds: Annotated[int, typer.Option(help="How often everything is repeated.", min=1)] = 2,
) -> None:
    """Measure the parts of an image's work, and reckon what larger machines would do with it.

    The CPU-milliseconds stand in the order: pixels and engine, network or what it takes to have it
    on a GPU, what S3 takes beyond files. A GPU is reckoned at a tenth of its peak.
    """
    _show(machines.HEADINGS, machines.lines(machines.parts((small, large), rounds), Prices.read()))


@app.command()
def plan(
    corpora: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders of photos.")],
    method: Annotated[str, typer.Option(help="The method.")] = "saliency",
    limit: Annotated[int, typer.Option(help="Photos of each folder, at most.")] = 300,
    tolerance: Annotated[float, typer.Option(help="More than this off is an error.")] = 0.25,
) -> None:
    """Compare what `deepcrop plan` projects with what the jobs then take."""
    prices = Prices.read()
    off = 0.0
    for corpus in corpora:
        with tempfile.TemporaryDirectory(prefix="plan-") as folder:
            job = Job(
                input=str(corpus),
                output=folder,
                method=method,
                aspects=("1:1", "16:9", "4:5"),
                max_size=640,
                limit=limit,
            )
            projected = project(job, prices)
            result = deepcrop.run(job)
        seconds, written = projected.seconds, projected.bytes_out
        share = seconds.value / result.seconds - 1
        off = max(off, abs(share))
        print(
            f"{corpus}: {projected.sources} sources, {projected.timed} timed: "
            f"{seconds.value:.1f} ± {seconds.error:.1f} s projected, {result.seconds:.1f} s taken "
            f"({share:+.0%}); {written.value / 2**20:.1f} ± {written.error / 2**20:.1f} MiB out",
            flush=True,
        )
    if off > tolerance:
        raise typer.Exit(1)


@app.command()
def crop(
    method: Annotated[
        list[str] | None, typer.Option(help="A crop method; may be given again.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Name or file; else each's own.")] = None,
    repeats: Annotated[int, typer.Option(min=2, help="Times each photo is looked at.")] = 20,
) -> None:
    """Time crop methods on one CPU thread, for one ratio and for eight.

    The times are of the processor, not of the clock, for photos that lie in memory at the size
    that the method wants, and windows in sources of 9 to 17 megapixels. One ratio and eight take
    turns, so that their quotient, the median over the turns, is not of a processor whose clock
    changes meanwhile.
    """
    if weights and len(method or []) != 1:
        raise typer.BadParameter("give the one --method that they are of", param_hint="--weights")
    torch.set_num_threads(1)
    table = Table("method", "ratios", "ms, least", "ms, median", "of one", box=None)
    for name in method or ["saliency", "mars"]:
        loaded = load_crop(name, device="cpu", weights=weights)
        times: dict[int, list[float]] = {1: [], len(EIGHT): []}
        for photo in PHOTOS * repeats:
            size = Size(SOURCE * photo.width, SOURCE * photo.height)
            shape = size.fit(loaded.analysis)
            image = as_tensor(photo.resize((shape.width, shape.height)))
            for count, taken in times.items():
                start = time.thread_time()
                loaded.boxes([image], EIGHT[:count], sizes=[size])
                taken.append(1000 * (time.thread_time() - start))
        for count, taken in times.items():
            quotient = statistics.median(
                each / one for each, one in zip(taken, times[1], strict=True)
            )
            figures = f"{min(taken):.1f}", f"{statistics.median(taken):.1f}", f"{quotient:.2f}"
            table.add_row(name, str(count), *figures)
    Console().print(table)


@app.command()
def batch(
    method: Annotated[
        list[str] | None, typer.Option(help="A crop method; may be given again.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Name or file; else each's own.")] = None,
    size: Annotated[list[int] | None, typer.Option(help="Images at once; again for more.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Batches; the fastest counts.")] = 5,
) -> None:
    """Count the images a second of crop methods, many at once, on the GPU if there is one.

    Of eight ratios: the maps alone, from photos in memory to maps in memory, and with the windows,
    which one CPU thread finds.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    table = Table("method", "device", "batch", "maps/s", "windows/s", box=None)
    for name in method or ["saliency", "mars"]:
        loaded: Any = load(name, device=device, weights=weights)
        sides = Size(4000, 3000).fit(loaded.analysis)
        looks = [as_tensor(photo.resize((sides.width, sides.height))) for photo in PHOTOS]
        ratios = (as_aspects(EIGHT),) if name == "mars" else ()
        for count in size or ([1, 4] if device == "cpu" else [16, 64, 256]):
            images = [looks[index % len(looks)] for index in range(count)]
            rates = []
            looking = partial(loaded.maps, images, *ratios)
            for work in (looking, partial(loaded.boxes, images, EIGHT)):
                work()
                rates.append(count / min(timeit.repeat(work, number=1, repeat=repeats)))
            table.add_row(name, device, str(count), *(f"{rate:,.1f}" for rate in rates))
    Console().print(table)


@app.command()
def retarget(
    method: Annotated[
        list[str] | None, typer.Option(help="A retarget method; may be given again.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Name or file; else each's own.")] = None,
    threads: Annotated[list[int] | None, typer.Option(help="CPU threads; again for more.")] = None,
    batch: Annotated[
        list[int] | None, typer.Option(help="Images at once; by default 1, on a GPU also 32.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs; the shortest counts.")] = 3,
) -> None:
    """Time 640x480 to 75% and to 50% of the width, on the CPU and on the GPU if there is one.

    The floor is the time that the multiplications alone would take at the rate of a large matrix
    product.
    """
    photos = [
        as_tensor(Image.fromarray(picture).resize((640, 480)))
        for picture in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())
    ]
    places = [("cpu", count) for count in threads or [1, 2]]
    if torch.cuda.is_available():
        places.append(("cuda", 1))
    rows = []
    for name in method or ["dnr"]:
        for device, count in places:
            loaded = load_retarget(name, device=device, weights=weights)
            for images in batch or ([1] if device == "cpu" else [1, 32]):
                several = [photos[index % len(photos)] for index in range(images)]
                for size in (Size(480, 480), Size(320, 480)):
                    timing = measure(
                        loaded, several, size, threads=count, device=device, repeats=repeats
                    )
                    place = f"{count} thread{'s'[: count - 1]}" if device == "cpu" else "GPU"
                    rows.append((name, size, place, images, timing))
                    print(name, place, images, size, f"{timing.seconds:.3f}", flush=True)
    Console(width=110).print(timing_table(rows))


@app.command()
def compare(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Contenders: {', '.join(CONTENDERS)}.")
    ] = None,
    small: Annotated[int, typer.Option(help="Images of the small corpus.", min=1)] = 24,
    large: Annotated[int, typer.Option(help="Images of the large corpus.", min=2)] = 144,
    rounds: Annotated[int, typer.Option(help="How often everything is repeated.", min=1)] = 3,
    photos: Annotated[
        Path | None, typer.Option(help="A folder of JPEG files to use in place of the mosaics.")
    ] = None,
) -> None:
    """Compare the pipeline with what people use today, on the cores that this process may use.

    Every contender looks at an image at 256 pixels, cuts five ratios and writes them as JPEG files
    of at most 640 pixels a side. What it costs to start falls out: the figures are of one image
    more.
    """
    ready = []
    for name in names or CONTENDERS:
        if name not in CONTENDERS:
            raise typer.BadParameter(f"{name!r}: expected one of {', '.join(CONTENDERS)}")
        if reason := CONTENDERS[name].missing():
            print(f"{name}: skipped, {reason}")
        else:
            ready.append(name)
    if large <= small:
        raise typer.BadParameter(f"--large {large}: must be more than --small {small}")
    found = comparison.compare(ready, (small, large), rounds, photos)
    _show(comparison.HEADINGS, comparison.rows(found))


@app.command()
def latency(
    small: Annotated[int, typer.Option(help="Images of the small corpus.", min=1)] = 128,
    large: Annotated[int, typer.Option(help="Images of the large corpus.", min=2)] = 384,
    late: Annotated[float, typer.Option(help="Mean delay of every answer, milliseconds.")] = 100,
    rounds: Annotated[int, typer.Option(help="How often everything is repeated.", min=1)] = 2,
    method: Annotated[str, typer.Option(help="The method.")] = "saliency",
) -> None:
    """Compare a job on a prompt S3 server on loopback with one that answers late.

    Five ratios; every request goes through a proxy, which works on the same cores. From 64 images
    a core up both corpora are worked on in whole batches, whose last ones nothing overlaps.
    """
    found = delays.compare((small, large), (0.0, late), rounds, method)
    _show(delays.HEADINGS, map(delays.line, found))


def _show(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Print lines as they come, and in the end a table of them."""
    table = Table(*headings, box=None)
    for line in lines:
        print(*line, flush=True)
        table.add_row(*line)
    Console(width=120).print(table)


def _judge(grown: Mapping[str, float], growth: float) -> None:
    """Say what grew too much, and end with an error if anything did."""
    excess = {name: share for name, share in grown.items() if share > growth}
    for name, share in excess.items():
        print(f"{name}: {share:+.0%} from the last size but one to the last")
    if excess:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()

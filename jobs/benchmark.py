"""Measure jobs and methods; run it from the folder that holds ``jobs``.

```
python -m jobs.benchmark compare                 # whole jobs against other tools
python -m jobs.benchmark latency                 # a job on a store with delayed responses
python -m jobs.benchmark scale                   # cost, memory and listing of up to 200,000 images
python -m jobs.benchmark nodes                   # a job on simulated clusters of 1, 2 and 4 nodes
python -m jobs.benchmark capacity                # cost of an image, estimates for larger machines
python -m jobs.benchmark updates                 # a run with nothing to do, and one ratio more
python -m jobs.benchmark plan FOLDER...          # the projection of `deepcrop plan` against jobs
python -m jobs.benchmark encoders FOLDER         # bytes at equal quality, beside libvips and sharp
python -m jobs.benchmark ladder                  # a ladder of widths and formats, beside libvips
python -m jobs.benchmark crop --method saliency  # milliseconds an image of crop methods
python -m jobs.benchmark batch --method mars     # images a second in batches, on a GPU too
python -m jobs.benchmark gpu                     # images a second of all methods, with decoding
python -m jobs.benchmark retarget --method dnr   # seconds an image, and a lower bound
```
"""

from __future__ import annotations

import json
import statistics
import sys
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
from deepcrop.methods.base import as_aspects, as_tensor
from deepcrop.methods.registry import BUILT_IN, load, load_crop, load_retarget
from deepcrop.planning.plan import plan as project
from deepcrop.planning.prices import Prices
from jobs.evaluation.retarget_timing import measure, timing_table

from .benchmarks import capacity as machines
from .benchmarks import comparison
from .benchmarks import gpu as gpus
from .benchmarks import latency as delays
from .benchmarks import nodes as clusters
from .benchmarks import scale as sizes
from .benchmarks import updates as changes
from .benchmarks.contenders import CONTENDERS
from .benchmarks.footprint import Footprint

app = typer.Typer(no_args_is_help=True, add_completion=False)
SOURCE = 8
"""Pixels along an edge of a source for each pixel of a photo: sources have 9 to 17 megapixels."""
PHOTOS = [Image.fromarray(each) for each in (data.astronaut(), data.coffee(), data.chelsea())]
EIGHT_RATIOS = ("1:1", "4:5", "2:3", "3:4", "4:3", "3:2", "16:9", "9:16")


@app.callback()
def main() -> None:
    """Measure jobs and methods."""


@app.command()
def scale(
    counts: Annotated[
        list[int] | None, typer.Argument(help="Numbers of images, ascending.")
    ] = None,
    growth: Annotated[
        float, typer.Option(help="Growth of the last over the one before that is an error.")
    ] = 0.1,
) -> None:
    """Print the cost of an image, the memory and the listing by a job's number of images.

    The cost is the difference to the job before, for each image more. The images are small, so
    that the engine is what is measured. Every job's manifest is checked.
    """
    found: list[Footprint] = []
    _show(sizes.HEADINGS, sizes.lines(counts or [200, 2000, 20_000, 200_000], found))
    _check_growth(sizes.growth(found), growth)


@app.command()
def nodes(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of nodes.")] = None,
    small: Annotated[int, typer.Option(help="Images of the small corpus.", min=1)] = 200,
    large: Annotated[int, typer.Option(help="Images of the large corpus.", min=2)] = 10_000,
    rounds: Annotated[int, typer.Option(help="Number of repetitions.", min=1)] = 2,
) -> None:
    """Compare a job on clusters of several sizes, simulated here by nodes with one CPU each.

    The images are small, and every job's manifest is checked.
    """
    print(f"{comparison.cores()} cores: with more nodes than that, only the CPU cost is meaningful")
    found = clusters.compare(numbers or [1, 2, 4], (small, large), rounds)
    _show(clusters.HEADINGS, clusters.rows(found))


@app.command()
def capacity(
    small: Annotated[int, typer.Option(help="Images of the small corpus.", min=1)] = 24,
    large: Annotated[int, typer.Option(help="Images of the large corpus.", min=2)] = 240,
    rounds: Annotated[int, typer.Option(help="Number of repetitions.", min=1)] = 2,
) -> None:
    """Measure the parts of an image's work, and estimate the throughput of larger machines.

    The parts of the CPU-milliseconds are: pixels and engine; the network, or the overhead of having
    it on a GPU; S3 in addition to files. A GPU is assumed to reach a tenth of its peak rate.
    """
    _show(machines.HEADINGS, machines.lines(machines.parts((small, large), rounds), Prices.read()))


@app.command()
def updates(
    listed: Annotated[int, typer.Option(help="Sources of the run with nothing to do.")] = 200_000,
    photos: Annotated[int, typer.Option(help="Photos that get a ratio more.")] = 96,
    method: Annotated[str, typer.Option(help="The method.")] = "saliency",
    rounds: Annotated[int, typer.Option(help="Number of repetitions.", min=1)] = 2,
    folder: Annotated[
        Path | None, typer.Option(help="A folder of JPEG files in place of the mosaics.")
    ] = None,
) -> None:
    """Measure what updates cost: a run with nothing to do, and one ratio or size more.

    The first is compared with listing alone, the second with a job that makes this ratio alone, by
    CPU-milliseconds of a photo.
    """
    if listed:
        _show(changes.HEADINGS, changes.nothing_to_do(listed, rounds))
    if photos:
        torch.set_num_threads(1)
        headings = ("CPU-ms a photo", "afresh", "added", "quotient")
        _show(headings, changes.one_more(photos, method, folder))


@app.command()
def plan(
    corpora: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders of photos.")],
    method: Annotated[str, typer.Option(help="The method.")] = "saliency",
    limit: Annotated[int, typer.Option(help="Maximum number of photos of each folder.")] = 300,
    tolerance: Annotated[float, typer.Option(help="Relative deviation that is an error.")] = 0.25,
) -> None:
    """Compare the projection of `deepcrop plan` with the time of the jobs."""
    prices = Prices.read()
    deviation = 0.0
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
        deviation = max(deviation, abs(share))
        print(
            f"{corpus}: {projected.sources} sources, {projected.timed} timed: "
            f"{seconds.value:.1f} ± {seconds.error:.1f} s projected, {result.seconds:.1f} s taken "
            f"({share:+.0%}); {written.value / 2**20:.1f} ± {written.error / 2**20:.1f} MiB out",
            flush=True,
        )
    if deviation > tolerance:
        raise typer.Exit(1)


@app.command()
def crop(
    method: Annotated[list[str] | None, typer.Option(help="A crop method; repeatable.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Name or file; default: the method's.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=2, help="Repetitions for each photo.")] = 20,
) -> None:
    """Time crop methods on one CPU thread, for one ratio and for eight.

    It measures CPU time, for photos in memory at the method's analysis size and boxes in sources of
    9 to 17 megapixels. One ratio and eight are timed in turn, so that the median of their quotients
    doesn't depend on changes of the processor's clock rate.
    """
    if weights and len(method or []) != 1:
        raise typer.BadParameter("needs exactly one --method", param_hint="--weights")
    torch.set_num_threads(1)
    table = Table("method", "ratios", "ms, minimum", "ms, median", "relative to 1", box=None)
    for name in method or ["saliency", "mars"]:
        loaded = load_crop(name, device="cpu", weights=weights)
        times: dict[int, list[float]] = {1: [], len(EIGHT_RATIOS): []}
        for photo in PHOTOS * repeats:
            size = Size(SOURCE * photo.width, SOURCE * photo.height)
            shape = size.fit(loaded.analysis)
            image = as_tensor(photo.resize((shape.width, shape.height)))
            for count, taken in times.items():
                start = time.process_time()  # other runtimes have threads of their own
                loaded.boxes([image], EIGHT_RATIOS[:count], sizes=[size])
                taken.append(1000 * (time.process_time() - start))
        for count, taken in times.items():
            quotient = statistics.median(
                each / one for each, one in zip(taken, times[1], strict=True)
            )
            figures = f"{min(taken):.1f}", f"{statistics.median(taken):.1f}", f"{quotient:.2f}"
            table.add_row(name, str(count), *figures)
    Console().print(table)


@app.command()
def batch(
    method: Annotated[list[str] | None, typer.Option(help="A crop method; repeatable.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Name or file; default: the method's.")
    ] = None,
    size: Annotated[list[int] | None, typer.Option(help="Images in a batch; repeatable.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Batches, of which the fastest counts.")] = 5,
) -> None:
    """Measure the images a second of crop methods in batches, on the GPU if there is one.

    For eight ratios: the maps alone, from photos in memory to maps in memory, and the maps with the
    boxes, which one CPU thread finds.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    table = Table("method", "device", "batch", "maps/s", "boxes/s", box=None)
    for name in method or ["saliency", "mars"]:
        loaded: Any = load(name, device=device, weights=weights)
        sides = Size(4000, 3000).fit(loaded.analysis)
        photos = [as_tensor(photo.resize((sides.width, sides.height))) for photo in PHOTOS]
        ratios = (as_aspects(EIGHT_RATIOS),) if name == "mars" else ()
        for count in size or ([1, 4] if device == "cpu" else [16, 64, 256]):
            images = [photos[index % len(photos)] for index in range(count)]
            rates = []
            for work in (
                partial(loaded.maps, images, *ratios),
                partial(loaded.boxes, images, EIGHT_RATIOS),
            ):
                work()
                rates.append(count / min(timeit.repeat(work, number=1, repeat=repeats)))
            table.add_row(name, device, str(count), *(f"{rate:,.1f}" for rate in rates))
    Console().print(table)


@app.command()
def gpu(
    method: Annotated[list[str] | None, typer.Option(help="A method; repeatable.")] = None,
    size: Annotated[list[int] | None, typer.Option(help="Images in a batch; repeatable.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="Seconds of a measurement.")] = 6,
    limit: Annotated[float, typer.Option(min=0, help="Seconds of all measurements.")] = 540,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads that decode.")] = None,
    sources: Annotated[int, typer.Option(min=1, help="Different photos.")] = 24,
    record: Annotated[Path | None, typer.Option(help="File for the results, as JSON.")] = None,
) -> None:
    """Measure the images a second of all methods, with decoding on the CPU and on the GPU.

    On a GPU it takes at most ten minutes. On a machine without one it measures the CPU.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    names = method or [name for name in BUILT_IN if name != "center"]
    wanted = list(gpus.settings(names, size or (), device))
    found: list[gpus.Rate] = []

    def lines() -> Iterable[list[str]]:
        for rate in gpus.measure(
            wanted,
            device,
            seconds=seconds,
            limit=limit,
            threads=threads or comparison.cores(),
            sources=sources,
        ):
            found.append(rate)
            yield rate.line()

    print(torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU: on the CPU")
    _show(gpus.HEADINGS, lines())
    if record is not None:
        record.write_text(json.dumps([rate.record() for rate in found], indent=1))


@app.command()
def retarget(
    method: Annotated[list[str] | None, typer.Option(help="A retarget method; repeatable.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Name or file; default: the method's.")
    ] = None,
    threads: Annotated[list[int] | None, typer.Option(help="CPU threads; repeatable.")] = None,
    batch: Annotated[
        list[int] | None, typer.Option(help="Images in a batch; default: 1, on a GPU also 32.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs, of which the shortest counts.")] = 3,
) -> None:
    """Time 640x480 to 75% and to 50% of the width, on the CPU and on the GPU if there is one.

    The lower bound is the time of the multiplications alone at the rate of a large matrix product.
    """
    photos = [
        as_tensor(Image.fromarray(picture).resize((640, 480)))
        for picture in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())
    ]
    devices = [("cpu", count) for count in threads or [1, 2]]
    if torch.cuda.is_available():
        devices.append(("cuda", 1))
    rows = []
    for name in method or ["dnr"]:
        for device, count in devices:
            loaded = load_retarget(name, device=device, weights=weights)
            for images in batch or ([1] if device == "cpu" else [1, 32]):
                several = [photos[index % len(photos)] for index in range(images)]
                for size in (Size(480, 480), Size(320, 480)):
                    timing = measure(
                        loaded, several, size, threads=count, device=device, repeats=repeats
                    )
                    where = f"{count} thread{'s'[: count - 1]}" if device == "cpu" else "GPU"
                    rows.append((name, size, where, images, timing))
                    print(name, where, images, size, f"{timing.seconds:.3f}", flush=True)
    Console(width=110).print(timing_table(rows))


@app.command()
def compare(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Contenders: {', '.join(CONTENDERS)}.")
    ] = None,
    small: Annotated[int, typer.Option(help="Images of the small corpus.", min=1)] = 24,
    large: Annotated[int, typer.Option(help="Images of the large corpus.", min=2)] = 144,
    rounds: Annotated[int, typer.Option(help="Number of repetitions.", min=1)] = 3,
    photos: Annotated[
        Path | None, typer.Option(help="A folder of JPEG files in place of the mosaics.")
    ] = None,
) -> None:
    """Compare whole jobs with other tools, on the cores that this process may use.

    Every contender analyses an image at 256 pixels, crops it to five ratios and writes JPEG files
    of at most 640 pixels a side. The figures are differences between the two corpora for each image
    more, and so without the start-up.
    """
    installed = []
    for name in names or CONTENDERS:
        if name not in CONTENDERS:
            raise typer.BadParameter(f"{name!r}: expected one of {', '.join(CONTENDERS)}")
        if reason := CONTENDERS[name].missing():
            print(f"{name}: skipped, {reason}")
        else:
            installed.append(name)
    if large <= small:
        raise typer.BadParameter(f"--large {large}: must be more than --small {small}")
    found = comparison.compare(installed, (small, large), rounds, photos)
    _show(comparison.HEADINGS, comparison.rows(found))


@app.command()
def latency(
    small: Annotated[int, typer.Option(help="Images of the small corpus.", min=1)] = 128,
    large: Annotated[int, typer.Option(help="Images of the large corpus.", min=2)] = 384,
    late: Annotated[float, typer.Option(help="Mean delay of every response, milliseconds.")] = 100,
    rounds: Annotated[int, typer.Option(help="Number of repetitions.", min=1)] = 2,
    method: Annotated[str, typer.Option(help="The method.")] = "saliency",
) -> None:
    """Compare a job on an S3 server on loopback with and without delayed responses.

    Five ratios. Every request goes through a proxy on the same cores. Use corpora of at least 64
    images for each core, so that both consist of whole batches.
    """
    found = delays.compare((small, large), (0.0, late), rounds, method)
    _show(delays.HEADINGS, map(delays.line, found))


@app.command()
def encoders(
    folder: Annotated[Path, typer.Argument(help="Folder of photos without loss, such as Kodak's.")],
) -> None:
    """Print bytes, time and quality of the encoders, and bytes at equal quality.

    The last column is an encoder's bytes over those that deepcrop's default encoder needs for the
    same SSIM: below 1 it is better, at its own quality. libvips is measured where pyvips is
    installed, sharp where node finds it in the working folder.
    """
    from .benchmarks import encoders as coding

    _show(coding.HEADINGS, coding.lines(sorted(folder.glob("*.png"))))


@app.command()
def ladder(
    names: Annotated[list[str] | None, typer.Argument(help="Contenders.")] = None,
    small: Annotated[int, typer.Option(help="Images of the small corpus.", min=1)] = 20,
    large: Annotated[int, typer.Option(help="Images of the large corpus.", min=2)] = 500,
    photos: Annotated[
        Path | None, typer.Option(help="A folder of JPEG files in place of the mosaics.")
    ] = None,
) -> None:
    """Compare a ladder of three ratios, widths and formats with its encoders and with libvips.

    The figures are differences between the two corpora for each image more. Those of the encoders
    are the CPU time of their calls alone, on the pixels that deepcrop encodes.
    """
    from .benchmarks import ladder as ladders

    chosen = tuple(names or ladders.CONTENDERS)
    for name in chosen:
        if name not in ladders.CONTENDERS:
            known = ", ".join(ladders.CONTENDERS)
            raise typer.BadParameter(f"{name!r}: expected one of {known}")
    if large <= small:
        raise typer.BadParameter(f"--large {large}: must be more than --small {small}")
    found = {}
    for name, figures in ladders.compare((small, large), photos, chosen):
        print(f"{name}: {1000 * figures.cpu:.0f} CPU-ms an image", file=sys.stderr, flush=True)
        found[name] = figures
    _show(ladders.HEADINGS, ladders.lines(found))


def _show(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Print lines as they arrive, and a table of all lines at the end."""
    table = Table(*headings, box=None)
    for line in lines:
        print(*line, flush=True)
        table.add_row(*line)
    Console(width=120).print(table)


def _check_growth(grown: Mapping[str, float], limit: float) -> None:
    """Print the figures that grew by more than the limit; exit with an error if there are any."""
    excess = {name: share for name, share in grown.items() if share > limit}
    for name, share in excess.items():
        print(f"{name}: {share:+.0%} from the second to last size to the last")
    if excess:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()

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

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import torch
import typer

import deepcrop
from deepcrop.job import Job
from deepcrop.planning.plan import plan as project
from deepcrop.planning.prices import Prices

from .benchmarks import capacity as machines
from .benchmarks import comparison, method_times
from .benchmarks import latency as delays
from .benchmarks import nodes as clusters
from .benchmarks import scale as sizes
from .benchmarks import updates as changes
from .benchmarks.contenders import CONTENDERS
from .benchmarks.footprint import Footprint
from .benchmarks.tables import show

app = typer.Typer(no_args_is_help=True, add_completion=False)


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
    show(sizes.HEADINGS, sizes.lines(counts or [200, 2000, 20_000, 200_000], found))
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
    show(clusters.HEADINGS, clusters.rows(found))


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
    show(machines.HEADINGS, machines.lines(machines.parts((small, large), rounds), Prices.read()))


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
        show(changes.HEADINGS, changes.nothing_to_do(listed, rounds))
    if photos:
        torch.set_num_threads(1)
        headings = ("CPU-ms a photo", "afresh", "added", "quotient")
        show(headings, changes.one_more(photos, method, folder))


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
    show(comparison.HEADINGS, comparison.rows(found))


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
    show(delays.HEADINGS, map(delays.line, found))


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

    show(coding.HEADINGS, coding.lines(sorted(folder.glob("*.png"))))


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
    show(ladders.HEADINGS, ladders.lines(found))


for _command in (method_times.crop, method_times.batch, method_times.gpu, method_times.retarget):
    app.command()(_command)


def _check_growth(grown: Mapping[str, float], limit: float) -> None:
    """Print the figures that grew by more than the limit; exit with an error if there are any."""
    excess = {name: share for name, share in grown.items() if share > limit}
    for name, share in excess.items():
        print(f"{name}: {share:+.0%} from the second to last size to the last")
    if excess:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()

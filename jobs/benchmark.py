"""Measure jobs, from the repository's root.

```
python -m jobs.benchmark compare              # the pipeline against what people use today
python -m jobs.benchmark memory 200 2000      # a job's memory by its number of images
```
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import psutil
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

from .benchmarks import comparison
from .benchmarks.contenders import CONTENDERS

app = typer.Typer(no_args_is_help=True, add_completion=False)
ORIGINALS = 64
"""Different pictures; the others are further names of their files."""


@app.callback()
def main() -> None:
    """Measure jobs."""


@app.command()
def memory(
    counts: Annotated[
        list[int] | None, typer.Argument(help="Images of each job, ascending.")
    ] = None,
    growth: Annotated[
        float, typer.Option(help="Share by which the last two may differ; more is an error.")
    ] = 0.1,
) -> None:
    """Print the peak memory of a job's driver and of its largest worker, by number of images."""
    table = Table("images", "s", "driver MiB", "largest worker MiB", box=None)
    peaks = []
    for count in counts or [200, 2000, 20_000]:
        with tempfile.TemporaryDirectory(prefix="memory-") as folder:
            begin = time.monotonic()
            peaks.append(_peaks(_pictures(Path(folder) / "in", count), Path(folder) / "out"))
            seconds = time.monotonic() - begin
        line = [f"{count:,}", f"{seconds:.0f}", *(f"{peak / 2**20:.0f}" for peak in peaks[-1])]
        print(*line, flush=True)
        table.add_row(*line)
    Console().print(table)
    if len(peaks) > 1 and any(
        last > (1 + growth) * before for before, last in zip(*peaks[-2:], strict=True)
    ):
        raise typer.Exit(1)


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
    table = Table(*comparison.HEADINGS, box=None)
    for row in comparison.rows(found):
        table.add_row(*row)
    Console(width=120).print(table)


def _pictures(folder: Path, count: int) -> Path:
    """Write small photos."""
    folder.mkdir(parents=True)
    photo = Image.fromarray(data.astronaut())
    for number in range(count):
        path = folder / f"{number:06d}.jpg"
        if number < ORIGINALS:
            photo.crop((number, number, number + 200, number + 150)).save(path)
        else:
            os.link(folder / f"{number % ORIGINALS:06d}.jpg", path)
    return folder


def _peaks(source: Path, output: Path) -> tuple[int, int]:
    """Run a job; return the peak resident bytes of its driver and of its largest worker."""
    flags = ["--input", str(source), "--output", str(output), "--method=center", "--aspect=1:1"]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    job = subprocess.Popen([sys.executable, "-m", "deepcrop", "run", *flags], env=environment)
    driver, workers = 0, 0
    while job.poll() is None:
        with contextlib.suppress(psutil.Error, OSError):
            driver = max(driver, _high_water(job.pid))
            for child in psutil.Process(job.pid).children(recursive=True):
                if child.cmdline()[0].startswith("ray::"):
                    workers = max(workers, _high_water(child.pid))
        time.sleep(0.2)
    if job.returncode:
        raise typer.Exit(job.returncode)
    return driver, workers


def _high_water(pid: int) -> int:
    """Return the peak of a process's resident bytes so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 0


if __name__ == "__main__":
    app()

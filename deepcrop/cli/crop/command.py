"""The command ``deepcrop crop``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import JobIncomplete, Refused, RequestError, SourceError, Unwritable
from ..exits import EXIT_FAILURES
from ..options import (
    METHOD,
    OUTPUT,
    Aspects,
    Debug,
    ExifColour,
    Format,
    HdrOption,
    KeepMetadata,
    Licence,
    MaxPixels,
    MaxSize,
    MethodName,
    Options,
    Presets,
    Quality,
    Sizes,
    TimeLimit,
    Upscale,
    Weights,
    job_fields,
)

if TYPE_CHECKING:
    from ...stages.child import Child
    from .tasks import CropResult, Task

STREAM = "-"
WORKER = "deepcrop.cli.crop.worker:CropWorker"
"""Class that the process which holds the method imports."""


def crop(
    context: typer.Context,
    photos: Annotated[
        list[str],
        typer.Argument(metavar="PHOTO...", help="Files, URIs or globs; - for standard input."),
    ],
    exif_colour: ExifColour = "use",
    max_pixels: MaxPixels = None,
    aspects: Aspects = None,
    sizes: Sizes = None,
    outputs: Presets = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            rich_help_panel=OUTPUT,
            help="Folder for the variants; - for standard output.",
        ),
    ] = None,
    format: Format = "same",
    quality: Quality = None,
    max_size: MaxSize = None,
    upscale: Upscale = "never",
    keep_metadata: KeepMetadata = False,
    hdr: HdrOption = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            rich_help_panel=OUTPUT,
            help="Print the boxes as JSON, a line a photo, and write no image.",
        ),
    ] = False,
    overlay: Annotated[
        bool,
        typer.Option(
            "--overlay",
            rich_help_panel=OUTPUT,
            help="Draw boxes and saliency over each photo instead of cropping it.",
        ),
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD,...",
            rich_help_panel=OUTPUT,
            help="Draw what each of these methods makes, on one sheet.",
        ),
    ] = None,
    method: MethodName = "saliency",
    options: Options = None,
    weights: Weights = None,
    licence: Licence = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="cpu|cuda",
            rich_help_panel=METHOD,
            help="Device of the network; by default a GPU where there is one.",
        ),
    ] = None,
    caption: Annotated[
        str | None,
        typer.Option(rich_help_panel=METHOD, help="What the crop should show (cagic)."),
    ] = None,
    time_limit: TimeLimit = None,
    debug: Debug = False,
) -> None:
    """Crop or retarget photos one after the other, without a cluster.

    Each photo's results are written as it is done. A photo that fails is named, with the stage, the
    class of the error and a message; the others go on, also where a decoder crashes.

    Exit status: 0 all photos are done, 1 a photo failed, 2 the request is wrong, 3 nothing more can
    be written.

    **Examples**

    `deepcrop crop photo.jpg -a 1:1 -a 16:9 --output crops`

    `deepcrop crop "photos/**/*.jpg" -a 4:5 --json`

    `deepcrop crop - -a 1:1 --output - < photo.jpg > square.jpg`

    `deepcrop crop photo.jpg -a 1:1 -a 9:16 --overlay --output proofs`

    `deepcrop crop photos/*.jpg -a 1:1 --compare saliency,mars,center --output proofs`
    """
    drawings = {"--json": as_json, "--overlay": overlay, "--compare": bool(compare)}
    chosen = [name for name, given in drawings.items() if given]
    if len(chosen) > 1:
        raise RequestError(f"{' and '.join(chosen)} exclude each other; give one")
    if output is None and not as_json:
        raise RequestError("--output: missing; give a folder for the variants, or --json for boxes")
    from ...stages.child import Child

    with Child(WORKER) as child:  # it imports torch while this process looks at the request
        from ...job import Job
        from .photos import find_photos
        from .tasks import Task, Way

        fields = job_fields(context.params) | {"input": STREAM, "output": output or STREAM}
        names = [name.strip() for name in compare.split(",")] if compare else [str(method)]
        jobs = [Job.parse(fields | {"method": name}) for name in names]
        found = find_photos(photos, jobs[0].storage)
        way = Way.compare if compare else Way.boxes if as_json else Way.write
        way = Way.overlay if overlay else way
        if way is not Way.boxes and output != STREAM:
            jobs[0].storage.check_writable(str(output))
        task = Task(way, tuple(jobs), device, debug)
        if compare:
            child.prepare(task)
            sheets = Sheets(Path(str(output)))
            failed = _process(child, found, sheets.show)
            sheets.write()
        elif output == STREAM:
            failed = _stream(child, task, found)
        else:
            child.prepare(task)
            failed = _process(child, found, _print)
    if failed:
        raise typer.Exit(EXIT_FAILURES)


def _process(child: Child, names: Sequence[str], show: Callable[[CropResult], None]) -> int:
    """Process each photo and show its results at once; return how many failed."""
    from ...terminal import JobProgress
    from .photos import distinct_stems
    from .tasks import Photo

    failed = 0
    progress = JobProgress("photos", brief=True)
    progress.start(len(names), 0, 0)
    try:
        for name, key in zip(names, distinct_stems(names), strict=True):
            photo = Photo(name, key, _input() if name == STREAM else None)
            try:
                result = child.ask(photo)
                show(result)
                for note in result.notes:
                    typer.echo(f"deepcrop: {name}: {note}", err=True)
                progress.advance(1, 0)
            except (Refused, Unwritable) as error:
                raise JobIncomplete(f"{name}: {error}; the photos after it were left out") from None
            except SourceError as error:
                failed += 1
                _print_failure(name, error)
                progress.advance(1, 1)
    except KeyboardInterrupt:
        raise JobIncomplete(f"interrupted after {progress.done} of {len(names)} photos") from None
    finally:
        progress.stop()
    return failed


def _stream(child: Child, task: Task, photos: Sequence[str]) -> int:
    """Write the one image that was asked for to the standard output."""
    [job] = task.jobs
    if len(photos) != 1 or (len(job.requests) != 1 and not task.draws):
        raise RequestError("--output -: takes one photo and one ratio or size; give a folder")
    with tempfile.TemporaryDirectory() as folder:
        child.prepare(replace(task, jobs=(job.model_copy(update={"output": folder}),)))
        failed = _process(child, photos, show=lambda _: None)
        for path in Path(folder).iterdir():
            sys.stdout.buffer.write(path.read_bytes())
    return failed


def _print(result: CropResult) -> None:
    for line in result.lines:
        typer.echo(line)


class Sheets:
    """Pages of a comparison: each is written, and its path printed, once it is full."""

    def __init__(self, folder: Path) -> None:
        """Write the pages into a folder, which is created."""
        from ...report.sheet import Page

        self.folder, self.new, self.count = folder, Page, 0
        self.page = Page()

    def show(self, result: CropResult) -> None:
        """Add a photo's rows."""
        if not self.page.fits(result.rows):
            self.write()
        self.page.add(result.rows)

    def write(self) -> None:
        """Write the page that was begun, if there is one."""
        if not self.page.groups:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self.count += 1
        path = self.folder / ("compare.png" if self.count == 1 else f"compare-{self.count}.png")
        self.page.draw().save(path)
        self.page = self.new()
        typer.echo(path)


@cache
def _input() -> bytes:
    """Read the standard input, once."""
    return sys.stdin.buffer.read()


def _print_failure(photo: str, error: SourceError) -> None:
    text = " ".join(str(error).split())
    typer.echo(f"deepcrop: {photo}: {type(error).__name__} at {error.stage}: {text}", err=True)

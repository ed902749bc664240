"""The command that needs no cluster."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RequestError, SourceError
from .exits import EXIT_FAILURES
from .options import (
    Aspects,
    Debug,
    ExifColour,
    Format,
    KeepMetadata,
    MaxSize,
    MethodName,
    Options,
    Quality,
    Sizes,
    Upscale,
    Weights,
    assignments,
)

if TYPE_CHECKING:
    from ..pipeline.job import Job
    from ..pipeline.single import Single
    from ..pipeline.work import Work

STREAM = "-"


def crop(
    photos: Annotated[
        list[str],
        typer.Argument(metavar="PHOTO...", help="Files, URIs, globs; - for standard input."),
    ],
    method: MethodName = "saliency",
    aspect: Aspects = None,
    size: Sizes = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Where the variants go; - for standard output."),
    ] = None,
    option: Options = None,
    weights: Weights = None,
    device: Annotated[str | None, typer.Option(metavar="cpu|cuda")] = None,
    caption: Annotated[str | None, typer.Option(help="What the crop should show.")] = None,
    format: Format = "same",
    quality: Quality = None,
    max_size: MaxSize = None,
    upscale: Upscale = "never",
    keep_metadata: KeepMetadata = False,
    exif_colour: ExifColour = "use",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the boxes as JSON lines; write no image.")
    ] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Draw boxes and saliency over each photo instead.")
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(metavar="METHOD,...", help="Draw what each method makes, on one sheet."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Crop or retarget photos, one at a time, without a cluster.

    Exit status: 0 all went well, 1 a photo failed, 2 the request is wrong.

    **Examples**

    `deepcrop crop photo.jpg -a 1:1 -a 16:9 --output crops`

    `deepcrop crop "photos/**/*.jpg" -a 4:5 --json`

    `deepcrop crop - -a 1:1 --output - < photo.jpg > square.jpg`

    `deepcrop crop photo.jpg -a 1:1 -a 9:16 --overlay --output proofs`

    `deepcrop crop photos/*.jpg -a 1:1 --compare saliency,mars,center --output proofs`
    """
    from ..pipeline.job import Job
    from ..pipeline.single import Single, find_photos

    ways = {"--json": as_json, "--overlay": overlay, "--compare": bool(compare)}
    chosen = [name for name, given in ways.items() if given]
    if len(chosen) > 1:
        raise RequestError(f"{' and '.join(chosen)} exclude each other; give one")
    if output is None and not as_json:
        raise RequestError("--output: missing; give a folder for the variants, or --json for boxes")
    values = {
        "input": STREAM,
        "output": output or STREAM,
        "method": method,
        "aspects": aspect or [],
        "sizes": size or [],
        "options": assignments(option, "--option"),
        "weights": weights,
        "caption": caption,
        "format": format,
        "quality": quality,
        "max_size": max_size,
        "upscale": upscale,
        "keep_metadata": keep_metadata,
        "exif_colour": exif_colour,
    }
    if compare:
        names = [name.strip() for name in compare.split(",")]
        jobs = [Job.parse(values | {"method": name}) for name in names]
        found = find_photos(photos, jobs[0].storage)
        failed = _compare([Single(job, device) for job in jobs], found, Path(str(output)))
    else:
        job = Job.parse(values)
        found = find_photos(photos, job.storage)
        if output == STREAM:
            failed = _stream(job, device, found, overlay)
        else:
            single = Single(job, device)
            failed = _each(single, found, _show(single, as_json, overlay, device))
    if failed:
        raise typer.Exit(EXIT_FAILURES)


Show = Callable[["Work"], Sequence[str]]
"""What is done with a photo that was looked at; its answer is printed, line by line."""


def _show(single: Single, as_json: bool, overlay: bool, device: str | None) -> Show:
    if as_json:
        return lambda work: [json.dumps(single.answer(work))]
    if not overlay:
        return single.write
    from ..report.maps import saliency_method
    from ..report.proof import overlay_of

    saliency = saliency_method(single.job, device)
    folder = Path(single.job.output)
    folder.mkdir(parents=True, exist_ok=True)

    def draw(work: Work) -> list[str]:
        path = folder / f"{work.source['key']}-overlay.jpg"
        overlay_of(single, work, saliency).save(path, quality=90)
        return [str(path)]

    return draw


def _each(
    single: Single, photos: Sequence[str], show: Show, say: Callable[[str], None] = typer.echo
) -> int:
    """Look at each photo and show it; return how many failed."""
    from ..pipeline.single import distinct_stems

    failed = 0
    for photo, key in zip(photos, distinct_stems(photos), strict=True):
        try:
            for line in show(_looked(single, photo, key)):
                say(line)
        except SourceError as error:
            failed += 1
            _complain(photo, error)
    return failed


def _stream(job: Job, device: str | None, photos: Sequence[str], overlay: bool) -> int:
    """Write the one picture that is asked for to the standard output."""
    from ..pipeline.single import Single

    if len(photos) != 1 or (len(job.requests) != 1 and not overlay):
        raise RequestError("--output -: takes one photo and one ratio or size; give a folder")
    with tempfile.TemporaryDirectory() as folder:
        single = Single(job.model_copy(update={"output": folder}), device)
        show = _show(single, as_json=False, overlay=overlay, device=device)
        failed = _each(single, photos, show, say=lambda _: None)
        for path in Path(folder).iterdir():
            sys.stdout.buffer.write(path.read_bytes())
    return failed


def _compare(singles: Sequence[Single], photos: Sequence[str], folder: Path) -> int:
    """Draw one contact sheet, a line for each photo and method; return how many photos failed."""
    from ..pipeline.single import distinct_stems
    from ..report.proof import compare_line
    from ..report.sheet import contact_sheet

    lines, failed = [], 0
    for photo, key in zip(photos, distinct_stems(photos), strict=True):
        try:
            for single in singles:
                work = _looked(single, photo, key)
                lines.append(compare_line(single, work, f"{key}, {single.job.method}"))
        except SourceError as error:
            failed += 1
            _complain(photo, error)
    if lines:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "compare.png"
        contact_sheet(lines).save(path)
        typer.echo(path)
    return failed


def _looked(single: Single, photo: str, key: str) -> Work:
    return single.look(photo, key, _input() if photo == STREAM else None)


@cache
def _input() -> bytes:
    """Read the standard input, once: several methods may look at it."""
    return sys.stdin.buffer.read()


def _complain(photo: str, error: SourceError) -> None:
    typer.echo(f"deepcrop: {photo}: {type(error).__name__}: {error}", err=True)

"""Commands that make or take up a job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import RequestError
from .exits import EXIT_FAILURES
from .options import (
    Aspects,
    Changes,
    Debug,
    Endpoint,
    Exclude,
    ExifColour,
    Format,
    Include,
    KeepMetadata,
    MaxPixels,
    MaxSize,
    MethodName,
    Options,
    Output,
    Overwrite,
    Quality,
    Sizes,
    TimeLimit,
    Upscale,
    Weights,
    assignments,
)
from .tables import show_result


def run(
    job_file: Annotated[
        Path | None, typer.Argument(metavar="[JOB.YAML]", help="A job written as a file.")
    ] = None,
    input: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="A folder, s3://bucket/prefix, a glob, a .txt/.csv/.tsv/.parquet list; .tar.",
        ),
    ] = None,
    include: Include = None,
    exclude: Exclude = None,
    output: Output = None,
    method: MethodName = None,
    aspect: Aspects = None,
    size: Sizes = None,
    option: Options = None,
    weights: Weights = None,
    caption: Annotated[str | None, typer.Option(help="For sources that have none.")] = None,
    format: Format = None,
    quality: Quality = None,
    max_size: MaxSize = None,
    upscale: Upscale = None,
    keep_metadata: KeepMetadata = None,
    strip_icc: Annotated[
        bool, typer.Option("--strip-icc", help="Drop colour profiles, convert nothing.")
    ] = False,
    srgb: Annotated[bool, typer.Option("--srgb", help="Convert to sRGB (default).")] = False,
    keep_icc: Annotated[
        bool, typer.Option("--keep-icc", help="Keep each source's colour profile.")
    ] = False,
    exif_colour: ExifColour = None,
    keys: Annotated[
        str | None, typer.Option(metavar="mirror|hash", help="How variants are named.")
    ] = None,
    dedupe: Annotated[
        bool | None, typer.Option("--dedupe", help="Work on identical bytes once.")
    ] = None,
    max_pixels: MaxPixels = None,
    time_limit: TimeLimit = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N sources.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Only N sources, evenly.")] = None,
    max_failed: Annotated[
        str | None,
        typer.Option(
            metavar="10%",
            help="Stop early where more sources fail; where fewer do, the job has succeeded.",
        ),
    ] = None,
    s3_endpoint: Endpoint = None,
    no_sign_request: Annotated[bool | None, typer.Option("--no-sign-request")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    actors: Annotated[int | None, typer.Option(min=1, help="Processes with the network.")] = None,
    max_actors: Annotated[
        int | None, typer.Option(min=1, help="Up to so many where nodes join later.")
    ] = None,
    gpus: Annotated[float | None, typer.Option(min=0, help="GPU share of each actor.")] = None,
    set_: Changes = None,
    corrections: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="What people said of sources, exported from the page: .csv, .parquet.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write the page too: see `deepcrop report`.")
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the job as YAML; run nothing.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Make every variant of every image; run again to resume.

    Exit status: 0 all went well, 1 a source failed (with --max-failed: more than that), 2 the
    request is wrong, 3 the job could not go on, as when the disk is full; the same command resumes.

    **Examples**

    `deepcrop run --input photos --output out --method saliency -a 1:1 -a 16:9`

    `deepcrop run --input s3://media/in --output s3://media/out -m saliency -a 4:5 --max-size 1080`

    `deepcrop run job.yaml --set quality=80`

    `deepcrop run job.yaml --corrections corrections.csv --report`
    """
    from ..job import Job, read_yaml

    colours = {"strip": strip_icc, "srgb": srgb, "keep": keep_icc}
    chosen = [name for name, given in colours.items() if given]
    if len(chosen) > 1:
        raise RequestError("--strip-icc, --srgb and --keep-icc exclude each other; give one")
    flags = {
        "input": input,
        "include": include or None,
        "exclude": exclude or None,
        "output": output,
        "method": method,
        "aspects": aspect or None,
        "sizes": size or None,
        "options": assignments(option, "--option") or None,
        "weights": weights,
        "caption": caption,
        "format": format,
        "quality": quality,
        "max_size": max_size,
        "upscale": upscale,
        "keep_metadata": keep_metadata,
        "colour": chosen[0] if chosen else None,
        "exif_colour": exif_colour,
        "keys": keys,
        "dedupe": dedupe,
        "max_pixels": max_pixels,
        "time_limit": time_limit,
        "limit": limit,
        "sample": sample,
        "max_failed": max_failed,
        "s3_endpoint": s3_endpoint,
        "no_sign_request": no_sign_request,
        "batch_size": batch_size,
        "actors": actors,
        "max_actors": max_actors,
        "gpus": gpus,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    values = read_yaml(job_file) if job_file else {}
    job = Job.parse(values | given | assignments(set_, "--set"))
    if print_config:
        typer.echo(job.to_yaml(), nl=False)
        return
    import deepcrop

    from ..terminal import JobProgress

    progress = JobProgress()
    try:
        result = deepcrop.run(job, overwrite=overwrite, progress=progress, corrections=corrections)
    finally:
        progress.stop()
    show_result(result, job.max_failed)
    if report:
        from ..report.page import build

        typer.echo(f"page      {build(job.output, endpoint=job.s3_endpoint)}")
    if result.stopped or result.exceeds(job.max_failed):
        raise typer.Exit(EXIT_FAILURES)


def retry(
    output: Annotated[str, typer.Argument(metavar="OUTPUT")],
    errors: Annotated[
        list[str] | None,
        typer.Option("--errors", metavar="CLASS", help="Only this class or stage; several times."),
    ] = None,
    max_pixels: MaxPixels = None,
    time_limit: TimeLimit = None,
    s3_endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Run again only what failed; what succeeds now replaces the failed rows.

    Exit status: as of `deepcrop run`.

    **Examples**

    `deepcrop retry s3://media/out --errors Unreachable`

    `deepcrop retry out --errors TimedOut --time-limit 300`
    """
    from ..engine.retry import retry as run_again
    from ..terminal import JobProgress

    changes = {"max_pixels": max_pixels, "time_limit": time_limit}
    given = {name: value for name, value in changes.items() if value is not None}
    progress = JobProgress()
    try:
        result, share = run_again(output, errors or [], s3_endpoint, progress, given)
    finally:
        progress.stop()
    show_result(result, share)
    if result.exceeds(share):
        raise typer.Exit(EXIT_FAILURES)

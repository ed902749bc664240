"""The command that needs no cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..errors import RequestError, SourceError
from .exits import EXIT_FAILURES
from .options import (
    Aspects,
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


def crop(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...")],
    method: MethodName = "saliency",
    aspect: Aspects = None,
    size: Sizes = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Where the variants go.")
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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the boxes as JSON lines; write no image.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Crop or retarget photos, one at a time, without a cluster.

    **Examples**

    `deepcrop crop photo.jpg -a 1:1 -a 16:9 --output crops`

    `deepcrop crop *.jpg -a 4:5 --json`
    """
    from ..pipeline.job import Job
    from ..pipeline.single import Single, distinct_stems

    if not as_json and output is None:
        raise RequestError("--output: missing; give a folder for the variants, or --json for boxes")
    values = {
        "input": "-",
        "output": str(output or "-"),
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
    }
    single = Single(Job.parse(values), device)
    failed = 0
    for photo, key in zip(photos, distinct_stems(photos), strict=True):
        try:
            if as_json:
                typer.echo(json.dumps(single.answer(photo)))
            else:
                for path in single.write(photo, key):
                    typer.echo(path)
        except SourceError as error:
            failed += 1
            typer.echo(f"deepcrop: {photo}: {type(error).__name__}: {error}", err=True)
    if failed:
        raise typer.Exit(EXIT_FAILURES)

"""The command ``deepcrop report``."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Debug, Endpoint, OutputArgument


def report(
    output: OutputArgument,
    thumbnails: Annotated[
        int,
        typer.Option(
            min=0, help="Number of sources with a thumbnail: flagged ones and lowest scores."
        ),
    ] = 2000,
    maps: Annotated[
        int,
        typer.Option(
            min=0, help="Number of sources with a saliency map: flagged ones and lowest scores."
        ),
    ] = 0,
    machine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Machine type of the price table, to show the cost; see `deepcrop plan`.",
        ),
    ] = None,
    nodes: Annotated[int, typer.Option(min=1, help="Number of such machines.")] = 1,
    s3_endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Write the page of a finished or running job: OUTPUT/report/index.html.

    Open it in a browser; it needs no server and no network. Run it again to bring it up to date.

    **Examples**

    `deepcrop report out`

    `deepcrop report s3://media/out --thumbnails 10000 --maps 200`
    """
    from ..report.page import build
    from ..terminal import JobProgress

    progress = JobProgress()
    try:
        page = build(
            output,
            endpoint=s3_endpoint,
            thumbnails=thumbnails,
            maps=maps,
            machine=machine,
            nodes=nodes,
            progress=progress,
        )
    finally:
        progress.stop()
    typer.echo(page)

"""The command ``deepcrop correct``."""

from __future__ import annotations

from typing import Annotated

import typer

from .exits import EXIT_FAILURES
from .options import Debug, Endpoint, OutputArgument
from .output import show_old_page, show_summary


def correct(
    output: OutputArgument,
    corrections: Annotated[
        str,
        typer.Argument(metavar="CORRECTIONS", help="Table of corrections: .csv or .parquet."),
    ],
    report: Annotated[
        bool | None,
        typer.Option(
            "--report/--no-report",
            help="Write the page again; by default if the output has one.",
            show_default=False,
        ),
    ] = None,
    s3_endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Apply corrections to a job: only the sources that they concern are processed again.

    The job's page (`deepcrop report`) exports corrections; a spreadsheet may write them too, with
    the columns `source_uri, kind, aspect, x0, y0, x1, y1`. The kind is `good`, `rejected`, `focal`
    (x0, y0 from 0 to 1), `box` or `keep` (source pixels). Corrections of a source replace its
    earlier ones. The settings are those of OUTPUT/job.json. An interrupted job is resumed too; new
    sources are left to `deepcrop run`.

    Exit status: as of `deepcrop run`.

    **Examples**

    `deepcrop correct out corrections.csv`

    `deepcrop correct s3://media/out corrections.csv --report`
    """
    from ..engine.correct import correct as apply_to
    from ..terminal import JobProgress

    progress = JobProgress()
    try:
        summary, job = apply_to(output, corrections, s3_endpoint, progress)
    finally:
        progress.stop()
    show_summary(summary, job.max_failed)
    from ..report.page import build, is_built

    if is_built(output, s3_endpoint) if report is None else report:
        typer.echo(f"page      {build(output, endpoint=s3_endpoint)}")
    else:
        show_old_page(output, s3_endpoint)
    if summary.stopped or summary.exceeds(job.max_failed):
        raise typer.Exit(EXIT_FAILURES)

"""The command that applies what people said of a job's sources."""

from __future__ import annotations

from typing import Annotated

import typer

from .exits import EXIT_FAILURES
from .options import Debug, Endpoint
from .tables import show_result


def correct(
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="A job's output.")],
    corrections: Annotated[
        str,
        typer.Argument(metavar="CORRECTIONS", help="What people said of sources: .csv, .parquet."),
    ],
    report: Annotated[
        bool | None,
        typer.Option(
            "--report/--no-report",
            help="Write the page again; by default where the output has one.",
            show_default=False,
        ),
    ] = None,
    s3_endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Apply corrections to a job: only the sources that they touch are done again.

    The page of the job (`deepcrop report`) exports the corrections; a spreadsheet may write them
    too: `source_uri, kind, aspect, x0, y0, x1, y1`, where the kind is `good`, `rejected`,
    `focal` (x0, y0 from 0 to 1), `box` or `keep` (source pixels). What is said of a source
    replaces all that was said of it before. The settings are those of OUTPUT/job.json. An
    interrupted job is resumed on the way; new sources are left to `run`.

    Exit status: as of `deepcrop run`.

    **Examples**

    `deepcrop correct out corrections.csv`

    `deepcrop correct s3://media/out corrections.csv --report`
    """
    from ..engine.correct import correct as apply
    from ..terminal import JobProgress

    progress = JobProgress()
    try:
        result, job = apply(output, corrections, s3_endpoint, progress)
    finally:
        progress.stop()
    show_result(result, job.max_failed)
    from ..report.page import build, is_built

    if is_built(output, s3_endpoint) if report is None else report:
        typer.echo(f"page      {build(output, endpoint=s3_endpoint)}")
    if result.stopped or result.exceeds(job.max_failed):
        raise typer.Exit(EXIT_FAILURES)

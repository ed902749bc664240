"""The command ``deepcrop retry``."""

from __future__ import annotations

from typing import Annotated

import typer

from .exits import EXIT_FAILURES
from .options import Debug, Endpoint, MaxPixels, OutputArgument, TimeLimit
from .output import show_old_page, show_summary


def retry(
    output: OutputArgument,
    errors: Annotated[
        list[str] | None,
        typer.Option(
            "--errors",
            metavar="CLASS",
            help="Only failures of this class or stage; repeat it for more.",
        ),
    ] = None,
    max_pixels: MaxPixels = None,
    time_limit: TimeLimit = None,
    s3_endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Process the failed sources again; what succeeds replaces the failed rows.

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
        summary, max_failed = run_again(output, errors or [], s3_endpoint, progress, given)
    finally:
        progress.stop()
    show_summary(summary, max_failed)
    show_old_page(output, s3_endpoint)
    if summary.exceeds(max_failed):
        raise typer.Exit(EXIT_FAILURES)

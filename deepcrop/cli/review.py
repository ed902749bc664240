"""The command ``deepcrop review``."""

from __future__ import annotations

from typing import Annotated

import typer

from .exits import EXIT_FAILURES
from .options import Debug, Endpoint, OutputArgument
from .output import show_summary
from .serving import Host, Port, Reviewer, login, needs_review, serve


def review(
    output: OutputArgument,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Apply the pending marks, and end; serve no page."),
    ] = False,
    name: Reviewer = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    thumbnails: Annotated[
        int,
        typer.Option(min=0, help="Number of sources with a thumbnail, where the page is written."),
    ] = 2000,
    s3_endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Serve the page of a job, so that marks are kept with the job and people can share them.

    Open the address that is printed. Every mark is stored in OUTPUT/marks as it is made; several
    people may mark at once, each with a server of their own. `deepcrop run` applies the marks, the
    page's button does, and so does --apply: only what they change is made again.

    **Examples**

    `deepcrop review out`

    `deepcrop review s3://media/out --name anna`

    `deepcrop review out --apply`
    """
    if apply:
        _apply(output, s3_endpoint)
        return
    needs_review()
    from ..review.app import ReviewApp, review_app
    from ..review.session import ReviewSession
    from ..terminal import JobProgress

    progress = JobProgress()
    try:
        session = ReviewSession(output, s3_endpoint, thumbnails, progress)
        session.open()
    finally:
        progress.stop()
    app = ReviewApp(session, name or login())
    told = [f"marks     {session.log.folder}"]
    serve(lambda token, hosts: review_app(app, token, hosts), host, port, "report/", told)


def _apply(output: str, endpoint: str | None) -> None:
    """Apply the pending marks, and write the page again where there is one."""
    from ..engine.correct import apply_marks
    from ..terminal import JobProgress

    progress = JobProgress()
    try:
        summary, job = apply_marks(output, endpoint, progress)
    finally:
        progress.stop()
    show_summary(summary, job.max_failed)
    from ..report.page import build, is_built

    if is_built(output, endpoint):
        typer.echo(f"page      {build(output, endpoint=endpoint)}")
    if summary.stopped or summary.exceeds(job.max_failed):
        raise typer.Exit(EXIT_FAILURES)

"""The command ``deepcrop review``."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from ..errors import RequestError
from .exits import EXIT_FAILURES
from .options import Debug, Endpoint, OutputArgument
from .output import show_summary


def review(
    output: OutputArgument,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Apply the pending marks, and end; serve no page."),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Your name beside your marks; by default your login. The page can change it.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Interface to listen on. With another than loopback, whoever has the address "
            "that is printed can see the photos and mark them.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port; by default 8642, or any if it is taken.",
            show_default=False,
        ),
    ] = None,
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
    try:
        from ..review.app import ReviewApp, review_app
        from ..review.guard import new_token
        from ..review.server import LOOPBACK, listen, server_of
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise RequestError(
            f"review needs the package {error.name}: pip install 'deepcrop[review]'"
        ) from None
    from ..review.session import ReviewSession
    from ..terminal import JobProgress

    place, progress = listen(host, port), JobProgress()
    with place.socket:
        try:
            session = ReviewSession(output, s3_endpoint, thumbnails, progress)
            session.open()
        finally:
            progress.stop()
        token = new_token()
        app = review_app(ReviewApp(session, name or _login()), token, place.hosts)
        if host not in LOOPBACK:
            typer.echo(
                f"listening on {host}: whoever has the address below can see and mark the photos, "
                "and nothing is encrypted; on loopback with an SSH tunnel both is safer"
            )
        typer.echo(f"open      {place.address}/{token}/report/")
        typer.echo(f"marks     {session.log.folder}")
        typer.echo("end       Ctrl-C; marks are kept as they are made")
        try:
            server_of(app).run(sockets=[place.socket])
        except KeyboardInterrupt:
            typer.echo("ended")


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "reviewer"


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

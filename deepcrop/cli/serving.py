"""What the commands that serve a page have in common: their options, and the server."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Collection, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RequestError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

Reviewer = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Your name beside what you mark; by default your login. The page can change it.",
        show_default=False,
    ),
]
Host = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Interface to listen on. With another than loopback, whoever has the address that "
        "is printed can see the photos and mark them.",
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Port; by default 8642, or any if it is taken.",
        show_default=False,
    ),
]


def needs_review() -> None:
    """Make sure that the extra ``review`` is installed.

    Raises:
        RequestError: it isn't.
    """
    for package in ("starlette", "uvicorn"):
        if find_spec(package) is None:
            raise RequestError(
                f"this command needs the package {package}: pip install 'deepcrop[review]'"
            )


def login() -> str:
    """Return the name of the person at this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "reviewer"


def serve(
    application: Callable[[str, Collection[str] | None], ASGIApp],
    host: str,
    port: int | None,
    path: str,
    told: Sequence[str],
) -> None:
    """Serve an application until it is interrupted.

    Args:
        application: returns it, from the token and the hosts that it answers to.
        host: the interface to listen on.
        port: the port; None: the usual one, or any.
        path: of the page, below the token.
        told: further lines for the person.

    Raises:
        RequestError: the port is taken, or there is no such interface.
    """
    from ..review.guard import new_token
    from ..review.server import LOOPBACK, listen, server_of

    place, token = listen(host, port), new_token()
    with place.socket:
        if host not in LOOPBACK:
            typer.echo(
                f"listening on {host}: whoever has the address below can see and mark the photos, "
                "and nothing is encrypted; on loopback with an SSH tunnel both is safer"
            )
        typer.echo(f"open      {place.address}/{token}/{path}")
        for line in told:
            typer.echo(line)
        typer.echo("end       Ctrl-C; what you choose is kept as you do")
        try:
            server_of(application(token, place.hosts)).run(sockets=[place.socket])
        except KeyboardInterrupt:
            typer.echo("ended")

"""The web server of a review: a socket on loopback, and uvicorn."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from ..errors import RequestError

PORT = 8642
"""The port that is tried first, so that a browser finds again what it could not send."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Place:
    """Where a server listens."""

    socket: socket.socket
    host: str
    port: int

    @property
    def address(self) -> str:
        """The server's address, without a path."""
        return f"http://{_bracketed(self.host)}:{self.port}"

    @property
    def hosts(self) -> Collection[str] | None:
        """Values of the header ``Host`` of requests that are meant for this server; None: any."""
        if self.host not in LOOPBACK:
            return None
        return {f"{_bracketed(name)}:{self.port}" for name in LOOPBACK}


def listen(host: str, port: int | None) -> Place:
    """Take a port.

    Args:
        host: name or address of the interface.
        port: the port; None: :data:`PORT`, or any other if that is taken. 0: any.

    Raises:
        RequestError: the port is taken, or there is no such interface.
    """
    try:
        return _listen(host, PORT if port is None else port)
    except OSError as error:
        if port is None:
            with contextlib.suppress(OSError):
                return _listen(host, 0)
        raise RequestError(
            f"--host {host} --port {port or PORT}: cannot be listened on ({error.strerror}); "
            "give another port, or --port 0 for any"
        ) from None


def _listen(host: str, port: int) -> Place:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        taken.listen(128)
    except BaseException:
        taken.close()
        raise
    return Place(taken, host, taken.getsockname()[1])


def server_of(app: ASGIApp) -> uvicorn.Server:
    """Return a server of an application; ``run(sockets=[...])`` serves until it is interrupted."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=200,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=32 * 1024,
        )
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

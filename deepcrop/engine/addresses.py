"""Checks of a cluster's address and token, with error messages of one line.

Ray's own messages are a page long, or come after minutes and say only that there is no connection.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from ray.exceptions import AuthenticationError

from ..errors import JobIncomplete, RequestError

CONNECT_TIMEOUT_S = 10.0
"""Seconds that an address has to answer."""


def check_address(address: str) -> None:
    """Make sure that something answers at the address of a cluster.

    Args:
        address: as in ``RAY_ADDRESS``; only the form ``host:port`` is checked.

    Raises:
        RequestError: it is the address of a dashboard.
        JobIncomplete: nothing answers there.
    """
    if address.startswith(("http://", "https://")):
        raise RequestError(
            f"RAY_ADDRESS {address}: a dashboard's URL; expected HOST:PORT of the cluster itself, "
            f"such as head:6379, or hand the job over: deepcrop submit --address {address}"
        )
    match = re.fullmatch(r"\[?([^\[\]/]+?)\]?:(\d+)", address)
    if match is None:
        return
    try:
        socket.create_connection((match[1], int(match[2])), CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise JobIncomplete(
            f"RAY_ADDRESS {address}: no cluster answers there ({reason.lower()}); "
            "without RAY_ADDRESS the job runs on this machine"
        ) from error


def refusal(place: str, error: Exception) -> RequestError | None:
    """Return the error of a cluster whose token settings differ from ours; None for other errors.

    Args:
        place: the option or variable with the address, and the address.
        error: what Ray raised, at an address where something answers.
    """
    mode = os.environ.get("RAY_AUTH_MODE")
    differ = (
        f"the token settings differ: here RAY_AUTH_MODE is {mode or 'not set'}, with "
        f"{_token()}; both sides need the same RAY_AUTH_MODE and token file"
    )
    if isinstance(error, AuthenticationError):
        return RequestError(f"{place}: {differ}")
    if isinstance(error, ConnectionError) and "Failed to connect to Ray cluster" in str(error):
        return RequestError(f"{place}: no connection. It is no Ray cluster, or {differ}")
    return None


def _token() -> str:
    """Return where our token is kept, never the token itself."""
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        if os.environ.get(name):
            return f"the token of {name}"
    usual = Path("~/.ray/auth_token")
    return f"the token in {usual}" if usual.expanduser().exists() else f"no token in {usual}"

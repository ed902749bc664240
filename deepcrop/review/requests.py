"""The bodies of requests: JSON of a bounded size, and answers that say what is wrong."""

from __future__ import annotations

import asyncio
import json

from starlette.requests import Request
from starlette.responses import JSONResponse

MAX_BODY = 512 * 1024
"""Largest body of a request, in bytes."""
BODY_TIMEOUT_S = 15.0
"""Seconds after which a body must be here."""


class WrongRequest(Exception):
    """A request that can't be answered; the page shows the text to the person."""

    def __init__(self, status: int, text: str) -> None:
        """Take the HTTP status and one line that says what is wrong."""
        super().__init__(text)
        self.status = status

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse({"error": str(self)}, self.status)


async def read_json(request: Request) -> dict[str, object]:
    """Read the body of a request: an object in JSON.

    Raises:
        WrongRequest: it isn't one, or it is too large or too slow.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WrongRequest(415, f"content type {kind!r}: expected application/json")
    try:
        data = await asyncio.wait_for(_read(request), BODY_TIMEOUT_S)
    except TimeoutError:
        raise WrongRequest(408, "the body took too long to arrive") from None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise WrongRequest(400, "the body is no JSON") from None
    if not isinstance(value, dict):
        raise WrongRequest(400, "the body: expected an object in JSON")
    return value


async def _read(request: Request) -> bytes:
    """Read a body, and no more of it than is allowed, whatever its header says."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise WrongRequest(413, f"the body has {declared} bytes; at most {MAX_BODY} are read")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise WrongRequest(413, f"the body has more than {MAX_BODY} bytes")
    return bytes(data)


def text_field(value: dict[str, object], name: str, longest: int = 4096) -> str:
    """Return a text in a body.

    Raises:
        WrongRequest: it is missing, empty, too long or no text.
    """
    found = value.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= longest:
        raise WrongRequest(400, f"{name}: expected a text of 1 to {longest} characters")
    return found

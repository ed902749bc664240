"""What every request to the review server passes: its token, its host, and headers for browsers.

The token is the first part of the address' path, so that all that the page loads lies below it and
nothing has to be stored in the browser. Other web pages don't know it; so they can neither read
nor write here, whatever name they have given to this machine's address.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Collection, MutableMapping
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD", "POST")
MAX_HEADERS = 32 * 1024
"""Largest sum of a request's headers and its address, in bytes."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""Headers of every answer, beside the content security policy."""
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "style-src-attr": "'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
"""The content security policy: what is served here, and nothing else, not in a frame."""


def new_token() -> str:
    """Return a token that can't be guessed: 192 random bits, fit for an address."""
    return secrets.token_urlsafe(24)


def policy(page: str = "") -> str:
    """Return the content security policy.

    Args:
        page: an HTML page, whose inline scripts and styles may run, and no others.
    """
    directives = dict(POLICY)
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        inline = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        directives[directive] = " ".join([directives[directive], *map(_source, inline)])
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


class Guard:
    """Lets requests through that have the token, and adds headers to every answer."""

    def __init__(self, app: ASGIApp, token: str, hosts: Collection[str] | None) -> None:
        """Wrap an application.

        Args:
            app: gets paths without the token.
            token: the token.
            hosts: values of the header ``Host`` that are answered; None: any.
        """
        self.app = app
        self.token = token.encode()
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # the server offers no WebSockets
        refusal, path = self._check(scope)
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send))
            return
        inner = dict(scope, path=path, raw_path=path.encode(), root_path="")
        await self.app(inner, receive, _with_headers(send))

    def _check(self, scope: Scope) -> tuple[PlainTextResponse | None, str]:
        """Return the answer to a request that is refused, or None; and the path after the token."""
        length = sum(len(name) + len(value) for name, value in scope["headers"])
        if length + len(scope["raw_path"]) + len(scope["query_string"]) > MAX_HEADERS:
            return _refusal(431, f"headers and address have more than {MAX_HEADERS} bytes"), ""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if self.hosts is not None and host not in self.hosts:
            return _refusal(421, "this server answers to the address that it printed alone"), ""
        given, _, rest = scope["path"].removeprefix("/").partition("/")
        if not secrets.compare_digest(given.encode("utf-8", "replace"), self.token):
            return _refusal(
                403, "no valid token: open the whole address that `deepcrop review` printed"
            ), ""
        if scope["method"] not in METHODS:
            return _refusal(405, f"{scope['method']}: expected one of {', '.join(METHODS)}"), ""
        origin = headers.get(b"origin")
        if origin is not None and origin.partition("://")[2] != host:
            return _refusal(403, "a page of another origin may not ask here"), ""
        return None, "/" + rest


def _refusal(status: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(text + "\n", status)


def _with_headers(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = _headed(message)
        await send(message)

    return add


def _headed(message: MutableMapping[str, Any]) -> Message:
    """Return the start of an answer with all headers; those that it has already stay."""
    given = {name.lower() for name, _ in message.get("headers", ())}
    more = HEADERS | {"content-security-policy": policy(), "cache-control": "no-store"}
    headers = [
        (name.encode(), value.encode())
        for name, value in more.items()
        if name.encode() not in given
    ]
    return {**message, "headers": [*message.get("headers", ()), *headers]}

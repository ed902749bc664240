"""The answers to requests that fail: one line in JSON."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .requests import WrongRequest


async def wrong_request(_: Request, error: Exception) -> Response:
    """Answer a wrong request."""
    assert isinstance(error, WrongRequest)
    return error.response()


async def http_error(_: Request, error: Exception) -> Response:
    """Answer what no route does."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


async def bug(_: Request, error: Exception) -> Response:
    """Answer where the server fails."""
    return JSONResponse({"error": f"{type(error).__name__} (a bug, it seems)"}, 500)

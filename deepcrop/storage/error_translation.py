"""Errors of stores as the errors of ``deepcrop.errors`` that their callers raise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..errors import (
    AccessDenied,
    FetchError,
    NotFound,
    Refused,
    RequestError,
    Unavailable,
    Unreachable,
    Unwritable,
    WriteError,
)
from .base import StoreError
from .uri import redact

_TO_WRITE: dict[type[FetchError], str] = {
    NotFound: "choose another output",
    AccessDenied: "get the right to write there, or choose another output",
    Refused: "renew the credentials",
    Unreachable: "try again later",
}
"""What a person may do where a write fails, by the kind of failure."""
_NO_ROOM = "make room there"
_NO_BUCKET = "create the bucket, or choose another output"


def _is_full(error: StoreError) -> bool:
    """Return whether a store has no room: the only thing that every write meets without a name."""
    return error.affects_all and error.error_type is FetchError


def _remedy(error: StoreError) -> str:
    if _is_full(error):
        return _NO_ROOM
    if error.affects_all and error.error_type is NotFound:
        return _NO_BUCKET
    return _TO_WRITE.get(error.error_type, "")


@contextlib.contextmanager
def read_errors(uri: str) -> Iterator[None]:
    """Raise a store's error as the ``FetchError`` that it stands for."""
    try:
        yield
    except StoreError as error:
        raised = error.error_type(f"{redact(uri)}: {error.message}")
        raised.attempts = error.attempts
        raise raised from None


@contextlib.contextmanager
def write_errors(uri: str) -> Iterator[None]:
    """Raise a store's error as a ``WriteError``."""
    try:
        yield
    except StoreError as error:
        error_type = Unwritable if error.affects_all else WriteError
        raised = error_type(f"{redact(uri)}: {error.message}")
        raised.denied = error.error_type is AccessDenied
        raised.remedy = _remedy(error)
        raised.attempts = error.attempts
        raise raised from None


@contextlib.contextmanager
def request_errors(what: str, uri: str, prefix: str = "") -> Iterator[None]:
    """Raise a store's error as a ``RequestError`` of one line.

    Args:
        what: what the URI is to the request.
        uri: what was asked of the store.
        prefix: what couldn't be done; empty for reading.
    """
    try:
        yield
    except StoreError as error:
        passes = error.error_type is Unreachable or _is_full(error)
        error_type = Unavailable if passes else RequestError
        raised = error_type(f"{what} {redact(uri)}: {prefix}{error.message}")
        raised.remedy = _remedy(error) if prefix else ""
        raise raised from None

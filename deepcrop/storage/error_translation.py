"""Errors of stores as the errors of ``deepcrop.errors`` that their callers raise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..errors import AccessDenied, RequestError, Unwritable, WriteError
from .base import StoreError
from .uri import redact


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
        raised.attempts = error.attempts
        raise raised from None


@contextlib.contextmanager
def request_errors(what: str, uri: str, prefix: str = "") -> Iterator[None]:
    """Raise a store's error as a ``RequestError`` of one line."""
    try:
        yield
    except StoreError as error:
        raise RequestError(f"{what} {redact(uri)}: {prefix}{error.message}") from None

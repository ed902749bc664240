"""The values that storage deals in, and the protocol that every store implements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..errors import FetchError, Unreachable
from .attributes import NO_ATTRIBUTES, Attributes

TEMPORARY = ".deepcrop-tmp."
"""How the names of unfinished files begin. Listings never show them."""
MAX_DELETE = 1000
"""URIs in one call of ``Store.delete``: as many as S3 takes in one request."""


class StorageOptions(BaseModel):
    """How to reach object stores. Holds no secrets: those come from the usual AWS places.

    Attributes:
        endpoint: URL of the S3 server; AWS_ENDPOINT_URL, the profile or AWS itself where None.
        region: name of the region; AWS_REGION or the profile where None.
        sign: whether requests carry credentials (no: ``--no-sign-request``, public buckets).
        max_attempts: attempts at one operation, the first included.
        backoff: seconds; the n-th wait is drawn from 0 to ``backoff * 2**n``.
        backoff_limit: seconds; no wait is longer.
        connect_timeout: seconds until a connection must be established.
        read_timeout: seconds without a byte after which a response is given up.
        connections: size of the connection pool; at least the number of threads that share it.
        attributes: how objects are written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    endpoint: str | None = None
    region: str | None = None
    sign: bool = True
    max_attempts: int = Field(default=8, ge=1, le=50)
    backoff: float = Field(default=0.1, ge=0, le=60)
    backoff_limit: float = Field(default=20.0, ge=0, le=600)
    connect_timeout: float = Field(default=10.0, gt=0)
    read_timeout: float = Field(default=60.0, gt=0)
    connections: int = Field(default=64, ge=1)
    attributes: Attributes = NO_ATTRIBUTES

    @field_validator("endpoint")
    @classmethod
    def _is_plain_url(cls, endpoint: str | None) -> str | None:
        if endpoint is not None:
            start, _, rest = endpoint.partition("://")
            if start not in ("http", "https") or not rest:
                raise ValueError("expected http://host:port or https://host")
            if "@" in rest or "?" in rest:
                raise ValueError("expected a URL without user, password or query")
        return endpoint


@dataclass(frozen=True, slots=True)
class Entry:
    """One object or file of a listing.

    Attributes:
        uri: its canonical URI.
        size: its bytes.
        etag: a text that changes when the bytes do.
        modified: the time of the last change that the store tells.
        version: a text that changes at every write, also where size and time of modification are
            kept; empty where the store has none.
    """

    uri: str
    size: int
    etag: str = ""
    modified: datetime | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class Prefix:
    """A folder, or a prefix up to a slash; ``uri`` ends with the slash."""

    uri: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing.

    Attributes:
        items: the part's objects and folders; may be lazy, so it is read once.
        next_token: what to ask the next part with; empty after the last one.
    """

    items: Iterable[Entry | Prefix]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of an object, verified, and the number of attempts that reading them took.

    ``version`` is the store's id of the version that was read; None where it keeps no versions.
    """

    data: bytes
    etag: str
    attempts: int = 1
    version: str | None = None


class Retry(Enum):
    """Whether another attempt at an operation that failed may succeed."""

    NEVER = 0
    FEW = 1
    """Looks permanent, but is often throttling in disguise: worth a few attempts."""
    FULL = 2
    """Transient: worth all attempts that the options allow."""


class StoreError(Exception):
    """What a store raises; ``Storage`` turns it into an error of ``deepcrop.errors``.

    Attributes:
        message: what happened, without the URI and without secrets.
        error_type: the error that a read raises for it.
        retry: whether another attempt may succeed.
        affects_all: whether any other write would fail alike: no space, no bucket, no credentials.
        attempts: how often the operation was tried.
    """

    def __init__(
        self,
        message: str,
        error_type: type[FetchError] = Unreachable,
        retry: Retry = Retry.NEVER,
        *,
        affects_all: bool = False,
    ) -> None:
        """Take the attributes of these names."""
        super().__init__(message)
        self.message = message
        self.error_type = error_type
        self.retry = retry
        self.affects_all = affects_all
        self.attempts = 1


def check_length(data: bytes, length: int) -> bytes:
    """Return what was read of an object, if it is as much as was asked for.

    Raises:
        StoreError: the object ends before.
    """
    if len(data) != length:
        raise StoreError(f"{len(data)} bytes of {length}: the object ends before", FetchError)
    return data


class Store(Protocol):
    """Reads, writes and lists one kind of storage.

    URIs are canonical. Every method raises ``StoreError``. A store attempts an operation once and
    says in ``StoreError.retry`` whether another attempt may succeed: ``RetryingStore`` makes it.
    """

    def get(self, uri: str) -> Blob:
        """Read all bytes of an object and verify them."""

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read ``length`` bytes of an object from byte ``start`` on; it must have them."""

    def put(
        self, uri: str, data: bytes, content_type: str | None, sync: bool, attributes: Attributes
    ) -> int:
        """Write an object, which appears whole or not at all; return the number of attempts.

        Attributes that the store doesn't know are ignored: a job with such ones is refused before.

        With ``sync`` it survives a power failure from then on; without it, from the end of the
        enclosing ``durable_writes`` on. Only file systems distinguish the two.
        """

    def copy(self, source: str, target: str, attributes: Attributes) -> int:
        """Copy an object; the copy appears whole or not at all. Return the number of attempts.

        The type of its content and what a put told of it go along; encryption, class and access are
        those of the attributes.
        """

    def durable_writes(self, uri: str) -> AbstractContextManager[None]:
        """Make what is written below a folder survive a power failure, when the context ends."""

    def delete(self, uris: Sequence[str]) -> None:
        """Remove at most ``MAX_DELETE`` objects; a missing one is no error."""

    def stat(self, uri: str) -> Entry:
        """Describe an object; ``NotFound`` where there is none (a folder is none)."""

    def is_prefix(self, uri: str) -> bool:
        """Return whether objects lie below this folder or prefix."""

    def list_page(
        self, uri: str, *, recursive: bool, name_prefix: str = "", token: str = ""
    ) -> Page:
        """List a folder or prefix, in the order of names; nothing where there is none.

        Args:
            uri: the folder or prefix.
            recursive: also list what lies deeper. A store that can't do that at once lists one
                level all the same, and the caller lists the folders that it names.
            name_prefix: list only names that start with this; not with ``recursive``.
            token: ``next_token`` of the page before; empty for the first page.
        """

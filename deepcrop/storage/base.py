"""The values that storage deals in, and what every store can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..errors import FetchError, Unreachable

TEMPORARY = ".deepcrop-tmp."
"""How the names of unfinished files begin. Listings never show them."""


class StorageOptions(BaseModel):
    """How to reach object stores. Holds no secrets: those come from the usual AWS places.

    Attributes:
        endpoint: URL of the S3 server; AWS_ENDPOINT_URL, the profile or AWS itself where None.
        region: name of the region; AWS_REGION or the profile where None.
        sign: whether requests carry credentials (no: ``--no-sign-request``, public buckets).
        max_attempts: tries of one operation, the first included.
        backoff: seconds; the n-th wait is drawn from 0 to ``backoff * 2**n``.
        backoff_limit: seconds; no wait is longer.
        connect_timeout: seconds until a connection must stand.
        read_timeout: seconds of silence after which an answer is given up.
        connections: size of the connection pool; at least the number of threads that share it.
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
    """One object or file of a listing. ``size`` in bytes; ``etag`` changes when the bytes do."""

    uri: str
    size: int
    etag: str = ""
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Prefix:
    """A folder, or a prefix up to a slash; ``uri`` ends with the slash."""

    uri: str


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of an object, verified, and how many tries it took to get them."""

    data: bytes
    etag: str
    attempts: int = 1


class Hope(Enum):
    """Whether trying again may help."""

    NONE = 0
    SOME = 1
    """Looks final, but is often throttling in disguise: worth a few tries."""
    GOOD = 2


class Failure(Exception):
    """What a store raises; ``Storage`` turns it into an error of ``deepcrop.errors``."""

    def __init__(
        self,
        message: str,
        kind: type[FetchError] = Unreachable,
        hope: Hope = Hope.NONE,
        *,
        general: bool = False,
    ) -> None:
        """Say what happened (without the URI and without secrets), and if a new try may help.

        Args:
            message: what happened.
            kind: the error where it happened to a read.
            hope: whether to try again.
            general: whether any other write would fail alike: no space, no bucket, no credentials.
        """
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.hope = hope
        self.general = general
        self.attempts = 1


def check_length(data: bytes, length: int) -> bytes:
    """Return what was read of an object, if it is as much as was asked for.

    Raises:
        Failure: the object ends before.
    """
    if len(data) != length:
        raise Failure(f"{len(data)} bytes of {length}: the object ends before", FetchError)
    return data


class Store(Protocol):
    """What is done to one kind of place. URIs are canonical; every method raises ``Failure``."""

    def get(self, uri: str) -> Blob:
        """Read all bytes of an object and verify them."""

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read ``length`` bytes of an object from byte ``start`` on; it must have them."""

    def put(self, uri: str, data: bytes, content_type: str | None, sync: bool) -> int:
        """Write an object whole; return the number of attempts.

        With ``sync`` it outlives a power failure from then on, without it from the end of
        ``synced`` on, where the store tells the two apart.
        """

    def synced(self, uri: str) -> AbstractContextManager[None]:
        """Let what is written below a folder within the context outlive a power failure."""

    def delete(self, uris: Sequence[str]) -> None:
        """Remove objects; missing ones are no failure."""

    def stat(self, uri: str) -> Entry | None:
        """Describe an object; None where there is none."""

    def is_prefix(self, uri: str) -> bool:
        """Tell whether objects lie below this folder or prefix."""

    def walk(self, uri: str) -> Iterator[Entry | Failure]:
        """Yield the objects below a folder or prefix; a folder that can't be read is a failure."""

    def children(self, uri: str, starting: str = "") -> Iterator[Entry | Prefix]:
        """Yield one level of a folder or prefix: names that start with ``starting``."""

    def temporaries(self, uri: str, older_than: float) -> Iterator[str]:
        """Yield the URIs of unfinished files whose writer is dead or silent so many seconds."""

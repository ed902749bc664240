"""Every other scheme, through fsspec where its package is installed."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..errors import AccessDenied, FetchError, NotFound, RequestError, Unreachable
from .base import Blob, Entry, Failure, Hope, Prefix, StorageOptions, check_length
from .retry import persist
from .uri import scheme

_PACKAGES = {
    "gs": "gcsfs", "gcs": "gcsfs",
    "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs",
    "hf": "huggingface_hub",
    "http": "aiohttp", "https": "aiohttp",
    "sftp": "paramiko", "webdav": "webdav4",
}  # fmt: skip


class RemoteStore:
    """Reads and writes any URI that fsspec understands."""

    def __init__(self, options: StorageOptions) -> None:
        """Remember the options; load what a scheme needs at its first use."""
        self._options = options
        self._lock = threading.Lock()
        self._systems: dict[str, Any] = {}
        self._pid = 0

    def get(self, uri: str) -> Blob:
        """Read an object; its length must be right where the store tells it."""
        data, attempts = self._try(uri, "cat_file")
        return Blob(data, "", attempts)

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read a part of an object."""
        data, attempts = self._try(uri, "cat_file", start=start, end=start + length)
        return Blob(check_length(data, length), "", attempts)

    def put(self, uri: str, data: bytes, content_type: str | None, sync: bool) -> int:
        """Write an object whole."""
        return self._try(uri, "pipe_file", data)[1]

    def synced(self, uri: str) -> AbstractContextManager[None]:
        """Do nothing: what a server has taken is stored."""
        return nullcontext()

    def delete(self, uris: Sequence[str]) -> None:
        """Remove objects one by one."""
        for uri in uris:
            self._try_unless_missing(uri, "rm_file")

    def stat(self, uri: str) -> Entry | None:
        """Describe an object."""
        found = self._try_unless_missing(uri, "info")
        return _entry(uri, found) if found and found.get("type") == "file" else None

    def is_prefix(self, uri: str) -> bool:
        """Tell whether this is a folder."""
        return bool(self._try(uri, "isdir")[0])

    def walk(self, uri: str) -> Iterator[Entry | Failure]:
        """Yield the objects below a folder."""
        found, _ = self._try(uri, "find", detail=True)
        for name in sorted(found):
            yield _entry(self._full_name(uri, name), found[name])

    def children(self, uri: str, starting: str = "") -> Iterator[Entry | Prefix]:
        """Yield one level of a folder."""
        found = self._try_unless_missing(uri, "ls", detail=True) or []
        for item in sorted(found, key=lambda item: str(item["name"])):
            name = self._full_name(uri, item["name"])
            if not name.rstrip("/").rpartition("/")[2].startswith(starting):
                continue
            if item["type"] == "directory":
                yield Prefix(name.rstrip("/") + "/")
            else:
                yield _entry(name, item)

    def temporaries(self, uri: str, older_than: float) -> Iterator[str]:
        """Yield nothing: object stores show no object before it is whole."""
        yield from ()

    def _try(self, uri: str, method: str, *arguments: Any, **named: Any) -> tuple[Any, int]:
        """Call a method of the URI's file system; return its result and the number of tries."""
        system, path = self._locate(uri)

        def once() -> Any:
            with _failures():
                return getattr(system, method)(path, *arguments, **named)

        return persist(once, self._options)

    def _try_unless_missing(self, uri: str, method: str, **named: Any) -> Any:
        try:
            return self._try(uri, method, **named)[0]
        except Failure as failure:
            if failure.kind is NotFound:
                return None
            raise

    def _locate(self, uri: str) -> tuple[Any, str]:
        name = scheme(uri)
        with self._lock:
            if self._pid != os.getpid():
                self._systems, self._pid = {}, os.getpid()
            if name not in self._systems:
                self._systems[name] = _system(name)
            system = self._systems[name]
        return system, uri if name in ("http", "https") else system._strip_protocol(uri)

    def _full_name(self, uri: str, name: str) -> str:
        """Write a listed name as a URI: file systems drop the scheme, some also the host."""
        if "://" in name:
            return name
        _, path = self._locate(uri)
        return uri.rstrip("/") + "/" + name.lstrip("/").removeprefix(path.strip("/")).lstrip("/")


def _system(name: str) -> Any:
    try:
        import fsspec

        # Instances are not shared with other users of fsspec, whose settings differ; listings are
        # read afresh.
        return fsspec.filesystem(name, skip_instance_cache=True, use_listings_cache=False)
    except ImportError:
        package = _PACKAGES.get(name, f"the fsspec package for {name}")
        raise RequestError(f"{name}:// needs another package: pip install {package}") from None
    except ValueError:
        raise RequestError(
            f"{name}:// is not known; expected s3://, a path, or a scheme of fsspec"
        ) from None


def _entry(uri: str, found: dict[str, Any]) -> Entry:
    etag = found.get("etag") or found.get("ETag") or found.get("md5") or ""
    return Entry(uri, int(found.get("size") or 0), str(etag).strip('"'))


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Translate what fsspec's file systems raise: each has its own errors, few have a status."""
    try:
        yield
    except FileNotFoundError:
        raise Failure("no such object", NotFound) from None
    except PermissionError:
        raise Failure("access denied", AccessDenied) from None
    except NotImplementedError:
        raise Failure("this kind of store can't do that", FetchError) from None
    except Exception as error:
        status = getattr(error, "status", None) or getattr(error, "code", None) or 0
        text = f"{type(error).__name__}" + (f" (status {status})" if status else "")
        if status in (401, 403):
            raise Failure(text, AccessDenied) from None
        if isinstance(status, int) and 400 <= status < 500 and status not in (408, 429):
            raise Failure(text, FetchError) from None
        raise Failure(text, Unreachable, Hope.GOOD) from None

"""Every other scheme, through fsspec where its package is installed."""

from __future__ import annotations

import contextlib
import mimetypes
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol, TypedDict

from ..errors import AccessDenied, FetchError, NotFound, RequestError, Unreachable
from .attributes import Attributes
from .base import TEMPORARY, Blob, Entry, Page, Prefix, Retry, StoreError, check_length
from .uri import scheme

_PACKAGES = {
    "gs": "gcsfs", "gcs": "gcsfs",
    "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs",
    "hf": "huggingface_hub",
    "http": "aiohttp", "https": "aiohttp",
    "sftp": "paramiko", "webdav": "webdav4",
}  # fmt: skip
"""The package that serves a scheme."""
_WEB = ("http", "https")
"""Schemes whose file system calls an object by its whole URI."""


_KINDS = {"avif": "image/avif", "jxl": "image/jxl"}
"""MIME types of variants that Python 3.11 doesn't know, by the suffix without its dot."""


class FileInfo(TypedDict, total=False):
    """What fsspec's file systems tell of an object; each has other keys besides."""

    name: str
    type: str
    size: int | None
    etag: str
    ETag: str
    md5: str


class FileSystem(Protocol):
    """The methods of ``fsspec.AbstractFileSystem`` that are used here."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        """Read an object or a part of it."""

    def pipe_file(self, path: str, value: bytes, /, **options: object) -> object:
        """Write an object, with options that each file system has of its own."""

    def rm_file(self, path: str) -> object:
        """Remove an object."""

    def info(self, path: str) -> FileInfo:
        """Describe an object or a folder."""

    def isdir(self, path: str) -> bool:
        """Return whether this is a folder."""

    def find(self, path: str, *, detail: Literal[True]) -> dict[str, FileInfo]:
        """List the objects below a folder."""

    def ls(self, path: str, detail: Literal[True]) -> list[FileInfo]:
        """List one level of a folder."""


class FsspecStore:
    """Reads and writes any URI that fsspec understands."""

    def __init__(self) -> None:
        """Load nothing: what a scheme needs is loaded at its first use."""
        self._lock = threading.Lock()
        self._systems: dict[str, tuple[FileSystem, str]] = {}
        self._pid = 0

    def get(self, uri: str) -> Blob:
        """Read an object; fsspec's file systems tell no ETag with it."""
        with _translated_errors():
            system, path = self._locate(uri)
            return Blob(system.cat_file(path), "")

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read a part of an object."""
        with _translated_errors():
            system, path = self._locate(uri)
            data = system.cat_file(path, start=start, end=start + length)
            return Blob(check_length(data, length), "")

    def put(
        self, uri: str, data: bytes, content_type: str | None, sync: bool, attributes: Attributes
    ) -> int:
        """Write an object whole."""
        with _translated_errors():
            system, path = self._locate(uri)
            system.pipe_file(path, data, **_options(scheme(uri), content_type, attributes))
        return 1

    def copy(self, source: str, target: str, attributes: Attributes) -> int:
        """Copy an object through this process: not every file system copies whole or not at all."""
        kind = mimetypes.guess_type(target, strict=False)[0]
        kind = _KINDS.get(target.rpartition(".")[2], kind)
        return self.put(target, self.get(source).data, kind, False, attributes)

    def durable_writes(self, uri: str) -> AbstractContextManager[None]:
        """Do nothing: what a server has accepted is stored."""
        return nullcontext()

    def delete(self, uris: Sequence[str]) -> None:
        """Remove objects one by one."""
        for uri in uris:
            with _translated_errors(), contextlib.suppress(FileNotFoundError):
                system, path = self._locate(uri)
                system.rm_file(path)

    def stat(self, uri: str) -> Entry:
        """Describe an object."""
        with _translated_errors():
            system, path = self._locate(uri)
            found = system.info(path)
        if found.get("type") != "file":
            raise StoreError("a folder, not an object", NotFound)
        return _entry(uri, found)

    def is_prefix(self, uri: str) -> bool:
        """Return whether this is a folder."""
        with _translated_errors():
            system, path = self._locate(uri)
            return bool(system.isdir(path))

    def list_page(
        self, uri: str, *, recursive: bool, name_prefix: str = "", token: str = ""
    ) -> Page:
        """List a folder, whole."""
        with _translated_errors():
            system, path = self._locate(uri)
            try:
                if recursive:
                    found = list(system.find(path, detail=True).values())
                else:
                    found = system.ls(path, detail=True)
            except FileNotFoundError:
                return Page(())
        items: list[Entry | Prefix] = []
        for info in sorted(found, key=lambda info: info["name"]):
            # An object that is listed like a folder names itself.
            if info["name"].strip("/") == path.strip("/"):
                continue
            child = _child_uri(uri, path, info["name"])
            child_name = child.rstrip("/").rpartition("/")[2]
            if not child_name.startswith(name_prefix) or child_name.startswith(TEMPORARY):
                continue
            is_folder = info["type"] == "directory"
            items.append(Prefix(child.rstrip("/") + "/") if is_folder else _entry(child, info))
        return Page(items)

    def _locate(self, uri: str) -> tuple[FileSystem, str]:
        """Return the file system of a URI, and the path that the URI has there.

        fsspec would take a URI apart at ``::``, which is part of a name here. So it is only asked
        how the names of a server or bucket begin.
        """
        start, separator, rest = uri.partition("://")
        server, _, name = rest.partition("/")
        base = start + separator + server
        with self._lock:
            if self._pid != os.getpid():
                self._systems, self._pid = {}, os.getpid()
            if base not in self._systems:
                self._systems[base] = _open_file_system(base)
            system, root = self._systems[base]
        return system, uri if start in _WEB else (root + name).rstrip("/")


def _options(name: str, content_type: str | None, attributes: Attributes) -> dict[str, object]:
    """Return the options of ``pipe_file`` by which a file system takes attributes.

    Args:
        name: the scheme.
        content_type: the MIME type.
        attributes: how the object is written.
    """
    found: dict[str, object] = {}
    if name in ("gs", "gcs"):
        if content_type:
            found["content_type"] = content_type
        if attributes.cache_control:
            found["fixed_key_metadata"] = {"cache_control": attributes.cache_control}
    elif name in ("az", "abfs", "abfss"):
        headers = {"content_type": content_type, "cache_control": attributes.cache_control}
        if any(headers.values()):
            found["content_settings"] = {key: text for key, text in headers.items() if text}
        if attributes.storage_class:
            found["standard_blob_tier"] = attributes.storage_class
        if attributes.tags:
            found["tags"] = dict(attributes.tags)
    return found


def _open_file_system(base: str) -> tuple[FileSystem, str]:
    """Return the file system of ``scheme://server``, and how its paths begin, with a slash."""
    name = scheme(base)
    try:
        import fsspec

        # Instances are not shared with other users of fsspec, whose settings differ; listings are
        # read afresh.
        system, path = fsspec.core.url_to_fs(
            base + "/x", skip_instance_cache=True, use_listings_cache=False
        )
    except ImportError:
        package = _PACKAGES.get(name, f"the fsspec package for {name}")
        raise RequestError(f"{name}:// needs another package: pip install {package}") from None
    except ValueError:
        raise RequestError(
            f"{name}:// is not known; expected s3://, a path, or a scheme of fsspec"
        ) from None
    return system, str(path).removesuffix("x")


def _child_uri(folder: str, path: str, name: str) -> str:
    """Write a listed name as a URI: most file systems drop the scheme, some the server too.

    Args:
        folder: URI of the folder that was listed.
        path: what the file system calls the folder.
        name: what it calls an object or a folder below it.
    """
    if scheme(folder) in _WEB:
        return name
    below = name.lstrip("/").removeprefix(path.strip("/")).removeprefix("/")
    return folder.rstrip("/") + "/" + below


def _entry(uri: str, found: FileInfo) -> Entry:
    etag = found.get("etag") or found.get("ETag") or found.get("md5") or ""
    return Entry(uri, int(found.get("size") or 0), str(etag).strip('"'))


@contextlib.contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise what fsspec raises as a ``StoreError``: file systems have errors of their own."""
    try:
        yield
    except (RequestError, StoreError):
        raise
    except FileNotFoundError:
        raise StoreError("no such object", NotFound) from None
    except PermissionError:
        raise StoreError("access denied", AccessDenied) from None
    except NotImplementedError:
        raise StoreError("this kind of store can't do that", FetchError) from None
    except Exception as error:
        status = getattr(error, "status", None) or getattr(error, "code", None) or 0
        text = f"{type(error).__name__}" + (f" (status {status})" if status else "")
        if status in (401, 403):
            raise StoreError(text, AccessDenied) from None
        if isinstance(status, int) and 400 <= status < 500 and status not in (408, 429):
            raise StoreError(text, FetchError) from None
        raise StoreError(text, Unreachable, Retry.FULL) from None

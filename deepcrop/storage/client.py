"""The client: picks the store for a URI, retries, and raises the errors of ``deepcrop.errors``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

from ..errors import AccessDenied, NotFound, RequestError
from . import pattern
from .archive import PREFIX, ArchiveStore
from .attributes import Attributes
from .base import (
    MAX_DELETE,
    TEMPORARY,
    Blob,
    Entry,
    Prefix,
    StorageOptions,
    Store,
    StoreError,
)
from .error_translation import read_errors, request_errors, write_errors
from .fsspec_store import FsspecStore
from .local import LocalStore
from .retry import RetryingStore
from .s3 import S3Store
from .uri import canonical, join, local_path, redact, scheme
from .walk import Walker
from .web import WebStore


class Storage:
    """Reads, writes and lists any URI.

    ```python
    storage = Storage(StorageOptions(endpoint="http://127.0.0.1:9000"))
    for entry in storage.list("s3://media/in"):
        data = storage.read(entry.uri)
    ```

    Safe to share between threads; pickles to its options, so that actors make their own
    connections. Operations are retried where that may help; every error tells its ``attempts``.
    """

    def __init__(self, options: StorageOptions | None = None) -> None:
        """Remember the options; nothing is opened before the first use."""
        self.options = options or StorageOptions()
        fsspec = FsspecStore()
        web = self._retrying(WebStore(self.options, fsspec))
        self._stores: dict[str, Store] = {
            "file": self._retrying(LocalStore()),
            "s3": self._retrying(S3Store(self.options)),
            "http": web,
            "https": web,
        }
        self._other_schemes = self._retrying(fsspec)
        self._archives = ArchiveStore(self._store)
        self._walker = Walker(self._store)

    def __reduce__(self) -> tuple[type[Storage], tuple[StorageOptions]]:
        """Pickle as the options alone."""
        return Storage, (self.options,)

    def __repr__(self) -> str:
        """Show the options, which hold no secret."""
        return f"Storage({self.options!r})"

    # Objects

    def read(self, uri: str) -> bytes:
        """Return all bytes of an object, verified.

        Raises:
            NotFound: there is no such object.
            AccessDenied: the credentials don't permit it.
            Unreachable: every attempt failed.
            FetchError: the store refused for another reason.
        """
        return self.get(uri).data

    def get(self, uri: str) -> Blob:
        """Read as ``read`` does; return also the ETag and the attempts."""
        uri = canonical(uri)
        with read_errors(uri):
            return self._store(uri).get(uri)

    def write(
        self,
        uri: str,
        data: bytes,
        content_type: str | None = None,
        *,
        sync: bool = True,
        variant: bool = False,
    ) -> int:
        """Write an object, which appears whole or not at all; return the number of attempts.

        An object of that name is replaced; parent folders are made.

        Args:
            uri: its name.
            data: all of it.
            content_type: its MIME type, for stores that keep one.
            sync: wait until it survives a power failure; ``durable_writes`` waits for many at once.
            variant: whether it is a variant, which gets all attributes of the options.

        Raises:
            Unwritable: it could not be stored, for a reason that any other would meet too.
            WriteError: it could not be stored.
        """
        uri = canonical(uri)
        with write_errors(uri):
            return self._store(uri).put(uri, data, content_type, sync, self._attributes(variant))

    def copy(self, source: str, target: str, *, variant: bool = False) -> None:
        """Copy an object to another name in the same store; it appears whole or not at all.

        On a file system it survives a power failure from the end of the enclosing
        ``durable_writes`` on.

        Args:
            source: the object.
            target: its other name.
            variant: as for :meth:`write`.

        Raises:
            WriteError: it could not be copied.
        """
        source, target = canonical(source), canonical(target)
        with write_errors(target):
            self._store(target).copy(source, target, self._attributes(variant))

    @contextlib.contextmanager
    def durable_writes(self, uri: str) -> Iterator[None]:
        """Make all that is written below a folder within the context survive a power failure.

        Raises:
            WriteError: when the context ends, if any of it could not be stored; there is no way to
                tell what.
        """
        uri = canonical(uri)
        with write_errors(uri), self._store(uri).durable_writes(uri):
            yield

    def delete(self, uris: str | Iterable[str]) -> None:
        """Remove objects; those that don't exist are fine.

        Raises:
            WriteError: one could not be removed.
        """
        by_store: dict[int, list[str]] = {}
        for uri in [uris] if isinstance(uris, str) else uris:
            whole = canonical(uri)
            by_store.setdefault(id(self._store(whole)), []).append(whole)
        for group in by_store.values():
            store = self._store(group[0])
            with write_errors(group[0]):
                for start in range(0, len(group), MAX_DELETE):
                    store.delete(group[start : start + MAX_DELETE])

    def stat(self, uri: str) -> Entry | None:
        """Describe an object; None where there is none (a folder is none).

        Raises:
            FetchError: the store doesn't answer or doesn't permit it.
        """
        uri = canonical(uri)
        with read_errors(uri):
            return self._stat(uri)

    def exists(self, uri: str) -> bool:
        """Return whether there is an object of this name."""
        return self.stat(uri) is not None

    # Listings

    def list(self, uri: str) -> Iterator[Entry]:
        """Yield every object that a URI means, at any depth.

        Args:
            uri: an object, a folder or prefix (of whole names: ``s3://b/in`` doesn't mean
                ``in2/``), or a glob. Where an object or folder has a name with a glob's characters,
                that is meant.

        Yields:
            Entries, each once, in an order that depends only on the names.

        Raises:
            FetchError: a folder can't be read.
        """
        whole = _keep_slash(uri)
        with read_errors(whole):
            entry = self._stat_if_allowed(whole)
            if entry is not None:
                yield entry
                if scheme(whole) == "file" or pattern.has_magic(whole):
                    return
            if self._is_glob(whole):
                yield from self._walker.match(*pattern.split(whole))
            else:
                yield from self._walker.walk(whole)

    def children(self, uri: str) -> Iterator[Entry | Prefix]:
        """Yield one level of a folder or prefix, so that many can be listed at once.

        Raises:
            FetchError: it can't be read.
        """
        whole = _keep_slash(uri)
        with read_errors(whole):
            yield from self._walker.level(whole)

    def is_glob(self, uri: str) -> bool:
        """Return whether a URI is a pattern, and not the name of something that exists."""
        whole = _keep_slash(uri)
        with read_errors(whole):
            return self._is_glob(whole) and self._stat_if_allowed(whole) is None

    def root(self, uri: str) -> str:
        """Return the folder that the keys of ``list(uri)`` are relative to."""
        whole = _keep_slash(uri)
        if self.is_glob(whole):
            return pattern.split(whole)[0]
        with read_errors(whole):
            if self._stat_if_allowed(whole) is not None:
                return whole.rpartition("/")[0] + "/"
        return whole if whole.endswith("/") else whole + "/"

    # Checks before a job starts

    def check_readable(self, uri: str) -> None:
        """Make sure that there is something to read.

        Raises:
            RequestError: one line: what is wrong with it.
        """
        whole = _keep_slash(uri)
        with request_errors("input", whole):
            found = self._is_anything(whole)
        if not found and scheme(whole) == "file" and os.path.isdir(local_path(whole)):
            raise RequestError(
                f"input {uri}: is empty; put photos there, or give another folder, "
                "s3://bucket/prefix, glob or list of URIs"
            )
        if not found:
            raise RequestError(
                f"input {redact(uri)}: no object there and nothing below it; "
                "expected a folder or prefix with photos, a glob, or a list of URIs"
            )

    def check_writable(self, uri: str) -> None:
        """Make sure that results can be written below a URI, by writing and removing a file.

        Raises:
            RequestError: one line: what is wrong with it.
        """
        uri = canonical(uri)
        probe = join(uri, f"{TEMPORARY}probe")
        store = self._store(uri)
        with request_errors("output", uri, "can't be written: "):
            if scheme(uri) == "file" and self._stat(uri) is not None:
                raise RequestError(f"output {uri}: is a file, expected a folder")
            store.put(probe, b"", None, True, self._attributes(variant=False))
        # Some roles may write but not delete; the probe stays then, hidden from listings.
        with contextlib.suppress(StoreError):
            store.delete([probe])

    # Parts

    def _attributes(self, variant: bool) -> Attributes:
        attributes = self.options.attributes
        return attributes if variant else attributes.of_other_files

    def _retrying(self, store: Store) -> Store:
        return RetryingStore(store, self.options)

    def _store(self, uri: str) -> Store:
        if uri.startswith(PREFIX):
            return self._archives
        return self._stores.get(scheme(uri), self._other_schemes)

    def _is_glob(self, uri: str) -> bool:
        if scheme(uri) in ("http", "https"):
            return False
        return pattern.has_magic(uri) and not self._store(uri).is_prefix(uri)

    def _stat(self, uri: str) -> Entry | None:
        try:
            return self._store(uri).stat(uri)
        except StoreError as error:
            if error.error_type is NotFound:
                return None
            raise

    def _stat_if_allowed(self, uri: str) -> Entry | None:
        """Describe an object; None where there is none or where asking is denied.

        Who may read ``in/*`` is often not allowed to ask for an object named ``in``.
        """
        if uri.endswith("/"):
            return None
        try:
            return self._stat(uri)
        except StoreError as error:
            if error.error_type is AccessDenied:
                return None
            raise

    def _is_anything(self, uri: str) -> bool:
        if self._is_glob(uri) and self._stat_if_allowed(uri) is None:
            return next(self._walker.match(*pattern.split(uri)), None) is not None
        refused = None
        try:
            # Asked first, because the answer to a listing names the cause and that to a HEAD can't.
            if next(self._walker.level(uri), None) is not None:
                return True
        except StoreError as error:
            if error.error_type not in (AccessDenied, NotFound):
                raise
            refused = error
        try:
            if not uri.endswith("/") and self._stat(uri) is not None:
                return True
        except StoreError as error:
            raise refused or error from None
        if refused is not None:
            raise refused
        return False


def _keep_slash(uri: str) -> str:
    """Make canonical, but keep the slash at the end by which a prefix differs from an object."""
    whole = canonical(uri)
    return whole + "/" if uri.endswith("/") and not whole.endswith("/") else whole

"""The one door: picks the store for a URI and names what went wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..errors import (
    AccessDenied,
    FetchError,
    NotFound,
    RequestError,
    Unwritable,
    WriteError,
)
from . import pattern
from .archive import PREFIX, ArchiveStore
from .base import TEMPORARY, Blob, Entry, Failure, Prefix, StorageOptions, Store
from .local import LocalStore
from .remote import RemoteStore
from .s3 import S3Store
from .uri import canonical, join, redact, relative, scheme
from .web import WebStore

OnError = Callable[[FetchError], None]


class Storage:
    """Reads, writes and lists any URI.

    ```python
    storage = Storage(StorageOptions(endpoint="http://127.0.0.1:9000"))
    for entry in storage.list("s3://media/in"):
        data = storage.read(entry.uri)
    ```

    Safe to share between threads; pickles to its options, so that actors make their own
    connections. Operations are tried again where that can help; every error tells its
    ``attempts``.
    """

    def __init__(self, options: StorageOptions | None = None) -> None:
        """Remember the options; nothing is opened before the first use."""
        self.options = options or StorageOptions()
        self._stores: dict[str, Store] = {
            "file": LocalStore(self.options),
            "s3": S3Store(self.options),
        }
        self._remote: Store = RemoteStore(self.options)
        self._stores |= dict.fromkeys(("http", "https"), WebStore(self.options, self._remote))
        self._archives: Store = ArchiveStore(self._store)

    def __reduce__(self) -> tuple[Any, ...]:
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
            Unreachable: every try failed.
            FetchError: the store refused for another reason.
        """
        return self.get(uri).data

    def get(self, uri: str) -> Blob:
        """Read as ``read`` does; return also the ETag and the number of tries."""
        uri = canonical(uri)
        with _reading(uri):
            return self._store(uri).get(uri)

    def write(
        self, uri: str, data: bytes, content_type: str | None = None, *, sync: bool = True
    ) -> int:
        """Write an object, which appears whole or not at all; return the number of tries.

        An object of that name is replaced; parent folders are made.

        Args:
            uri: its name.
            data: all of it.
            content_type: its MIME type, for stores that keep one.
            sync: wait until it outlives a power failure; ``synced`` waits for many at once.

        Raises:
            Unwritable: it could not be stored, and nor could any other.
            WriteError: it could not be stored.
        """
        uri = canonical(uri)
        with _writing(uri):
            return self._store(uri).put(uri, data, content_type, sync)

    @contextlib.contextmanager
    def synced(self, uri: str) -> Iterator[None]:
        """Let all that is written below a folder within the context outlive a power failure.

        Raises:
            WriteError: at its end, where some of it could not be stored; nobody knows what.
        """
        uri = canonical(uri)
        with _writing(uri), self._store(uri).synced(uri):
            yield

    def delete(self, uris: str | Iterable[str]) -> None:
        """Remove objects; those that don't exist are fine.

        Raises:
            WriteError: one could not be removed.
        """
        wanted = [canonical(uri) for uri in ([uris] if isinstance(uris, str) else uris)]
        by_store: dict[int, list[str]] = {}
        for uri in wanted:
            by_store.setdefault(id(self._store(uri)), []).append(uri)
        for group in by_store.values():
            with _writing(group[0]):
                self._store(group[0]).delete(group)

    def stat(self, uri: str) -> Entry | None:
        """Describe an object; None where there is none (a folder is none).

        Raises:
            FetchError: the store doesn't answer or doesn't permit it.
        """
        uri = canonical(uri)
        with _reading(uri):
            return self._store(uri).stat(uri)

    def exists(self, uri: str) -> bool:
        """Tell whether there is an object of this name."""
        return self.stat(uri) is not None

    # Listings

    def list(self, uri: str, on_error: OnError | None = None) -> Iterator[Entry]:
        """Yield every object that a URI means, at any depth.

        Args:
            uri: an object, a folder or prefix (of whole names: ``s3://b/in`` doesn't mean
                ``in2/``), or a glob. What exists by a name with a glob's characters is that.
            on_error: called for a folder that can't be read, which is then left out.

        Yields:
            Entries, each once, in an order that depends only on the names.

        Raises:
            FetchError: a folder can't be read and there is no ``on_error``.
        """
        whole = _keep_slash(uri)
        with _reading(whole):
            entry = self._stat_if_allowed(whole)
            if entry is not None:
                yield entry
                if scheme(whole) == "file" or pattern.has_magic(whole):
                    return
            if self._is_glob(whole):
                yield from self._match(*pattern.split(whole), on_error)
            else:
                yield from self._walk(whole, on_error)

    def children(self, uri: str) -> Iterator[Entry | Prefix]:
        """Yield one level of a folder or prefix, so that many can be listed at once.

        Raises:
            FetchError: it can't be read.
        """
        whole = _keep_slash(uri)
        with _reading(whole):
            yield from self._store(whole).children(whole)

    def is_glob(self, uri: str) -> bool:
        """Tell whether a URI is a pattern, and not the name of something that exists."""
        whole = _keep_slash(uri)
        with _reading(whole):
            return self._is_glob(whole) and self._stat_if_allowed(whole) is None

    def root(self, uri: str) -> str:
        """Return the folder that the keys of ``list(uri)`` are relative to."""
        whole = _keep_slash(uri)
        if self.is_glob(whole):
            return pattern.split(whole)[0]
        with _reading(whole):
            if self._stat_if_allowed(whole) is not None:
                return whole.rpartition("/")[0] + "/"
        return whole if whole.endswith("/") else whole + "/"

    def sweep_temporaries(self, uri: str, older_than: float = 3600.0) -> int:
        """Remove the unfinished files of killed writers below a folder; return their number.

        Those of this machine's dead processes go at once, others after ``older_than`` seconds.
        """
        uri = canonical(uri)
        store = self._store(uri)
        with _writing(uri):
            stale = [*store.temporaries(uri, older_than)]
            store.delete(stale)
        return len(stale)

    # Checks before a job starts

    def check_readable(self, uri: str) -> None:
        """Make sure that there is something to read.

        Raises:
            RequestError: one line: what is wrong with it.
        """
        whole = _keep_slash(uri)
        with _requesting("input", whole):
            found = self._is_anything(whole)
        if not found:
            raise RequestError(f"input {redact(uri)}: no object there and nothing below it")

    def check_writable(self, uri: str) -> None:
        """Make sure that results can be written below a URI, by writing and removing a file.

        Raises:
            RequestError: one line: what is wrong with it.
        """
        uri = canonical(uri)
        probe = join(uri, f"{TEMPORARY}probe")
        store = self._store(uri)
        with _requesting("output", uri, "can't be written: "):
            if scheme(uri) == "file" and store.stat(uri) is not None:
                raise RequestError(f"output {uri}: is a file, expected a folder")
            store.put(probe, b"", None, sync=True)
        # Some roles may write but not delete; the probe is hidden from listings and harms nobody.
        with contextlib.suppress(Failure):
            store.delete([probe])

    # Parts

    def _store(self, uri: str) -> Store:
        if uri.startswith(PREFIX):
            return self._archives
        return self._stores.get(scheme(uri), self._remote)

    def _is_glob(self, uri: str) -> bool:
        if scheme(uri) in ("http", "https"):
            return False
        return pattern.has_magic(uri) and not self._store(uri).is_prefix(uri)

    def _stat_if_allowed(self, uri: str) -> Entry | None:
        """Describe an object; None where there is none or where asking is denied.

        Who may read ``in/*`` is often not allowed to ask for an object named ``in``.
        """
        if uri.endswith("/"):
            return None
        try:
            return self._store(uri).stat(uri)
        except Failure as failure:
            if failure.kind is AccessDenied:
                return None
            raise

    def _is_anything(self, uri: str) -> bool:
        store = self._store(uri)
        if self._is_glob(uri) and self._stat_if_allowed(uri) is None:
            return next(self._match(*pattern.split(uri), None), None) is not None
        refused = None
        try:
            # Asked first, because the answer to a listing names the cause and that to a HEAD can't.
            if next(iter(store.children(uri)), None) is not None:
                return True
        except Failure as failure:
            if failure.kind not in (AccessDenied, NotFound):
                raise
            refused = failure
        try:
            if not uri.endswith("/") and store.stat(uri) is not None:
                return True
        except Failure as failure:
            raise refused or failure from None
        if refused is not None:
            raise refused
        return False

    def _walk(self, uri: str, on_error: OnError | None) -> Iterator[Entry]:
        for item in self._store(uri).walk(uri):
            if isinstance(item, Entry):
                yield item
                continue
            error = _error(uri, item)
            if on_error is None:
                raise error
            on_error(error)

    def _match(self, base: str, rest: str, on_error: OnError | None) -> Iterator[Entry]:
        """Descend a glob name by name, so that folders that can't match are never listed."""
        segment, _, below = rest.partition("/")
        if segment == "**":
            whole = pattern.compile_path(rest)
            for entry in self._walk(base, on_error):
                if whole.match(relative(entry.uri, base)):
                    yield entry
            return
        name = pattern.compile_path(segment)
        for child in self._store(base).children(base, pattern.literal_start(segment)):
            if not name.match(relative(child.uri, base).removesuffix("/")):
                continue
            if isinstance(child, Entry) and not below:
                yield child
            elif isinstance(child, Prefix) and below:
                yield from self._match(child.uri, below, on_error)


def _keep_slash(uri: str) -> str:
    """Make canonical, but keep the slash at the end by which a prefix differs from an object."""
    whole = canonical(uri)
    return whole + "/" if uri.endswith("/") and not whole.endswith("/") else whole


def _error(uri: str, failure: Failure) -> FetchError:
    error = failure.kind(f"{redact(uri)}: {failure.message}")
    error.attempts = failure.attempts
    return error


@contextlib.contextmanager
def _reading(uri: str) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        raise _error(uri, failure) from None


@contextlib.contextmanager
def _writing(uri: str) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        kind = Unwritable if failure.general else WriteError
        error = kind(f"{redact(uri)}: {failure.message}")
        error.denied = failure.kind is AccessDenied
        error.attempts = failure.attempts
        raise error from None


@contextlib.contextmanager
def _requesting(what: str, uri: str, verb: str = "") -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        raise RequestError(f"{what} {redact(uri)}: {verb}{failure.message}") from None

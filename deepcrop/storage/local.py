"""The local file system, and network file systems that are mounted."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import stat as stat_mode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from ..errors import AccessDenied, FetchError, NotFound, Unreachable
from .attributes import Attributes
from .base import TEMPORARY, Blob, Entry, Page, Prefix, Retry, StoreError, check_length
from .uri import local_path, local_uri

_MISSING = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ELOOP,
            errno.ENAMETOOLONG, errno.EILSEQ}  # fmt: skip
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_AFFECTS_ALL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
"""Errors that any other write would meet too."""
_TRANSIENT = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY, errno.EMFILE,
              errno.ENFILE, errno.ENOBUFS, errno.EHOSTDOWN, errno.EHOSTUNREACH}  # fmt: skip
_NO_UNNAMED_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.EPERM,
                     errno.EACCES, errno.EXDEV, errno.EMLINK, errno.ENOSYS}  # fmt: skip
"""Errors by which a file system, a kernel or a sandbox says that it has no unnamed files."""

_NO_LINKS = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}
"""Errors by which a file system says that it gives a file no second name."""


class LocalStore:
    """Reads and writes files."""

    def get(self, uri: str) -> Blob:
        """Read a file; as many bytes as it has must arrive."""
        with _translated_errors():
            # Opening a pipe must not wait for its writer.
            descriptor = os.open(local_path(uri), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as file:
                status = os.fstat(file.fileno())
                if not stat_mode.S_ISREG(status.st_mode):
                    raise StoreError("not a file", NotFound)
                data = file.read()
        if len(data) != status.st_size:
            raise StoreError("the file changed while it was read", retry=Retry.FULL)
        return Blob(data, _etag(status))

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read a part of a file."""
        with _translated_errors(), open(local_path(uri), "rb") as file:
            file.seek(start)
            data = check_length(file.read(length), length)
            return Blob(data, _etag(os.fstat(file.fileno())))

    def put(
        self, uri: str, data: bytes, content_type: str | None, sync: bool, attributes: Attributes
    ) -> int:
        """Write a file without a name, then give it its name: it appears with all bytes.

        A writer that is killed leaves nothing behind, so nothing ever has to be swept. Where a
        file system has no unnamed files (NFS, FUSE), and while an existing file is replaced, the
        new one bears a name that listings hide.
        """
        path = local_path(uri)
        with _translated_errors():
            os.makedirs(os.path.dirname(path), exist_ok=True)
            try:
                _write_unnamed(path, data, sync)
            except OSError as error:
                if error.errno not in _NO_UNNAMED_FILES:
                    raise
                _write_named(path, data, sync)
        return 1

    def copy(self, source: str, target: str, attributes: Attributes) -> int:
        """Give a file a second name, where the file system can; otherwise copy its bytes."""
        path, folder = local_path(target), os.path.dirname(local_path(target))
        with _translated_errors():
            os.makedirs(folder, exist_ok=True)
            try:
                with _temporary_name(folder) as temporary:
                    os.link(local_path(source), temporary)
                    os.replace(temporary, path)
                    # Two names of one file: replacing one by the other does nothing (rename(2)).
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(temporary)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                _write_named(path, self.get(source).data, sync=False)
        return 1

    @contextlib.contextmanager
    def durable_writes(self, uri: str) -> Iterator[None]:
        """Wait for the disk once for all that is written inside, not for each file.

        On two busy cores and a virtual disk a photo and its five variants take 9% less time so.
        The folder is open from before the first write, because the kernel reports a write that
        failed later only to descriptors that were open then. It reports it once.
        """
        folder = local_path(uri)
        try:
            os.makedirs(folder, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            # No such folder, as every write will say; or one that may be written and not read.
            yield
            os.sync()
            return
        try:
            yield
            with _translated_errors():
                _sync_file_system(descriptor)
        finally:
            os.close(descriptor)

    def delete(self, uris: Sequence[str]) -> None:
        """Remove files."""
        for uri in uris:
            with _translated_errors(), contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(local_path(uri))

    def stat(self, uri: str) -> Entry:
        """Describe a file."""
        path = local_path(uri)
        with _translated_errors():
            status = os.stat(path)
        if not stat_mode.S_ISREG(status.st_mode):
            raise StoreError("not a file", NotFound)
        return _entry(path, status)

    def is_prefix(self, uri: str) -> bool:
        """Return whether this is a folder."""
        return os.path.isdir(local_path(uri))

    def list_page(
        self, uri: str, *, recursive: bool, name_prefix: str = "", token: str = ""
    ) -> Page:
        """List one level of a folder, whole; its files are described when they are asked for."""
        folder = local_path(uri)
        try:
            with _translated_errors(), os.scandir(folder) as scan:
                names = (item for item in scan if item.name.startswith(name_prefix))
                found = sorted(names, key=lambda item: os.fsencode(item.name))
        except StoreError:
            if not os.path.lexists(folder):
                return Page(())
            raise
        return Page(_describe_all(found))


def _write_unnamed(path: str, data: bytes, sync: bool) -> None:
    """Write a file that has no name before it is complete (Linux, open(2): O_TMPFILE)."""
    folder = os.path.dirname(path)
    descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    with open(descriptor, "wb", buffering=0) as file:
        _write_all(file.fileno(), data, sync)
        # A network file system reports at a descriptor's end what it could not store.
        os.close(os.dup(descriptor))
        unnamed = f"/proc/self/fd/{descriptor}"
        try:
            # With a folder's descriptor Python calls linkat(2), which follows the link in /proc.
            os.link(unnamed, path, src_dir_fd=descriptor)
        except FileExistsError:
            with _temporary_name(folder) as temporary:
                os.link(unnamed, temporary, src_dir_fd=descriptor)
                os.replace(temporary, path)


def _write_named(path: str, data: bytes, sync: bool) -> None:
    """Write a file beside its target, then rename it."""
    with _temporary_name(os.path.dirname(path)) as temporary:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        with open(os.open(temporary, flags, 0o666), "wb", buffering=0) as file:
            _write_all(file.fileno(), data, sync)
        os.replace(temporary, path)


def _write_all(descriptor: int, data: bytes, sync: bool) -> None:
    rest = memoryview(data).cast("B")
    while rest:
        # One call writes at most 2 GiB.
        rest = rest[os.write(descriptor, rest) :]
    if sync:
        os.fdatasync(descriptor)


@contextlib.contextmanager
def _temporary_name(folder: str) -> Iterator[str]:
    """Give the path of an unfinished file, which is removed where the context fails."""
    temporary = os.path.join(folder, TEMPORARY + secrets.token_hex(8))
    try:
        yield temporary
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _describe_all(found: Sequence[os.DirEntry[str]]) -> Iterator[Entry | Prefix]:
    """Describe one after the other: who asks whether there is any looks at no more than that."""
    with _translated_errors():
        for item in found:
            described = None if item.name.startswith(TEMPORARY) else _describe(item)
            if described is not None:
                yield described


def _describe(item: os.DirEntry[str]) -> Entry | Prefix | None:
    """Describe a file or folder; None for what is neither."""
    if _is_folder(item):
        if item.is_symlink() and _is_symlink_cycle(item.path):
            return None
        return Prefix(local_uri(item.path) + "/")
    try:
        status = item.stat()
    except OSError:
        # A dangling link is listed, so that it fails with a row of its own.
        status = item.stat(follow_symlinks=False)
    if stat_mode.S_ISREG(status.st_mode) or stat_mode.S_ISLNK(status.st_mode):
        return _entry(item.path, status)
    return None


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:
        return False


def _is_symlink_cycle(link: str) -> bool:
    """Return whether a link leads to a folder that its own path passes through."""
    folder = os.path.dirname(link)
    while True:
        if os.path.samefile(folder, link):
            return True
        parent = os.path.dirname(folder)
        if parent == folder:
            return False
        folder = parent


def _entry(path: str, status: os.stat_result) -> Entry:
    size = 0 if stat_mode.S_ISLNK(status.st_mode) else status.st_size
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    # The time of the inode's change can't be set back, as that of modification can.
    return Entry(local_uri(path), size, _etag(status), modified, f"{status.st_ctime_ns:x}")


def _etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def _sync_file_system(descriptor: int) -> None:
    """Call syncfs(2); where there is none, sync(2), which may return before the disk is done."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "syncfs"):
        os.sync()
    elif library.syncfs(descriptor):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise what the system raises as a ``StoreError``."""
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        text = os.strerror(number).lower() if number else type(error).__name__
        affects_all = number in _AFFECTS_ALL
        if number in _MISSING:
            raise StoreError(text, NotFound) from None
        if number in _DENIED:
            raise StoreError(text, AccessDenied, affects_all=affects_all) from None
        if number in _TRANSIENT:
            raise StoreError(text, Unreachable, Retry.FULL) from None
        raise StoreError(text, FetchError, affects_all=affects_all) from None

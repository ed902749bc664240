"""Members of tar archives, each a URI of its own: a range of the archive's bytes.

``tar+s3://media/shard-0001.tar!512+48213/000012.jpg`` is the 48,213 bytes from byte 512 on, which
the archive calls ``000012.jpg``. So a member is read alone, by anybody, without the archive's
index; local archives are ``tar+file:///data/shard.tar!512+48213/000012.jpg``.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from ..errors import FetchError, NotFound
from .base import Blob, Entry, Failure, Prefix, Store
from .uri import without_surrogates

PREFIX = "tar+"
_ENCODED = "file://localhost/"
_MEMBER = re.compile(r"^tar\+(.*)!(\d+)\+(\d+)/(.*)$", re.DOTALL)


class ArchiveStore:
    """Reads members of archives that lie in other stores."""

    def __init__(self, store_of: Callable[[str], Store]) -> None:
        """Take what finds the store of an archive."""
        self._store_of = store_of

    def get(self, uri: str) -> Blob:
        """Read one member."""
        archive, start, length = _split(uri)
        return self._store_of(archive).get_range(archive, start, length)

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read a part of a member."""
        archive, first, _ = _split(uri)
        return self._store_of(archive).get_range(archive, first + start, length)

    def stat(self, uri: str) -> Entry | None:
        """Describe a member, where its archive is there."""
        archive, _, length = _split(uri)
        found = self._store_of(archive).stat(archive)
        return None if found is None else Entry(uri, length, found.etag, found.modified)

    def put(self, uri: str, data: bytes, content_type: str | None, sync: bool) -> int:
        """Refuse: archives are only read."""
        raise Failure("a member of an archive can't be written", FetchError)

    def synced(self, uri: str) -> AbstractContextManager[None]:
        """Do nothing: nothing is written."""
        return nullcontext()

    def delete(self, uris: Sequence[str]) -> None:
        """Refuse: archives are only read."""
        raise Failure("a member of an archive can't be removed", FetchError)

    def is_prefix(self, uri: str) -> bool:
        """Tell that a member is no folder."""
        return False

    def walk(self, uri: str) -> Iterator[Entry | Failure]:
        """Yield nothing: see :func:`members`."""
        yield from ()

    def children(self, uri: str, starting: str = "") -> Iterator[Entry | Prefix]:
        """Yield nothing: see :func:`members`."""
        yield from ()

    def temporaries(self, uri: str, older_than: float) -> Iterator[str]:
        """Yield nothing: archives are only read."""
        yield from ()


def members(archive: str, data: bytes) -> Iterator[tuple[str, str, int, bytes]]:
    """Yield the files of an archive: name, URI, size and bytes.

    A name comes without ``./`` and empty segments; bytes of it that are no UTF-8 are
    percent-encoded.

    Args:
        archive: its canonical URI.
        data: all of its bytes, uncompressed tar.

    Raises:
        FetchError: it is no tar archive, or broken.
    """
    # A path stands there as it is. One that is not UTF-8 has no plain text: it is told by a host.
    whole = archive.replace("file:///", _ENCODED) if "://" in archive else f"file://{archive}"
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for each in tar:
                if each.isfile():
                    start = each.offset_data
                    name = _plain(each.name)
                    uri = f"{PREFIX}{whole}!{start}+{each.size}/{name}"
                    yield name, uri, each.size, data[start : start + each.size]
    except tarfile.TarError as error:
        raise FetchError(f"{archive}: not a tar archive ({error})") from None


def _plain(name: str) -> str:
    """Return a member's name as one below a folder: ``tar cf x.tar .`` calls them ``./NAME``."""
    return "/".join(each for each in without_surrogates(name).split("/") if each not in ("", "."))


def _split(uri: str) -> tuple[str, int, int]:
    match = _MEMBER.match(uri)
    if match is None:
        raise Failure("not a member of an archive", NotFound)
    archive = match[1] if match[1].startswith(_ENCODED) else match[1].removeprefix("file://")
    return archive, int(match[2]), int(match[3])

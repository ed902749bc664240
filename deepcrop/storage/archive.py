"""Members of tar archives, each a URI of its own: a range of the archive's bytes.

``tar+s3://media/shard-0001.tar!512+48213/000012.jpg`` is the 48,213 bytes from byte 512 on, which
the archive calls ``000012.jpg``. So a member is read alone, without reading the archive's headers;
local archives are ``tar+file:///data/shard.tar!512+48213/000012.jpg``.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from ..errors import FetchError, NotFound
from .attributes import Attributes
from .base import Blob, Entry, Page, Store, StoreError
from .uri import without_surrogates

PREFIX = "tar+"
"""How the URIs of members begin."""
_ENCODED = "file://localhost/"
"""How the URI of a local archive begins whose path is percent-encoded."""
_MEMBER = re.compile(r"^tar\+(.*)!(\d+)\+(\d+)/(.*)$", re.DOTALL)


class ArchiveStore:
    """Reads members of archives that lie in other stores; those retry, so this one needn't."""

    def __init__(self, store_of: Callable[[str], Store]) -> None:
        """Take the function that returns the store of an archive's URI."""
        self._store_of = store_of

    def get(self, uri: str) -> Blob:
        """Read one member."""
        archive, start, length = _split(uri)
        return self._store_of(archive).get_range(archive, start, length)

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read a part of a member."""
        archive, first, _ = _split(uri)
        return self._store_of(archive).get_range(archive, first + start, length)

    def stat(self, uri: str) -> Entry:
        """Describe a member, where its archive exists."""
        archive, _, length = _split(uri)
        found = self._store_of(archive).stat(archive)
        return Entry(uri, length, found.etag, found.modified)

    def put(
        self, uri: str, data: bytes, content_type: str | None, sync: bool, attributes: Attributes
    ) -> int:
        """Refuse: archives are only read."""
        raise StoreError("a member of an archive can't be written", FetchError)

    def durable_writes(self, uri: str) -> AbstractContextManager[None]:
        """Do nothing: nothing is written."""
        return nullcontext()

    def delete(self, uris: Sequence[str]) -> None:
        """Refuse: archives are only read."""
        raise StoreError("a member of an archive can't be removed", FetchError)

    def copy(self, source: str, target: str, attributes: Attributes) -> int:
        """Refuse: archives are only read."""
        raise StoreError("a member of an archive can't be written", FetchError)

    def is_prefix(self, uri: str) -> bool:
        """Answer no: a member is not a folder."""
        return False

    def list_page(
        self, uri: str, *, recursive: bool, name_prefix: str = "", token: str = ""
    ) -> Page:
        """List nothing: see :func:`iter_tar_members`."""
        return Page(())


def iter_tar_members(archive: str, data: bytes) -> Iterator[tuple[str, str, int, bytes]]:
    """Yield the files of an archive: name, URI, size in bytes and bytes.

    A name comes without ``./`` and empty segments; bytes of it that are not UTF-8 are
    percent-encoded.

    Args:
        archive: its canonical URI.
        data: all of its bytes, uncompressed tar.

    Raises:
        FetchError: it is not a tar archive, or it is broken.
    """
    # A local path stands in a member's URI as it is. One that is not UTF-8 has no plain text: it is
    # percent-encoded, and a host name says so.
    whole = archive.replace("file:///", _ENCODED) if "://" in archive else f"file://{archive}"
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                if member.isfile():
                    start, size = member.offset_data, member.size
                    name = _normalized(member.name)
                    uri = f"{PREFIX}{whole}!{start}+{size}/{name}"
                    yield name, uri, size, data[start : start + size]
    except tarfile.TarError as error:
        raise FetchError(f"{archive}: not a tar archive ({error})") from None


def _normalized(name: str) -> str:
    """Return a member's name as one below a folder: ``tar cf x.tar .`` calls them ``./NAME``."""
    segments = without_surrogates(name).split("/")
    return "/".join(segment for segment in segments if segment not in ("", "."))


def _split(uri: str) -> tuple[str, int, int]:
    match = _MEMBER.match(uri)
    if match is None:
        raise StoreError("not a member of an archive", NotFound)
    archive = match[1] if match[1].startswith(_ENCODED) else match[1].removeprefix("file://")
    return archive, int(match[2]), int(match[3])

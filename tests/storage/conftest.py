"""An empty folder of each store, for the suites that every store passes."""

from __future__ import annotations

import functools
import http.server
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from deepcrop.storage import (
    Entry,
    Prefix,
    Storage,
    StorageOptions,
    canonical,
)

_numbers = itertools.count()


@dataclass(frozen=True)
class Place:
    """An empty folder of one store."""

    storage: Storage
    uri: str
    put: Callable[[str, bytes], object]
    """Writes an object of this key, by other means where the store is read only."""
    holds: Callable[[str], bool] = lambda key: True
    """Whether the store can hold an object of this key."""
    quote: Callable[[str], str] = str
    """Writes a key as it stands in a URI."""

    def at(self, key: str) -> str:
        return canonical(f"{self.uri}/{self.quote(key)}")

    def fill(self, *keys: str) -> None:
        for key in keys:
            self.put(key, b"x")

    def keys(self, uri: str = "") -> list[str]:
        """The keys of a listing, in its order."""
        return [self.key(entry) for entry in self.storage.list(self.uri + uri)]

    def key(self, entry: Entry | Prefix) -> str:
        return entry.uri.removeprefix(self.uri + "/")


def _writable(storage: Storage, uri: str, holds: Callable[[str], bool]) -> Place:
    return Place(storage, uri, lambda key, data: storage.write(f"{uri}/{key}", data), holds)


@pytest.fixture
def local(tmp_path: Path) -> Place:
    return _writable(
        Storage(StorageOptions(backoff=0.001)),
        f"{tmp_path}/root",
        # A path has no empty names, and a name has at most 255 bytes.
        lambda key: "//" not in f"/{key}" and "." not in key.split("/") and ".." not in key
        and max(len(name.encode()) for name in key.split("/")) < 256,
    )  # fmt: skip


@pytest.fixture
def memory() -> Place:
    return _writable(
        Storage(StorageOptions(backoff=0.001)),
        f"memory://bucket-{next(_numbers)}/root",
        lambda key: "//" not in f"/{key}",
    )


def _s3(server) -> Place:
    return _writable(server.storage(), server.uri, lambda key: True)


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(local: Place) -> Iterator[Place]:
    """A web server of files, whose folders are pages that link to what they hold."""
    folder = local.uri
    Path(folder).mkdir()
    handler = functools.partial(_Files, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield Place(
            Storage(StorageOptions(backoff=0.001)),
            f"http://127.0.0.1:{server.server_port}",
            local.put,
            # The server takes a backslash for the slash of another system.
            lambda key: local.holds(key) and "\\" not in key,
            quote,
        )
        server.shutdown()


WRITABLE = ["local", "moto", "radosgw", "memory"]


def _place(request: pytest.FixtureRequest) -> Place:
    match request.param:
        case "moto":
            return _s3(request.getfixturevalue("s3"))
        case "radosgw":
            return _s3(request.getfixturevalue("radosgw_s3"))
        case name:
            found: Place = request.getfixturevalue(name)
            return found


@pytest.fixture(params=WRITABLE)
def place(request: pytest.FixtureRequest) -> Place:
    """An empty folder of each store that can be written."""
    return _place(request)


@pytest.fixture(params=[*WRITABLE, "web"])
def readable(request: pytest.FixtureRequest) -> Place:
    """An empty folder of each store, the web among them."""
    return _place(request)

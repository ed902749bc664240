"""One suite that every store passes: what callers of ``Storage`` may rely on, wherever they write.

What only one store does is tested beside its name (``test_local``, ``test_s3``, ``test_web``,
``test_fsspec_store``).
"""

from __future__ import annotations

import concurrent.futures
import functools
import http.server
import io
import itertools
import pickle
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from deepcrop.errors import FetchError, NotFound, RequestError, WriteError
from deepcrop.storage import (
    TEMPORARY,
    Entry,
    Prefix,
    Storage,
    StorageOptions,
    canonical,
    iter_tar_members,
    strip_credentials,
)
from tests.storage.test_uri import ODD_KEYS

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


# Objects


def test_what_is_written_is_read(place):
    storage, uri = place.storage, place.at("a/b/photo one.jpg")
    assert storage.write(uri, b"one", "image/jpeg") == 1
    blob, entry = storage.get(uri), storage.stat(uri)
    assert blob.data == storage.read(uri) == b"one" and blob.attempts == 1
    assert (entry.uri, entry.size) == (uri, 3) and storage.exists(uri)
    assert blob.etag in (entry.etag, "")


def test_an_object_is_replaced(place):
    storage, uri = place.storage, place.at("a.jpg")
    storage.write(uri, b"a longer one")
    first = storage.get(uri)
    assert storage.write(uri, b"three") == 1
    assert storage.read(uri) == b"three" and storage.stat(uri).size == 5
    assert not first.etag or storage.get(uri).etag != first.etag
    assert place.keys() == ["a.jpg"]


def test_deleting_is_idempotent(place):
    storage = place.storage
    place.fill("a.jpg", "deep/b.jpg", "c.jpg")
    for _ in range(2):
        storage.delete([place.at("a.jpg"), place.at("deep/b.jpg"), place.at("none/d.jpg")])
        assert place.keys() == ["c.jpg"]
    storage.delete(place.at("c.jpg"))
    storage.delete([])
    assert place.keys() == [] and not storage.exists(place.at("c.jpg"))


def test_what_is_missing(readable):
    storage = readable.storage
    readable.fill("in/1.jpg")
    for key in ("none.jpg", "none/deep.jpg", "i"):
        with pytest.raises(NotFound) as caught:
            storage.read(readable.at(key))
        assert caught.value.attempts == 1 and "\n" not in str(caught.value)
    assert storage.stat(readable.at("none.jpg")) is None
    assert not storage.exists(readable.at("none.jpg"))


def test_a_folder_is_no_object(place):
    place.fill("in/1.jpg")
    assert place.storage.stat(place.at("in")) is None
    with pytest.raises(FetchError):
        place.storage.read(place.at("in"))


def test_an_empty_object(readable):
    readable.put("empty.jpg", b"")
    uri = readable.at("empty.jpg")
    assert readable.storage.read(uri) == b"" and readable.storage.stat(uri).size == 0
    readable.fill("full.jpg")
    assert readable.keys("/") == ["empty.jpg", "full.jpg"]


def test_a_large_object(readable):
    data = bytes(range(251)) * 80_000  # 20 MB
    readable.put("large.tif", data)
    uri = readable.at("large.tif")
    assert readable.storage.read(uri) == data and readable.storage.stat(uri).size == len(data)


MORE_ODD_KEYS = ["a::b.jpg", "http:%2F%2Fx.jpg", "~home.jpg", "$HOME.jpg", "-rf.jpg", ".hidden.jpg"]


@pytest.mark.parametrize("key", [*ODD_KEYS, *MORE_ODD_KEYS], ids=lambda key: key[:30])
def test_odd_names(readable, key):
    if not readable.holds(key):
        pytest.skip("this store has no such names")
    storage, uri = readable.storage, readable.at(key)
    readable.put(key, key.encode())
    assert storage.read(uri) == key.encode()
    assert storage.stat(uri).size == len(key.encode())
    if not uri.startswith("http"):
        entry = storage.stat(uri)
        assert list(storage.list(readable.uri)) == list(storage.list(uri)) == [entry]
        storage.delete(uri)
        assert list(storage.list(readable.uri)) == []


def test_concurrent_writers_of_one_object(place):
    """Whoever reads it meanwhile gets one of what they wrote, whole."""
    storage, uri = place.storage, place.at("contested.jpg")
    contents = [bytes([number]) * (50_000 + number) for number in range(6)]
    storage.write(uri, contents[0])

    def write(data: bytes) -> None:
        for _ in range(4):
            storage.write(uri, data)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(write, data) for data in contents]
        while not all(each.done() for each in writes):
            assert storage.read(uri) in contents
        for each in writes:
            each.result()
    assert storage.read(uri) in contents
    assert place.keys() == ["contested.jpg"]


def test_many_threads_share_a_storage(place):
    uris = {place.at(f"{number % 3}/{number:03}.jpg"): b"%d" % number for number in range(60)}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(place.storage.write, uris, uris.values())) == {1}
        assert list(pool.map(place.storage.read, uris)) == list(uris.values())
    assert {entry.uri for entry in place.storage.list(place.uri)} == uris.keys()


def test_writes_that_are_made_durable_together(place):
    with place.storage.durable_writes(place.uri):
        for number in range(3):
            place.storage.write(place.at(f"v/{number}.jpg"), b"x", sync=False)
    assert place.keys() == ["v/0.jpg", "v/1.jpg", "v/2.jpg"]
    with pytest.raises(KeyError), place.storage.durable_writes(place.uri):
        raise KeyError


def test_a_copy_that_is_pickled_reads_the_same(place):
    place.fill("a.jpg")
    copy = pickle.loads(pickle.dumps(place.storage))
    assert copy.options == place.storage.options and hash(copy.options)
    assert copy.read(place.at("a.jpg")) == b"x"


def test_the_web_is_not_written(web):
    with pytest.raises(WriteError, match="can't do that"):
        web.storage.write(web.at("a.jpg"), b"x")
    with pytest.raises(WriteError, match="can't do that"):
        web.storage.delete(web.at("a.jpg"))
    with pytest.raises(RequestError, match=r"^output .*can't be written"):
        web.storage.check_writable(web.at("out"))


# Listings


def test_a_listing_is_recursive_and_its_order_depends_on_the_names_alone(place):
    keys = ["b.jpg", "a/2.jpg", "a/1.jpg", "a/c/3.png", "é.jpg", "a b/4.jpg", "B.jpg"]
    place.fill(*keys)
    before = place.keys()
    assert sorted(before) == sorted(keys)
    place.storage.delete([place.at(key) for key in keys])
    place.fill(*reversed(keys))
    assert place.keys() == before
    siblings = [key for key in before if "/" not in key]
    assert siblings == sorted(siblings) and before.index("a/1.jpg") < before.index("a/2.jpg")


def test_entries_of_a_listing_are_what_stat_answers(place):
    place.fill("a.jpg", "deep/b.jpg")
    for entry in place.storage.list(place.uri):
        assert place.storage.stat(entry.uri) == entry
        assert list(place.storage.list(entry.uri)) == [entry]


def test_a_folder_is_not_the_prefix_of_a_name(readable):
    readable.fill("in/1.jpg", "in/deep/2.jpg", "in2/3.jpg", "in.jpg")
    for uri in ("/in/", "/in"):
        if uri == "/in" and readable.uri.startswith("http"):
            continue  # what a page links to is relative to its slash
        assert sorted(readable.keys(uri)) == ["in/1.jpg", "in/deep/2.jpg"]
    assert readable.keys("/in2/") == ["in2/3.jpg"]


def test_what_is_missing_lists_nothing(place):
    place.fill("a.jpg")
    assert place.keys("/none") == place.keys("/none/") == []
    assert list(place.storage.children(f"{place.uri}/none")) == []


def test_children_cover_the_listing(place):
    keys = ["a/1", "a/b/2", "odd #1/3", "top", "[x]/4", "a.jpg"]
    place.fill(*keys)
    children = list(place.storage.children(place.uri))
    prefixes = [child for child in children if isinstance(child, Prefix)]
    entries = [child for child in children if isinstance(child, Entry)]
    assert {place.key(prefix) for prefix in prefixes} == {"a/", "odd #1/", "[x]/"}
    assert [place.key(entry) for entry in entries] == ["a.jpg", "top"]
    for prefix in prefixes:
        entries += place.storage.list(prefix.uri)
    assert len(entries) == len(keys) and set(entries) == set(place.storage.list(place.uri))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["b.jpg"]),
        ("*/*.jpg", ["a/1.jpg", "a/2.jpg"]),
        ("**/*.jpg", ["a/1.jpg", "a/2.jpg", "b.jpg"]),
        ("**", ["a/1.jpg", "a/2.jpg", "a/c/3.png", "b.jpg"]),
        ("a/**/?.*", ["a/1.jpg", "a/2.jpg", "a/c/3.png"]),
        ("a/[2-9].jpg", ["a/2.jpg"]),
        ("a/[!2-9].jpg", ["a/1.jpg"]),
        ("?/c/*", ["a/c/3.png"]),
        ("*.gif", []),
        ("none/*.gif", []),
    ],
)
def test_globs(place, pattern, expected):
    place.fill("b.jpg", "a/2.jpg", "a/1.jpg", "a/c/3.png")
    assert sorted(place.keys(f"/{pattern}")) == expected
    assert place.storage.is_glob(f"{place.uri}/{pattern}")


def test_what_exists_is_no_pattern(place):
    storage = place.storage
    place.fill("x[1]/a*.jpg", "x1/ab.jpg")
    assert place.keys("/x[1]") == place.keys("/x[1]/a*.jpg") == ["x[1]/a*.jpg"]
    assert place.keys("/x?/a*.jpg") == ["x1/ab.jpg"]
    assert not storage.is_glob(f"{place.uri}/x[1]")
    assert storage.root(f"{place.uri}/x[1]") == f"{place.uri}/x[1]/"
    assert storage.root(f"{place.uri}/x[1]/a*.jpg") == f"{place.uri}/x[1]/"
    assert storage.root(f"{place.uri}/x?/a*.jpg") == f"{place.uri}/"


def test_a_pattern_without_sense_is_refused(place):
    with pytest.raises(RequestError, match="z-a"):
        list(place.storage.list(f"{place.uri}/[z-a].jpg"))


def test_listings_hide_unfinished_files(place):
    place.fill("a/1.jpg", f"a/{TEMPORARY}0123456789abcdef", f"{TEMPORARY}probe")
    assert place.keys() == place.keys("/**/*") == ["a/1.jpg"]
    assert [place.key(child) for child in place.storage.children(f"{place.uri}/a")] == ["a/1.jpg"]


def test_checks_before_a_job(place):
    storage = place.storage
    place.fill("in/1.jpg")
    for good in ("", "/in", "/in/1.jpg", "/in/*.jpg", "/**/*.jpg"):
        storage.check_readable(place.uri + good)
    for bad in ("/none", "/*.gif", "/in/1.jpg/x"):
        with pytest.raises(RequestError, match=r"^input ") as caught:
            storage.check_readable(place.uri + bad)
        assert "\n" not in str(caught.value)
    storage.check_writable(f"{place.uri}/new/out")
    assert place.keys() == ["in/1.jpg"]


# Archives


FILES = {"a.jpg": b"first" * 300, "deep/b c.jpg": b"second", "empty.txt": b""}


def archive(files: dict[str, bytes] = FILES) -> bytes:
    """Return a tar archive of these files."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        folder = tarfile.TarInfo("deep")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return sink.getvalue()


@pytest.mark.parametrize("name", ["x.tar", "100%25 é.tar"])
def test_members_of_an_archive_are_ranges_of_it(readable, name):
    storage, uri = readable.storage, readable.at(name)
    readable.put(name, archive())
    found = list(iter_tar_members(uri, storage.read(uri)))
    assert {name: data for name, _, _, data in found} == FILES
    for name, member, size, data in found:
        assert member.endswith(f"/{name}") and strip_credentials(member) == member
        assert storage.stat(member).size == size == len(data)
        if size or not uri.startswith("http"):
            assert storage.read(member) == data == FILES[name]
    with pytest.raises(WriteError, match="can't be written"):
        storage.write(found[0][1], b"")
    with pytest.raises(WriteError, match="can't be removed"):
        storage.delete(found[0][1])


def test_a_changed_archive_is_an_error_and_no_shorter_member(place):
    storage, uri = place.storage, place.at("x.tar")
    storage.write(uri, archive())
    _, member, _, _ = next(iter_tar_members(uri, storage.read(uri)))
    storage.write(uri, archive()[:600])
    with pytest.raises(FetchError, match=r"ends before|InvalidRange|range"):
        storage.read(member)
    storage.delete(uri)
    with pytest.raises(NotFound):
        storage.read(member)

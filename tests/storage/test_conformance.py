"""One suite that every store passes: what callers of ``Storage`` may rely on, wherever they write.

What only one store does is tested beside its name (``test_local``, ``test_s3``, ``test_web``,
``test_fsspec_store``).
"""

from __future__ import annotations

import concurrent.futures
import pickle

import pytest

from deepcrop.errors import FetchError, NotFound, RequestError, WriteError
from tests.storage.test_uri import ODD_KEYS


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

"""Tests of the file system as a store."""

import errno
import os
import pickle
import signal
import subprocess
import sys
import time

import pytest

from deepcrop.errors import AccessDenied, NotFound, RequestError, WriteError
from deepcrop.storage import TEMPORARY, Prefix, Storage, StorageOptions, local
from tests.storage.test_uri import ODD_KEYS

storage = Storage(StorageOptions(backoff=0.001))


def fill(folder, *names):
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x")


def names(folder, pattern=""):
    start = len(str(folder)) + 1
    return [entry.uri[start:] for entry in storage.list(f"{folder}/{pattern}")]


def test_round_trip(tmp_path):
    uri = f"{tmp_path}/a/b/photo one.jpg"
    assert storage.write(uri, b"one") == 1
    assert storage.read(uri) == b"one"
    first = storage.get(uri)
    assert storage.stat(uri).size == 3
    assert storage.stat(uri).etag == first.etag
    storage.write(uri, b"three")
    assert storage.read(f"file://{tmp_path}/a/b/photo%20one.jpg") == b"three"
    assert storage.get(uri).etag != first.etag
    storage.delete([uri, f"{tmp_path}/missing", f"{tmp_path}/missing/too"])
    assert not storage.exists(uri)


@pytest.mark.parametrize("key", [key for key in ODD_KEYS if ".." not in key and len(key) < 255])
def test_odd_names_round_trip(tmp_path, key):
    uri = f"{tmp_path}/{key}"
    storage.write(uri, key.encode())
    (entry,) = storage.list(str(tmp_path))
    assert storage.read(entry.uri) == storage.read(uri) == key.encode()
    assert [found.uri for found in storage.list(entry.uri)] == [entry.uri]


def test_names_that_are_not_utf8(tmp_path):
    fill(tmp_path, b"b\xff/caf\xe9.jpg", "plain.jpg")
    listed = {entry.uri for entry in storage.list(str(tmp_path))}
    assert f"{tmp_path}/plain.jpg" in listed
    (odd,) = listed - {f"{tmp_path}/plain.jpg"}
    odd.encode()
    assert storage.read(odd) == b"x"
    assert {entry.uri for entry in storage.list(f"{tmp_path}/**/*.jpg")} == listed
    (folder,) = [child.uri for child in storage.children(str(tmp_path)) if child.uri.endswith("/")]
    assert [entry.uri for entry in storage.list(folder)] == [odd]


def test_list_is_recursive_sorted_and_hides_unfinished_files(tmp_path):
    fill(tmp_path, "b.jpg", "a/2.jpg", "a/1.jpg", "a/c/3.png", ".hidden.jpg", f"a/{TEMPORARY}x.1.y")
    assert names(tmp_path) == [".hidden.jpg", "b.jpg", "a/1.jpg", "a/2.jpg", "a/c/3.png"]
    assert names(tmp_path / "a", "c") == ["c/3.png"]
    assert list(storage.list(f"{tmp_path}/none")) == []
    assert [entry.size for entry in storage.list(f"{tmp_path}/b.jpg")] == [1]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["b.jpg"]),
        ("*/*.jpg", ["a/1.jpg", "a/2.jpg"]),
        ("**/*.jpg", ["b.jpg", "a/1.jpg", "a/2.jpg"]),
        ("**", ["b.jpg", "a/1.jpg", "a/2.jpg", "a/c/3.png"]),
        ("a/**/?.*", ["a/1.jpg", "a/2.jpg", "a/c/3.png"]),
        ("a/[2-9].jpg", ["a/2.jpg"]),
        ("a/[!2-9].jpg", ["a/1.jpg"]),
        ("?/c/*", ["a/c/3.png"]),
        ("*.gif", []),
        ("none/*.gif", []),
    ],
)
def test_globs(tmp_path, pattern, expected):
    fill(tmp_path, "b.jpg", "a/2.jpg", "a/1.jpg", "a/c/3.png")
    assert names(tmp_path, pattern) == expected


def test_what_exists_is_no_pattern(tmp_path):
    fill(tmp_path, "x[1]/a*.jpg", "x1/ab.jpg")
    assert names(tmp_path, "x[1]") == ["x[1]/a*.jpg"]
    assert names(tmp_path, "x[1]/a*.jpg") == ["x[1]/a*.jpg"]
    assert names(tmp_path, "x?/a*.jpg") == ["x1/ab.jpg"]
    assert storage.root(f"{tmp_path}/x[1]") == f"{tmp_path}/x[1]/"
    assert storage.root(f"{tmp_path}/x[1]/a*.jpg") == f"{tmp_path}/x[1]/"
    assert storage.root(f"{tmp_path}/x?/a*.jpg") == f"{tmp_path}/"


def test_a_pattern_without_sense_is_refused(tmp_path):
    with pytest.raises(RequestError, match="z-a"):
        list(storage.list(f"{tmp_path}/[z-a].jpg"))


def test_links_are_followed_but_not_in_circles(tmp_path):
    fill(tmp_path, "in/a.jpg", "other/b.jpg")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "other").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self").symlink_to("self")
    (tmp_path / "in" / "gone.jpg").symlink_to("nowhere")
    assert names(tmp_path / "in") == ["a.jpg", "gone.jpg", "self", "other/b.jpg"]
    for dangling in ("gone.jpg", "self"):
        with pytest.raises(NotFound):
            storage.read(f"{tmp_path}/in/{dangling}")


def test_pipes_are_not_listed_and_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert names(tmp_path) == []
    with pytest.raises(NotFound, match="not a file"):
        storage.read(f"{tmp_path}/pipe.jpg")
    with pytest.raises(NotFound):
        storage.read(str(tmp_path))


def test_children_cover_the_list(tmp_path):
    fill(tmp_path, "b.jpg", "a/2.jpg", "a/c/3.png", "d e/4.jpg")
    children = list(storage.children(str(tmp_path)))
    assert [child.uri for child in children] == [
        f"{tmp_path}/{name}" for name in ("a/", "b.jpg", "d e/")
    ]
    below = []
    for child in children:
        below += storage.list(child.uri) if isinstance(child, Prefix) else [child]
    assert {entry.uri for entry in below} == {entry.uri for entry in storage.list(str(tmp_path))}


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_folders_that_cannot_be_read(tmp_path, run_as_nobody):
    fill(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a").chmod(0)
    (tmp_path / "b").chmod(0o555)

    def scenario():
        with pytest.raises(AccessDenied, match="/a: permission denied"):
            list(storage.list(str(tmp_path)))
        errors = []
        entries = list(storage.list(str(tmp_path), on_error=errors.append))
        assert [entry.uri for entry in entries] == [f"{tmp_path}/b/2.jpg"]
        assert [type(error) for error in errors] == [AccessDenied]
        with pytest.raises(AccessDenied):
            storage.read(f"{tmp_path}/a/1.jpg")
        with pytest.raises(WriteError, match="permission denied"):
            storage.write(f"{tmp_path}/b/3.jpg", b"")
        with pytest.raises(RequestError, match=r"^input .*/a: permission denied$"):
            storage.check_readable(f"{tmp_path}/a")
        with pytest.raises(RequestError, match=r"^output .*can't be written: permission denied$"):
            storage.check_writable(f"{tmp_path}/b/out")

    run_as_nobody(tmp_path, scenario)


@pytest.fixture
def run_as_nobody():
    """Call a function in a child process for which file permissions hold, even under root."""

    def run(folder, scenario):
        if os.getuid() == 0:
            path = folder
            while path != path.parent and path.owner() == "root" and str(path) != "/tmp":
                path.chmod(path.stat().st_mode | 0o055)
                path = path.parent
        child = os.fork()
        if child == 0:
            status = 1
            try:
                if os.getuid() == 0:
                    os.setuid(65534)
                scenario()
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    return run


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    storage.write(f"{tmp_path}/a.jpg", b"old")
    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(WriteError, match="no space left"):
        storage.write(f"{tmp_path}/a.jpg", b"new")
    assert os.listdir(tmp_path) == ["a.jpg"]
    assert storage.read(f"{tmp_path}/a.jpg") == b"old"


def test_a_killed_writer_leaves_only_what_the_sweep_takes(tmp_path):
    script = f"""
import os
from deepcrop.storage import Storage
os.replace = lambda *_: os.kill(os.getpid(), {signal.SIGKILL:d})
Storage().write({f"{tmp_path}/deep/a.jpg"!r}, b"data")
"""
    result = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": "."})
    assert result.returncode == -signal.SIGKILL
    (left,) = os.listdir(tmp_path / "deep")
    assert left.startswith(TEMPORARY)
    assert list(storage.list(str(tmp_path))) == []
    assert storage.sweep_temporaries(str(tmp_path)) == 1
    assert os.listdir(tmp_path / "deep") == []


def test_the_sweep_spares_living_writers_and_young_files_of_others(tmp_path):
    fill(tmp_path, f"{TEMPORARY}other-host.1.aa", "photo.jpg")
    host = os.uname().nodename
    fill(tmp_path, f"{TEMPORARY}{host}.{os.getpid()}.bb")
    assert storage.sweep_temporaries(str(tmp_path)) == 0
    old = time.time() - 7200
    os.utime(tmp_path / f"{TEMPORARY}other-host.1.aa", (old, old))
    assert storage.sweep_temporaries(str(tmp_path)) == 1
    assert (tmp_path / "photo.jpg").exists()


def test_a_check_looks_at_one_file_of_many(tmp_path, monkeypatch):
    fill(tmp_path, *(f"{number}.jpg" for number in range(9)))
    looked, describe = [], local._entry

    def look(path, status):
        looked.append(path)
        return describe(path, status)

    monkeypatch.setattr(local, "_entry", look)
    storage.check_readable(str(tmp_path))
    assert looked == [str(tmp_path / "0.jpg")]


def test_checks(tmp_path):
    fill(tmp_path, "a/1.jpg")
    (tmp_path / "empty").mkdir()
    for good in ("a", "a/1.jpg", "a/*.jpg", "**/*.jpg"):
        storage.check_readable(f"{tmp_path}/{good}")
    for bad in ("none", "empty", "*.gif", "a/1.jpg/x"):
        with pytest.raises(RequestError, match=r"^input ") as caught:
            storage.check_readable(f"{tmp_path}/{bad}")
        assert "\n" not in str(caught.value)
    storage.check_writable(f"{tmp_path}/new/out")
    assert names(tmp_path / "new") == os.listdir(tmp_path / "new" / "out") == []
    for bad in ("a/1.jpg", "a/1.jpg/out"):
        with pytest.raises(RequestError, match=r"^output "):
            storage.check_writable(f"{tmp_path}/{bad}")


def test_storage_pickles_to_its_options():
    copy = pickle.loads(pickle.dumps(storage))
    assert copy.options == storage.options
    assert hash(copy.options) == hash(storage.options)


def test_many_files_wait_for_the_disk_once(tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(os, "fdatasync", lambda _: waits.append("a file"))
    whole = local._sync_file_system
    monkeypatch.setattr(
        local, "_sync_file_system", lambda folder: (waits.append("all"), whole(folder))
    )
    with storage.synced(f"{tmp_path}/out"):
        for number in range(3):
            storage.write(f"{tmp_path}/out/{number}.jpg", b"x", sync=False)
        assert waits == []
    assert waits == ["all"]
    storage.write(f"{tmp_path}/out/part.parquet", b"x")
    assert waits == ["all", "a file"]


def test_the_disk_tells_what_it_lost(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(local, "_sync_file_system", full)
    with pytest.raises(WriteError, match="no space left on device"), storage.synced(str(tmp_path)):
        storage.write(f"{tmp_path}/a.jpg", b"x", sync=False)


def test_a_closed_folder_is_no_file_system():
    with pytest.raises(OSError, match="Bad file descriptor"):
        local._sync_file_system(-1)


def test_where_the_folder_cannot_be_opened_every_disk_is_waited_for(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x")
    waits = []
    monkeypatch.setattr(os, "sync", lambda: waits.append("every disk"))
    with storage.synced(f"{tmp_path}/file"), pytest.raises(WriteError):
        storage.write(f"{tmp_path}/file/a.jpg", b"x", sync=False)
    assert waits == ["every disk"]

"""Tests of the file system as a store."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from deepcrop.errors import AccessDenied, NotFound, RequestError, WriteError
from deepcrop.storage import TEMPORARY, Storage, StorageOptions, local

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


def test_a_folder_lists_its_files_before_its_folders(tmp_path):
    fill(tmp_path, "b.jpg", "a/2.jpg", "a/1.jpg", "a/c/3.png", ".hidden.jpg", f"a/{TEMPORARY}xy")
    assert names(tmp_path) == [".hidden.jpg", "b.jpg", "a/1.jpg", "a/2.jpg", "a/c/3.png"]
    assert names(tmp_path / "a", "c") == ["c/3.png"]


def test_a_path_and_its_file_uri_are_one(tmp_path):
    storage.write(f"{tmp_path}/a/photo one.jpg", b"one")
    assert storage.read(f"file://{tmp_path}/a/photo%20one.jpg") == b"one"


@pytest.mark.parametrize("key", ["/leading.jpg", "//two.jpg", "double//slash.jpg", "./dot.jpg"])
def test_paths_are_normalised(tmp_path, key):
    storage.write(f"{tmp_path}/{key}", b"x")
    (entry,) = storage.list(str(tmp_path))
    assert entry.uri == os.path.normpath(f"{tmp_path}/{key}").replace("//", "/")
    assert storage.read(entry.uri) == storage.read(f"{tmp_path}/{key}") == b"x"


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


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_folders_that_cannot_be_read(tmp_path, run_as_nobody):
    fill(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a").chmod(0)
    (tmp_path / "b").chmod(0o555)

    def scenario():
        with pytest.raises(AccessDenied, match="/a: permission denied"):
            list(storage.list(str(tmp_path)))
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


def test_a_check_looks_at_one_file_of_many(tmp_path, monkeypatch):
    fill(tmp_path, *(f"{number}.jpg" for number in range(9)))
    looked, describe = [], local._entry

    def look(path, status):
        looked.append(path)
        return describe(path, status)

    monkeypatch.setattr(local, "_entry", look)
    storage.check_readable(str(tmp_path))
    assert looked == [str(tmp_path / "0.jpg")]


def test_checks_of_folders(tmp_path):
    fill(tmp_path, "a/1.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match=r"^input .*/empty: is empty; put photos"):
        storage.check_readable(f"{tmp_path}/empty")
    with pytest.raises(RequestError, match=r"^input .*/none: no object there"):
        storage.check_readable(f"{tmp_path}/none")
    storage.check_writable(f"{tmp_path}/new/out")
    assert os.listdir(tmp_path / "new" / "out") == []
    for bad in ("a/1.jpg", "a/1.jpg/out"):
        with pytest.raises(RequestError, match=r"^output "):
            storage.check_writable(f"{tmp_path}/{bad}")


KILLED = """
import os, signal, sys
from deepcrop.storage import Storage, local
if sys.argv[2] == "named":
    local._write_unnamed = local._write_named
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
setattr(os, sys.argv[3], die)
Storage().write(sys.argv[1], b"data" * 100_000)
"""


def killed_writer(path, kind, call):
    """Run a writer that is killed at a system call."""
    command = [sys.executable, "-c", KILLED, str(path), kind, call]
    result = subprocess.run(command, env={**os.environ, "PYTHONPATH": "."})
    assert result.returncode == -signal.SIGKILL


@pytest.mark.parametrize("call", ["write", "fdatasync", "link"])
def test_a_killed_writer_leaves_nothing(tmp_path, call):
    killed_writer(tmp_path / "deep" / "a.jpg", "unnamed", call)
    assert os.listdir(tmp_path / "deep") == []


def test_a_killed_writer_leaves_the_file_that_it_was_to_replace(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"old")
    killed_writer(tmp_path / "a.jpg", "unnamed", "fdatasync")
    assert os.listdir(tmp_path) == ["a.jpg"] and (tmp_path / "a.jpg").read_bytes() == b"old"


def test_where_files_need_a_name_a_killed_writer_leaves_one_that_listings_hide(tmp_path):
    killed_writer(tmp_path / "deep" / "a.jpg", "named", "replace")
    (left,) = os.listdir(tmp_path / "deep")
    assert left.startswith(TEMPORARY)
    assert list(storage.list(str(tmp_path))) == []


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EISDIR])
@pytest.mark.parametrize("call", ["open", "link"])
def test_file_systems_without_unnamed_files_are_written_by_renaming(
    tmp_path, monkeypatch, number, call
):
    original = getattr(os, call)

    def refuse(*arguments, **named):
        if call == "link" or arguments[1] & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(number, os.strerror(number))
        return original(*arguments, **named)

    monkeypatch.setattr(os, call, refuse)
    for data in (b"one", b"three"):
        assert storage.write(f"{tmp_path}/deep/a.jpg", data) == 1
        assert storage.read(f"{tmp_path}/deep/a.jpg") == data
    assert os.listdir(tmp_path / "deep") == ["a.jpg"]


def test_files_have_the_rights_that_the_process_gives(tmp_path):
    before = os.umask(0o027)
    try:
        storage.write(f"{tmp_path}/a.jpg", b"new")
        storage.write(f"{tmp_path}/a.jpg", b"replaced")
        local._write_named(f"{tmp_path}/b.jpg", b"named", False)
    finally:
        os.umask(before)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a.jpg", "b.jpg")} == {0o640}


def test_many_files_wait_for_the_disk_once(tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(os, "fdatasync", lambda _: waits.append("a file"))
    whole = local._sync_file_system
    monkeypatch.setattr(
        local, "_sync_file_system", lambda folder: (waits.append("all"), whole(folder))
    )
    with storage.durable_writes(f"{tmp_path}/out"):
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
    with (
        pytest.raises(WriteError, match="no space left on device"),
        storage.durable_writes(str(tmp_path)),
    ):
        storage.write(f"{tmp_path}/a.jpg", b"x", sync=False)


def test_a_closed_folder_is_no_file_system():
    with pytest.raises(OSError, match="Bad file descriptor"):
        local._sync_file_system(-1)


def test_where_the_folder_cannot_be_opened_every_disk_is_waited_for(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x")
    waits = []
    monkeypatch.setattr(os, "sync", lambda: waits.append("every disk"))
    with storage.durable_writes(f"{tmp_path}/file"), pytest.raises(WriteError):
        storage.write(f"{tmp_path}/file/a.jpg", b"x", sync=False)
    assert waits == ["every disk"]

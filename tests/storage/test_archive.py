"""Members of tar archives, read alone."""

import io
import os
import tarfile

import pytest

from deepcrop.errors import FetchError, NotFound, WriteError
from deepcrop.storage import Storage, canonical, members, public

FILES = {"a.jpg": b"first" * 300, "deep/b c.jpg": b"second", "empty.txt": b""}


def archive(files=FILES) -> bytes:
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


def check(storage, uri):
    storage.write(uri, archive())
    found = list(members(uri, storage.read(uri)))
    assert {name: data for name, _, _, data in found} == FILES
    for name, member, size, data in found:
        assert member.endswith(f"/{name}") and public(member) == member
        assert storage.read(member) == data == FILES[name]
        assert storage.stat(member).size == size == len(data)
    return found


def test_members_of_a_local_archive(tmp_path):
    found = check(Storage(), str(tmp_path / "x.tar"))
    assert found[0][1].startswith(f"tar+file://{tmp_path}/x.tar!")


@pytest.mark.parametrize("name", ["100%25.tar", b"caf\xe9.tar"])
def test_members_of_an_archive_of_an_odd_name(tmp_path, name):
    check(Storage(), canonical(os.path.join(str(tmp_path), os.fsdecode(name))))


def test_names_of_members_are_plain():
    odd = os.fsdecode(b"./deep//caf\xe9.jpg")
    found = [name for name, _, _, _ in members("/x.tar", archive({"./a.jpg": b"1", odd: b"2"}))]
    assert found == ["a.jpg", "deep/caf%E9.jpg"]


def test_members_of_an_archive_in_s3(any_s3):
    found = check(any_s3.storage(), f"{any_s3.uri}/in/x.tar")
    assert found[0][1].startswith(f"tar+{any_s3.uri}/in/x.tar!")


def test_a_changed_archive_is_an_error_and_no_shorter_member(tmp_path):
    storage, uri = Storage(), str(tmp_path / "x.tar")
    found = check(storage, uri)
    (tmp_path / "x.tar").write_bytes(archive()[:600])
    with pytest.raises(FetchError, match="ends before"):
        storage.read(found[0][1])
    (tmp_path / "x.tar").unlink()
    with pytest.raises(NotFound):
        storage.read(found[0][1])
    with pytest.raises(WriteError, match="can't be written"):
        storage.write(found[0][1], b"")


def test_what_is_no_archive_says_so(tmp_path):
    with pytest.raises(FetchError, match="not a tar archive"):
        list(members("/x.tar", b"<html>" * 300))

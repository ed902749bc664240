"""Members of tar archives, read alone."""

import os

import pytest

from deepcrop.errors import FetchError
from deepcrop.storage import Storage, canonical, iter_tar_members, strip_credentials
from tests.storage.archives import FILES, archive


def check(storage, uri):
    storage.write(uri, archive())
    found = list(iter_tar_members(uri, storage.read(uri)))
    assert {name: data for name, _, _, data in found} == FILES
    for name, member, size, data in found:
        assert member.endswith(f"/{name}") and strip_credentials(member) == member
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
    data = archive({"./a.jpg": b"1", odd: b"2"})
    found = [name for name, _, _, _ in iter_tar_members("/x.tar", data)]
    assert found == ["a.jpg", "deep/caf%E9.jpg"]


def test_what_is_no_archive_says_so(tmp_path):
    with pytest.raises(FetchError, match="not a tar archive"):
        list(iter_tar_members("/x.tar", b"<html>" * 300))

"""Members of tar archives, in every store: further tests of the conformance suite."""

from __future__ import annotations

import pytest

from deepcrop.errors import FetchError, NotFound, WriteError
from deepcrop.storage import (
    iter_tar_members,
    strip_credentials,
)
from tests.storage.archives import FILES, archive


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

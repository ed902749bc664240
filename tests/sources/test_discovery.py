"""Listing: ids, and what is found."""

import pytest

from deepcrop.errors import RequestError
from deepcrop.sources import discovery as source
from deepcrop.sources.discovery import list_small, list_sources
from deepcrop.sources.rows import source_id
from deepcrop.storage import Storage


def test_ids_are_signed_64_bit_and_depend_on_the_uri_alone():
    assert source_id("s3://b/k") == source_id("s3://b/k")
    assert -(2**63) <= source_id("x") < 2**63 and source_id("a") != source_id("b")


def test_a_list_without_uris_says_what_it_has(tmp_path):
    (tmp_path / "list.csv").write_text("path,caption\na.jpg,x\n")
    with pytest.raises(RequestError, match="no column 'uri' or 'url'; it has: path, caption"):
        list_sources(str(tmp_path / "list.csv"), Storage())


def test_a_list_with_a_wrong_focal_point_is_refused(tmp_path):
    (tmp_path / "list.csv").write_text("uri,focal_x\na.jpg,left\n")
    with pytest.raises(RequestError, match="row 1: focal_x 'left'"):
        list_sources(str(tmp_path / "list.csv"), Storage())


def test_text_lists_keep_one_of_each_line(tmp_path):
    (tmp_path / "list.txt").write_text("/x/b.jpg\n\n/x/y/a.jpg\n/x/b.jpg\n")
    listing = list_sources(str(tmp_path / "list.txt"), Storage())
    assert listing.table["source_uri"].to_pylist() == ["/x/b.jpg", "/x/y/a.jpg"]
    assert listing.table["key"].to_pylist() == ["b", "y/a"] and listing.ignored == 1


def test_an_empty_folder_is_a_wrong_request(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(RequestError, match="no images there"):
        list_sources(str(tmp_path), Storage())


@pytest.mark.parametrize("asked", ["", "/deep", "/a.jpg", "/list.csv"])
def test_few_are_listed_as_many_would_be(corpus, asked):
    (corpus / "list.csv").write_text(f"uri,caption\n{corpus}/many/1.jpg,one\n{corpus}/a.jpg,two\n")
    uri = f"{corpus}{asked}"
    few, many = list_small(uri, Storage()), list_sources(uri, Storage())
    assert few is not None and few.table.equals(many.table) and few.ignored == many.ignored


def test_few_objects_of_a_store_are_listed_as_many_would_be(any_s3):
    storage = any_s3.storage()
    for name in ("many/1.jpg", "many/2.png", "many/deep/3.jpg", "many/4.txt", "many2/5.jpg"):
        storage.write(f"{any_s3.uri}/{name}", b"x")
    few, many = (f(f"{any_s3.uri}/many", storage) for f in (list_small, list_sources))
    assert few is not None and few.table.equals(many.table) and few.ignored == many.ignored == 1
    assert few.table.num_rows == 3


@pytest.mark.parametrize(
    ("asked", "limits"),
    [
        ("", {"LOCAL_LISTING_MAX": 23}),
        ("", {"SERIAL_LISTING_S": 0.0}),
        ("/list.csv", {"LOCAL_LIST_BYTES": 9}),
        ("/many.tar", {}),
        ("/*.jpg", {}),
    ],
)
def test_what_takes_longer_is_left_to_a_cluster(corpus, monkeypatch, asked, limits):
    (corpus / "list.csv").write_text(f"uri\n{corpus}/a.jpg\n")
    for name, value in limits.items():
        monkeypatch.setattr(source, name, value)
    assert list_small(f"{corpus}{asked}", Storage()) is None


def test_few_of_nothing_are_a_wrong_request(tmp_path):
    with pytest.raises(RequestError, match="no images there"):
        list_small(str(tmp_path), Storage())

"""Tests of deepcrop.storage.uri."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcrop.errors import RequestError
from deepcrop.storage import (
    below,
    canonical,
    common_folder,
    is_inside,
    join,
    quoted_below,
    redact,
    relative,
)
from deepcrop.storage.uri import local_path, scheme, split_bucket

ODD_KEYS = [
    "two words.jpg",
    "ünï/日本/🖼.jpg",
    "../up.jpg",
    "a/../b.jpg",
    "./dot.jpg",
    "a%2Fb.jpg",
    "100%.jpg",
    "hash#tag?query=1&x=2.jpg",
    "/leading.jpg",
    "//two.jpg",
    "double//slash.jpg",
    "plus+and space.jpg",
    "[glob]*?.jpg",
    "quote'\"<&>.jpg",
    "back\\slash.jpg",
    "e\u0301 and \u00e9.jpg",
    "k" * 1024,
    "é" * 512,
]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_keys_are_never_parsed(key):
    uri = join("s3://bucket/in", key)
    assert uri == f"s3://bucket/in/{key}"
    assert canonical(uri) == uri
    assert split_bucket(f"s3://bucket/{key}") == ("bucket", key)
    assert relative(uri, "s3://bucket/in") == relative(uri, "s3://bucket/in/") == key


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_is_a_key(key):
    assert split_bucket(canonical(f"s3://b/{key}")) == ("b", key)


def test_local_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = os.getcwd()
    assert canonical("a/../b/./c.jpg") == f"{here}/b/c.jpg"
    assert canonical("file:///a/b%20c%2525.jpg") == "/a/b c%25.jpg"
    assert canonical("/a/b%20c.jpg") == "/a/b%20c.jpg"
    assert canonical("S3://Bucket/Key") == "s3://Bucket/Key"
    assert scheme("/a/b") == scheme("file:///a") == "file"


def test_names_that_are_not_utf8_have_a_uri_that_is():
    path = os.fsdecode(b"/photos/caf\xe9 1%.jpg")
    uri = canonical(path)
    assert uri.encode() == b"file:///photos/caf%E9%201%25.jpg"
    assert canonical(uri) == uri
    assert local_path(uri) == path
    assert relative(uri, "/photos") == "caf%E9%201%25.jpg"


@pytest.mark.parametrize("uri", ["", "s3://", "s3:///key", "file://host/x", "a\0b"])
def test_wrong_uris_are_refused(uri):
    with pytest.raises(RequestError):
        canonical(uri)


@pytest.mark.parametrize("key", ["../x", "a/../../x", "a/b/../../../x"])
def test_local_keys_cannot_escape(key):
    with pytest.raises(RequestError, match="leads out"):
        join("/data/out", key)


def test_local_join():
    assert join("/data/out", "a/b.jpg") == "/data/out/a/b.jpg"
    assert join("/data/out/", "/a.jpg") == "/data/out/a.jpg"


def test_is_inside(tmp_path):
    assert is_inside("s3://b/p/out", "s3://b/p")
    assert is_inside("s3://b/p", "s3://b/p/")
    assert is_inside("s3://b/p", "s3://b")
    assert not is_inside("s3://b/photos2", "s3://b/photos")
    assert not is_inside("s3://b2/p", "s3://b/p")
    assert not is_inside("/b/p", "s3://b")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert is_inside(f"{tmp_path}/link/out", f"{tmp_path}/real")
    assert not is_inside(f"{tmp_path}/realistic", f"{tmp_path}/real")


@pytest.mark.parametrize(
    "text",
    [
        "https://host/a.jpg?X-Amz-Credential=AKIAHUSH&X-Amz-Signature=hush",
        "could not get http://user:hush@host:80/x?sig=hush (again)",
        "s3://AKIAHUSH:hush@bucket/key",
        "token=hush; x-amz-security-token=hush",
        "aws_secret_access_key=hush",
    ],
)
def test_secrets_are_redacted(text):
    assert "hush" not in redact(text).lower()
    assert "[redacted]" in redact(text)


def test_innocent_text_is_left_alone():
    text = "s3://bucket/a?b=c&d.jpg: no such object"
    assert redact(text) == text


def test_names_that_are_not_utf_8_share_the_folder_of_the_others():
    odd = canonical(os.fsdecode(b"/photos/\xc3\xbc/caf\xe9 1%.jpg"))
    uris = ["/photos/\u00fc/a b.jpg", odd]
    assert common_folder(uris) == common_folder([odd]) == "/photos/\u00fc/"
    assert [below(uri, "/photos/\u00fc/") for uri in uris] == ["a b.jpg", "caf%E9 1%.jpg"]
    assert [quoted_below(uri, "/photos/") for uri in uris] == [
        "%C3%BC/a%20b.jpg", "%C3%BC/caf%E9%201%25.jpg",
    ]  # fmt: skip
    # A folder may be such a name itself.
    folder = "file:///photos/caf%E9/"
    assert below(folder + "x%20y.jpg", folder) == "x y.jpg"
    assert below(folder + "x.jpg", "/photos/") == "caf%E9/x.jpg"
    assert common_folder([]) == "" and common_folder(["s3://b/x/1", "s3://b/x2"]) == "s3://b/"

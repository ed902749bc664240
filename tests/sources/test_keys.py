"""Keys: safe as paths, each source's own, and no file where another has a folder."""

from __future__ import annotations

import os
import unicodedata
from pathlib import PurePosixPath

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deepcrop.image import OUTPUT_FORMATS
from deepcrop.schema import SOURCES as SCHEMA
from deepcrop.sources.discovery import list_sources
from deepcrop.sources.keys import MAX_KEY, MAX_SEGMENT, distinct_keys, safe_key
from deepcrop.sources.rows import source_id
from deepcrop.storage import Storage


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a.jpg", "a"),
        ("folder/a.b.JPEG", "folder/a.b"),
        ("no_extension", "no_extension"),
        ("v1.2", "v1.2"),
        (".jpg", ".jpg"),
        ("../../etc/passwd.png", "%2E%2E/%2E%2E/etc/passwd"),
        ("/leading.gif", "leading"),
        ("a//b.jpg", "a/%/b"),
        ("d%2Fe.jpg", "d%2Fe"),
        ("ü/ß.jpg", "ü/ß"),
        ("q?<x>.jpg", "q%3F%3Cx%3E"),
        ("back\\slash.jpg", "back%5Cslash"),
        (os.fsdecode(b"caf\xe9.jpg"), "caf%E9"),
    ],
)
def test_keys_mirror_paths_but_cannot_escape(path, key):
    assert safe_key(path) == key


@given(st.text(min_size=1, max_size=1200))
def test_every_key_is_safe(path):
    key = safe_key(path)
    assert key and len(key.encode()) <= MAX_KEY + 40
    for segment in key.split("/"):
        assert segment not in ("", ".", "..") and len(segment.encode()) <= MAX_SEGMENT
        assert not any(ord(letter) < 32 for letter in segment)


def test_long_keys_end_in_a_hash_of_the_whole():
    one, other = safe_key("x" * 1020 + "a"), safe_key("x" * 1020 + "b")
    assert one != other and one[:100] == other[:100]


def listing(paths):
    """A listing of sources with these names, in their order."""
    paths = sorted(paths)
    rows = {name: [None] * len(paths) for name in SCHEMA.names}
    rows["source_id"] = [source_id(path) for path in paths]
    rows["source_uri"] = paths
    rows["key"] = [safe_key(path) for path in paths]
    return pa.table(rows, schema=SCHEMA)


def keys_of(table):
    return dict(zip(table["source_uri"].to_pylist(), table["key"].to_pylist(), strict=True))


def check(keys):
    """Every key is another's neither as a file nor as a folder, for each kind of file."""
    for suffix in OUTPUT_FORMATS.values():
        files = [_seen(f"{key}{suffix}") for key in keys]
        assert len(set(files)) == len(files)
        folders = {str(parent) for file in files for parent in PurePosixPath(file).parents}
        assert not folders & set(files)


def _seen(path: str) -> str:
    """A path as a file system sees it that folds case and Unicode's forms."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


names = st.lists(
    st.sampled_from(["x", "X", "é", "e\u0301", "ß", "ss", "a b", "x.jpg", "x.JPG", "x.png", "."]),
    min_size=1,
    max_size=4,
).map("/".join)
endings = st.sampled_from(["", ".jpg", ".JPG", ".png", ".jpg.png", ".webp", ".tif"])
paths = st.sets(st.tuples(names, endings).map("".join), min_size=1, max_size=12)


@given(paths)
@example({"x.png", "x.jpg/y.jpg"})
@example({"x.png", "X.JPG/y.jpg", "x.jpg/x.jpg/x.gif", "x.jpg/x.png"})
@example({"é.png", "e\u0301.jpg"})
def test_no_two_sources_share_a_file_or_a_folder(paths):
    check(distinct_keys(listing(paths), None)["key"].to_pylist())


@given(paths, paths)
@example({"x.png"}, {"x.jpg/y.jpg", "X.JPG%/y.png"})
@example({"x.jpg/y.jpg"}, {"x.png"})
def test_sources_listed_before_keep_their_keys(first, later):
    before = distinct_keys(listing(first), None)
    after = distinct_keys(listing(first | later), before)
    assert keys_of(before).items() <= keys_of(after).items()
    check(after["key"].to_pylist())
    # Also where those of before are gone: their variants are still there.
    rest = distinct_keys(listing(later), before)
    check({**keys_of(rest), **keys_of(before)}.values())


def test_a_name_that_looks_like_a_renamed_one_gets_another():
    own = f"a-{source_id('a.jpg') & (2**64 - 1):016x}.gif"
    check(distinct_keys(listing({"a.jpg", "a.png", own}), None)["key"].to_pylist())


def test_a_file_beside_a_folder_of_its_variants_name(tmp_path):
    for name in ("x.png", "x.jpg/y.jpg", "z.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    keys = list_sources(str(tmp_path), Storage()).table["key"].to_pylist()
    assert keys[0] == "x.jpg/y" and keys[2] == "z" and keys[1].startswith("x-")


def test_a_name_that_is_not_utf_8_is_written_among_the_others(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (b"a.jpg", b"caf\xe9.jpg", b"\xff/\xc3\xbc.jpg"):
        path = os.path.join(os.fsencode(folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x")
    listed = list_sources(str(folder), Storage()).table
    assert sorted(listed["key"].to_pylist()) == ["%FF/ü", "a", "caf%E9"]
    assert all(Storage().read(uri) == b"x" for uri in listed["source_uri"].to_pylist())

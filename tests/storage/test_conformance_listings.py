"""What every store answers to listings and globs: further tests of the conformance suite."""

from __future__ import annotations

import pytest

from deepcrop.errors import RequestError
from deepcrop.storage import (
    TEMPORARY,
    Entry,
    Prefix,
)


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

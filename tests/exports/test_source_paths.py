"""Paths of sources on a site or an image server."""

import pytest

from deepcrop.errors import RequestError
from deepcrop.exports.source_paths import SourcePaths, common_root, decoded_uri, percent_encoded

HERE = SourcePaths.parse([], "/in/")


def test_paths_are_below_the_sources_folder_or_as_the_rules_say():
    assert HERE.path_of("/in/x/a%b.jpg") == "x/a%b.jpg"
    rules = ["s3://media/in=images/", "s3://media/in/old=archive", "s3://other=", "/photos=/p/"]
    paths = SourcePaths.parse(rules, "")
    assert paths.path_of("s3://media/in/x/cat.jpg") == "images/x/cat.jpg"
    assert paths.path_of("s3://media/in/old/cat.jpg") == "archive/cat.jpg"
    assert paths.path_of("s3://other/k=v/cat.jpg") == "k=v/cat.jpg"
    assert paths.path_of("/photos/cat.jpg") == "p/cat.jpg"
    with pytest.raises(RequestError, match=r"no rule is about s3://media/input/cat\.jpg"):
        paths.path_of("s3://media/input/cat.jpg")
    with pytest.raises(RequestError, match="expected SOURCE=PATH"):
        SourcePaths.parse(["s3://media"], "")


def test_the_sources_folder_is_that_of_names_in_any_spelling():
    uris = ["/in/x/a.jpg", "file:///in/x/caf%E9/b.jpg", "/in/x/caf\u00e9/b.jpg"]
    assert common_root(uris) == "/in/x/"
    assert (
        percent_encoded(SourcePaths.parse([], common_root(uris)).path_of(uris[1])) == "caf%E9/b.jpg"
    )
    assert (
        percent_encoded(SourcePaths.parse([], common_root(uris)).path_of(uris[2]))
        == "caf%C3%A9/b.jpg"
    )
    assert (
        decoded_uri("https://x.org/a%20b.jpg?X-Amz-Signature=[redacted]") == "https://x.org/a b.jpg"
    )

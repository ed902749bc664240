"""The table of URLs that the formats of image servers share."""

import csv

import pytest

from deepcrop.errors import RequestError
from deepcrop.exports.image_urls import server_base, table_lines
from deepcrop.exports.imgproxy import ImgproxyUrls
from deepcrop.exports.source_paths import SourcePaths
from deepcrop.exports.thumbor import ThumborUrls
from tests.report.synthetic import row

HERE = SourcePaths.parse([], "/in/")
SOURCE = row("/out", "/in/a b.jpg")


def test_urls_are_a_table_of_what_has_a_crop_box():
    retargeted = row("/out", "/in/c.jpg", scores={"1x1": None})
    retargeted["variants"][0]["x0"] = None
    lines = list(csv.reader(table_lines([SOURCE, retargeted], ThumborUrls(HERE))))
    assert lines[0] == ["source_uri", "aspect", "url", "preset", "width", "density"]
    assert len(lines) == 3 and lines[1][:2] == ["/in/a b.jpg", "1x1"]
    assert lines[1][3:] == ["", "", ""]


def test_what_no_server_can_read_is_refused():
    signed = row("/out", "https://x.org/p/a%20b.jpg?X-Amz-Signature=[redacted]")
    with pytest.raises(RequestError, match=r"--map https://x\.org/p=images/"):
        list(table_lines([signed], ThumborUrls(HERE)))
    mapped = ThumborUrls(SourcePaths.parse(["https://x.org/p=images/"], ""))
    assert list(table_lines([signed], mapped))[1].endswith("/200x200/images/a%20b.jpg,,,\r\n")
    packed = row("/out", "tar+file:///in/x.tar!512+99/a.jpg")
    with pytest.raises(RequestError, match="lies in a tar archive"):
        list(table_lines([packed], ImgproxyUrls(HERE)))


@pytest.mark.parametrize(
    ("base", "front"),
    [
        (None, ""),
        ("", ""),
        ("https://i.example/", "https://i.example"),
        ("http://127.0.0.1:8888/images", "http://127.0.0.1:8888/images"),
        ("//i.example", "//i.example"),
        ("/imgproxy/", "/imgproxy"),
    ],
)
def test_urls_begin_with_the_servers_url_or_a_path_on_the_site(base, front):
    assert server_base(base, "https://i.example") == front


@pytest.mark.parametrize(
    "base",
    [
        "not-a-url",
        "i.example",
        "ftp://i.example",
        "https://",
        "https:i",
        "https://[",
        "https://i?a",
    ],
)
def test_a_base_that_is_no_url_is_refused_with_an_example(base):
    with pytest.raises(
        RequestError, match=r"expected the server's URL, such as https://i\.example"
    ):
        server_base(base, "https://i.example")

"""Crops as URLs of imgproxy."""

import base64
import hashlib
import hmac

from deepcrop.exports.imgproxy import ImgproxyUrls
from deepcrop.exports.source_paths import SourcePaths
from tests.report.synthetic import row

HERE = SourcePaths.parse([], "/in/")
SOURCE = row("/out", "/in/a b.jpg")
SQUARE = SOURCE["variants"][0]
KEY = "943b421c9eb07c830af81030552c86009268de4e532ba2ee2eab8247c6da0881"
SALT = "520f986b998545b4785e0defbc4f3c1203f22de2374a3d53cb7a7fe9fea309c5"
"""The key and salt of imgproxy's documentation."""


def test_imgproxy_cuts_the_same_box_of_a_file_a_key_or_an_address():
    assert ImgproxyUrls(HERE).url(SOURCE, SQUARE) == (
        "/insecure/crop:200:200:nowe:50:0/rs:fit:200:200/plain/local%3A%2F%2F%2Fa%20b.jpg"
    )
    kept = row("/out", "s3://media/in/50%@2x.jpg")
    assert (
        ImgproxyUrls(SourcePaths.parse([], "s3://media/in/"))
        .url(kept, SQUARE)
        .endswith("/plain/s3%3A%2F%2Fmedia%2Fin%2F50%25%402x.jpg")
    )
    assert (
        ImgproxyUrls(SourcePaths.parse(["s3://media/in=images"], ""))
        .url(kept, SQUARE)
        .endswith("/plain/local%3A%2F%2F%2Fimages%2F50%25%402x.jpg")
    )
    assert (
        ImgproxyUrls(SourcePaths.parse(["s3://media/in=s3://cdn/i/"], ""))
        .url(kept, SQUARE)
        .endswith("/plain/s3%3A%2F%2Fcdn%2Fi%2F50%25%402x.jpg")
    )
    larger = ImgproxyUrls(HERE).url(
        SOURCE, SQUARE | {"upscaled": True, "width": 400, "height": 400}
    )
    assert "/rs:fit:400:400:1/" in larger


def test_imgproxys_signatures_are_as_published():
    """The example of imgproxy's documentation, and one of its own tests (security, 4.0)."""
    path = "/rs:fit:300:300/plain/http://img.example.com/pretty/image.jpg"
    for key, salt, text, published in (
        (
            bytes.fromhex(KEY),
            bytes.fromhex(SALT),
            path,
            "m3k5QADfcKPDj-SDI2AIogZbC3FlAXszuwhtWXYqavc",
        ),
        (b"test-key", b"test-salt", "/asd", "oWaL7QoW5TsgbuiS9-5-DI8S3Ibbo1gdB2SteJh3a20"),
    ):
        assert unpadded(key, salt, text) == published
    found = ImgproxyUrls(HERE, "https://i.example", bytes.fromhex(KEY), bytes.fromhex(SALT)).url(
        SOURCE, SQUARE
    )
    signature, _, rest = found.removeprefix("https://i.example/").partition("/")
    assert signature == unpadded(bytes.fromhex(KEY), bytes.fromhex(SALT), f"/{rest}")


def unpadded(key: bytes, salt: bytes, path: str) -> str:
    digest = hmac.digest(key, salt + path.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

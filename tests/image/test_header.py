"""Probing: what the header says, and what isn't an image."""

import numpy as np
import pytest
from PIL import Image

from deepcrop.errors import Corrupt, NotAnImage
from deepcrop.geometry import Size
from deepcrop.image import Probe, probe
from tests.image.samples import photo, saved


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n <!DOCTYPE html><html><body>404", "HTML"),
        (b"\xef\xbb\xbf<html>", "HTML"),
        (b'<?xml version="1.0"?><svg xmlns="...">', "SVG"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied", "XML"),
        (b'{"error": 403}', "JSON"),
        (b"Not found\n", "text ('Not found"),
        ("caf\u00e9 au lait".encode(), "text"),
        (b"\xff\xd8", "truncated to 2 bytes"),
        (b"\x89PNG", "truncated to 4 bytes"),
        (bytes(1000), "zero bytes only"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04....", "zip"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "RIFF"),
        (b"BMW and other cars", "text"),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09", "01 02 03 04"),
    ],
)
def test_what_is_no_image_is_named(data, words):
    with pytest.raises(NotAnImage) as caught:
        probe(data)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "tiff", "gif", "bmp"])
def test_the_header_of_every_format(format):
    mode = "P" if format == "gif" else "RGB"
    data = saved(Image.fromarray(photo()[:50, :70]).convert(mode), format)
    assert probe(data) == Probe(format, Size(70, 50), 1, probe(data).mode, False)
    assert probe(data).mode in ("RGB", "P")


@pytest.mark.parametrize(
    "data",
    [b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\x10JFIF", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM\0\0",
     b"RIFF\0\0\0\0WEBPVP8 ", b"II*\0\xff\xff\xff\xff", b"\0\0\0\x14ftypavif\0\0\0\0avif"],
)  # fmt: skip
def test_a_magic_number_and_nothing_behind_it_is_corrupt(data):
    with pytest.raises(Corrupt):
        probe(data)


def test_no_pixels_are_decoded():
    """A header with noise behind it is probed: whoever decoded would fail."""
    data = saved(photo(), "jpeg")
    start = data.index(b"\xff\xda")
    noise = np.random.default_rng(0).integers(0, 255, 5000, dtype=np.uint8).tobytes()
    assert probe(data[: start + 14] + noise).size == Size(512, 512)
    assert probe(saved(photo(), "png")[:200]).size == Size(512, 512)


def test_the_extension_plays_no_part(tmp_path):
    from deepcrop.image import open as open_photo

    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(photo(), "png"))
    assert np.array_equal(np.asarray(open_photo(path)), photo())

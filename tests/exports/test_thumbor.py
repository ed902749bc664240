"""Crops as URLs of thumbor."""

import numpy
import pytest
from PIL import Image, ImageOps

from deepcrop.errors import RequestError
from deepcrop.exports.source_paths import SourcePaths
from deepcrop.exports.thumbor import STORED_TO_SHOWN, ThumborUrls, stored_box
from deepcrop.geometry import Box, Size
from deepcrop.job import Job
from deepcrop.stages.local import LocalPipeline
from tests.report.synthetic import row

HERE = SourcePaths.parse([], "/in/")
SOURCE = row("/out", "/in/a b.jpg")
SQUARE = SOURCE["variants"][0]


def test_thumbor_finds_a_file_below_its_root():
    assert ThumborUrls(HERE).url(SOURCE, SQUARE) == "/unsafe/50x0:250x200/200x200/a%20b.jpg"
    web = row("/out", "https://x.org/c%3Ad.jpg?v=1")
    assert (
        ThumborUrls(HERE)
        .url(web, web["variants"][0])
        .endswith("/200x200/https%3A%2F%2Fx.org%2Fc%253Ad.jpg%3Fv%3D1")
    )
    # A folder with the name of an option would be taken for one.
    odd = row("/out", "/in/smart/a.jpg")
    assert ThumborUrls(HERE).url(odd, odd["variants"][0]).endswith("/200x200/%73mart/a.jpg")


def test_thumbors_signatures_are_those_of_its_own_library():
    """As libthumbor 2.0.2 (``CryptoURL("secret key").generate``) signs the same."""
    signed = ThumborUrls(HERE, "https://t.example", b"secret key").url(SOURCE, SQUARE)
    assert signed == "https://t.example/dEFNXMJfXSuvixsOXNLOaKF-UWQ=/50x0:250x200/200x200/a%20b.jpg"
    turned = row("/out", "/in/x.jpg", width=160, height=240, orientation=5)
    turned["source_uri"] = "/in/images/\u00e9.jpg"
    variant = SQUARE | {"x0": 40, "y0": 30, "x1": 120, "y1": 150, "width": 80, "height": 120}
    signed = ThumborUrls(HERE, "", b"secret key", "stored").url(turned, variant)
    assert signed == (
        "/dDMlI0FRd8nQr5j8cxkfK_rpaLE=/30x40:150x120/-120x80/filters:rotate(90)/images/%C3%A9.jpg"
    )


def shown_as(pixels: numpy.ndarray, orientation: int) -> numpy.ndarray:
    """Pillow's own idea of how a photo of an orientation is shown."""
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.info["exif"] = exif.tobytes()
    return numpy.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_stored_coordinates_cut_what_is_shown(orientation):
    pixels = numpy.arange(20 * 30 * 3, dtype=numpy.uint16).astype(numpy.uint8).reshape(20, 30, 3)
    shown = shown_as(pixels, orientation)
    box = Box(3, 5, 12, 11)
    within = stored_box(box, Size(shown.shape[1], shown.shape[0]), orientation)
    cut = Image.fromarray(pixels[within.y0 : within.y1, within.x0 : within.x1])
    # What a server does then: mirror, and turn counter-clockwise.
    across, down, degrees = STORED_TO_SHOWN[orientation]
    cut = ImageOps.mirror(cut) if across else cut
    cut = ImageOps.flip(cut) if down else cut
    cut = cut.rotate(degrees, expand=True)
    assert (numpy.asarray(cut) == shown[box.y0 : box.y1, box.x0 : box.x1]).all()


def test_thumbor_is_told_to_turn_what_it_cuts_among_stored_pixels():
    source = row("/out", "/in/a.jpg", orientation=6, width=200, height=300)
    variant = SQUARE | {"x0": 0, "y0": 100, "x1": 200, "y1": 250, "width": 80, "height": 60}
    found = ThumborUrls(HERE, orientation="stored").url(source, variant)
    assert found == "/unsafe/100x0:250x200/60x80/filters:rotate(270)/a.jpg"
    assert ThumborUrls(HERE).url(source, variant) == "/unsafe/0x100:200x250/80x60/a.jpg"
    mirrored = ThumborUrls(HERE, orientation="stored").url(source | {"orientation": 4}, variant)
    assert mirrored == "/unsafe/0x50:200x200/80x-60/a.jpg"
    upright = ThumborUrls(HERE, orientation="stored").url(source | {"orientation": 1}, variant)
    assert upright == ThumborUrls(HERE).url(source, variant)
    with pytest.raises(RequestError, match="an earlier release wrote it"):
        ThumborUrls(HERE, orientation="stored").url(source | {"orientation": None}, variant)


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_manifest_tells_how_a_source_is_stored(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    job = Job(input="in", output=str(tmp_path), method="center", aspects=["1:1"])
    work = LocalPipeline(job).process(str(tmp_path / "a.jpg"), "a")
    found = work.row("center")
    assert found["orientation"] == orientation
    assert found["width"] == (40 if orientation == 1 else 30)

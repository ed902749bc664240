"""Crops as addresses of thumbor and imgproxy."""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac

import numpy
import pytest
from PIL import Image, ImageOps

from deepcrop import cli
from deepcrop.errors import RequestError
from deepcrop.geometry import Box, Size
from deepcrop.job import Job
from deepcrop.report.addresses import Places, plain, quoted, root_of
from deepcrop.report.servers import TURNS, Imgproxy, Thumbor, stored, urls
from deepcrop.stages.local import Single
from tests.report.synthetic import row, write_output

HERE = Places.of([], "/in/")
SOURCE = row("/out", "/in/a b.jpg")
SQUARE = SOURCE["variants"][0]
KEY = "943b421c9eb07c830af81030552c86009268de4e532ba2ee2eab8247c6da0881"
SALT = "520f986b998545b4785e0defbc4f3c1203f22de2374a3d53cb7a7fe9fea309c5"
"""Those of imgproxy's documentation."""


def test_paths_are_below_the_sources_folder_or_as_the_rules_say():
    assert HERE.path("/in/x/a%b.jpg") == "x/a%b.jpg"
    rules = ["s3://media/in=images/", "s3://media/in/old=archive", "s3://other=", "/photos=/p/"]
    places = Places.of(rules, "")
    assert places.path("s3://media/in/x/cat.jpg") == "images/x/cat.jpg"
    assert places.path("s3://media/in/old/cat.jpg") == "archive/cat.jpg"
    assert places.path("s3://other/k=v/cat.jpg") == "k=v/cat.jpg"
    assert places.path("/photos/cat.jpg") == "p/cat.jpg"
    with pytest.raises(RequestError, match=r"no rule is about s3://media/input/cat\.jpg"):
        places.path("s3://media/input/cat.jpg")
    with pytest.raises(RequestError, match="expected SOURCE=PATH"):
        Places.of(["s3://media"], "")


def test_the_sources_folder_is_that_of_names_in_any_spelling():
    uris = ["/in/x/a.jpg", "file:///in/x/caf%E9/b.jpg", "/in/x/caf\u00e9/b.jpg"]
    assert root_of(uris) == "/in/x/"
    assert quoted(Places.of([], root_of(uris)).path(uris[1])) == "caf%E9/b.jpg"
    assert quoted(Places.of([], root_of(uris)).path(uris[2])) == "caf%C3%A9/b.jpg"
    assert plain("https://x.org/a%20b.jpg?X-Amz-Signature=[redacted]") == "https://x.org/a b.jpg"


def test_thumbor_finds_a_file_below_its_root():
    assert Thumbor(HERE).url(SOURCE, SQUARE) == "/unsafe/50x0:250x200/200x200/a%20b.jpg"
    web = row("/out", "https://x.org/c%3Ad.jpg?v=1")
    assert (
        Thumbor(HERE)
        .url(web, web["variants"][0])
        .endswith("/200x200/https%3A%2F%2Fx.org%2Fc%253Ad.jpg%3Fv%3D1")
    )
    # A folder with the name of an option would be taken for one.
    odd = row("/out", "/in/smart/a.jpg")
    assert Thumbor(HERE).url(odd, odd["variants"][0]).endswith("/200x200/%73mart/a.jpg")


def test_thumbors_signatures_are_those_of_its_own_library():
    """As libthumbor 2.0.2 (``CryptoURL("secret key").generate``) signs the same."""
    signed = Thumbor(HERE, "https://t.example", b"secret key").url(SOURCE, SQUARE)
    assert signed == "https://t.example/dEFNXMJfXSuvixsOXNLOaKF-UWQ=/50x0:250x200/200x200/a%20b.jpg"
    turned = row("/out", "/in/x.jpg", width=160, height=240, orientation=5)
    turned["source_uri"] = "/in/images/\u00e9.jpg"
    variant = SQUARE | {"x0": 40, "y0": 30, "x1": 120, "y1": 150, "width": 80, "height": 120}
    signed = Thumbor(HERE, "", b"secret key", "stored").url(turned, variant)
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
    within = stored(box, Size(shown.shape[1], shown.shape[0]), orientation)
    cut = Image.fromarray(pixels[within.y0 : within.y1, within.x0 : within.x1])
    # What a server does then: mirror, and turn counter-clockwise.
    across, down, degrees = TURNS[orientation]
    cut = ImageOps.mirror(cut) if across else cut
    cut = ImageOps.flip(cut) if down else cut
    cut = cut.rotate(degrees, expand=True)
    assert (numpy.asarray(cut) == shown[box.y0 : box.y1, box.x0 : box.x1]).all()


def test_thumbor_is_told_to_turn_what_it_cuts_among_stored_pixels():
    source = row("/out", "/in/a.jpg", orientation=6, width=200, height=300)
    variant = SQUARE | {"x0": 0, "y0": 100, "x1": 200, "y1": 250, "width": 80, "height": 60}
    found = Thumbor(HERE, orientation="stored").url(source, variant)
    assert found == "/unsafe/100x0:250x200/60x80/filters:rotate(270)/a.jpg"
    assert Thumbor(HERE).url(source, variant) == "/unsafe/0x100:200x250/80x60/a.jpg"
    mirrored = Thumbor(HERE, orientation="stored").url(source | {"orientation": 4}, variant)
    assert mirrored == "/unsafe/0x50:200x200/80x-60/a.jpg"
    upright = Thumbor(HERE, orientation="stored").url(source | {"orientation": 1}, variant)
    assert upright == Thumbor(HERE).url(source, variant)
    with pytest.raises(RequestError, match="an earlier release wrote it"):
        Thumbor(HERE, orientation="stored").url(source | {"orientation": None}, variant)


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_manifest_tells_how_a_source_is_stored(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    job = Job(input="in", output=str(tmp_path), method="center", aspects=["1:1"])
    work = Single(job).look(str(tmp_path / "a.jpg"), "a")
    found = work.row("center", "")
    assert found["orientation"] == orientation
    assert found["width"] == (40 if orientation == 1 else 30)


def test_imgproxy_cuts_the_same_box_of_a_file_a_key_or_an_address():
    assert Imgproxy(HERE).url(SOURCE, SQUARE) == (
        "/insecure/crop:200:200:nowe:50:0/rs:fit:200:200/plain/local%3A%2F%2F%2Fa%20b.jpg"
    )
    kept = row("/out", "s3://media/in/50%@2x.jpg")
    assert (
        Imgproxy(Places.of([], "s3://media/in/"))
        .url(kept, SQUARE)
        .endswith("/plain/s3%3A%2F%2Fmedia%2Fin%2F50%25%402x.jpg")
    )
    assert (
        Imgproxy(Places.of(["s3://media/in=images"], ""))
        .url(kept, SQUARE)
        .endswith("/plain/local%3A%2F%2F%2Fimages%2F50%25%402x.jpg")
    )
    assert (
        Imgproxy(Places.of(["s3://media/in=s3://cdn/i/"], ""))
        .url(kept, SQUARE)
        .endswith("/plain/s3%3A%2F%2Fcdn%2Fi%2F50%25%402x.jpg")
    )
    larger = Imgproxy(HERE).url(SOURCE, SQUARE | {"upscaled": True, "width": 400, "height": 400})
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
    found = Imgproxy(HERE, "https://i.example", bytes.fromhex(KEY), bytes.fromhex(SALT)).url(
        SOURCE, SQUARE
    )
    signature, _, rest = found.removeprefix("https://i.example/").partition("/")
    assert signature == unpadded(bytes.fromhex(KEY), bytes.fromhex(SALT), f"/{rest}")


def unpadded(key: bytes, salt: bytes, path: str) -> str:
    digest = hmac.digest(key, salt + path.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_urls_are_a_table_of_what_has_a_crop_box():
    retargeted = row("/out", "/in/c.jpg", scores={"1x1": None})
    retargeted["variants"][0]["x0"] = None
    lines = list(csv.reader(urls([SOURCE, retargeted], Thumbor(HERE))))
    assert lines[0] == ["source_uri", "aspect", "url"] and len(lines) == 3
    assert lines[1][:2] == ["/in/a b.jpg", "1x1"]


def test_what_no_server_can_read_is_refused():
    signed = row("/out", "https://x.org/p/a%20b.jpg?X-Amz-Signature=[redacted]")
    with pytest.raises(RequestError, match=r"--map https://x\.org/p=images/"):
        list(urls([signed], Thumbor(HERE)))
    mapped = Thumbor(Places.of(["https://x.org/p=images/"], ""))
    assert list(urls([signed], mapped))[1].endswith("/200x200/images/a%20b.jpg\r\n")
    packed = row("/out", "tar+file:///in/x.tar!512+99/a.jpg")
    with pytest.raises(RequestError, match="lies in a tar archive"):
        list(urls([packed], Imgproxy(HERE)))


@pytest.fixture
def output(tmp_path):
    copy = row("/out", "/in/copy.jpg", status="skipped", scores={}, duplicate_of="/in/a b.jpg")
    failed = row("/out", "/in/c.jpg", error=("decode", "Corrupt", "broken"))
    write_output(tmp_path / "out", [SOURCE, failed, copy | {"focal_x": None, "focal_y": None}])
    return tmp_path / "out"


def export(output, form, *options):
    target = output.parent / "exported.csv"
    arguments = ["export", str(output), "--as", form, "--to", str(target), *map(str, options)]
    code = cli._status(arguments)
    lines = target.read_text("utf-8").splitlines() if target.exists() else []
    return code, list(csv.reader(lines))


def test_the_command_signs_with_a_key_from_the_environment_or_a_file(
    output, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("THE_KEY", "secret key")
    code, table = export(output, "thumbor", "--base", "https://t.example/", "--key-env", "THE_KEY")
    assert code == 0 and "/in/" in capsys.readouterr().out
    assert [line[:2] for line in table[1:]] == [
        ["/in/a b.jpg", "1x1"], ["/in/a b.jpg", "16x9"],
        ["/in/copy.jpg", "1x1"], ["/in/copy.jpg", "16x9"],
    ]  # fmt: skip
    assert table[1][2] == Thumbor(HERE, "https://t.example", b"secret key").url(SOURCE, SQUARE)
    (tmp_path / "key").write_text(f"{KEY}\n")
    monkeypatch.setenv("THE_SALT", SALT)
    code, table = export(
        output, "imgproxy", "--key-file", tmp_path / "key", "--salt-env", "THE_SALT",
        "--map", "/in=local:///i", "--base", "https://i.example",
    )  # fmt: skip
    assert code == 0 and table[1][2].endswith("/plain/local%3A%2F%2F%2Fi%2Fa%20b.jpg")
    assert "insecure" not in table[1][2]


def test_the_command_says_what_thumbor_needs_for_photos_that_are_stored_turned(tmp_path, capsys):
    names = {"a": 1, "b": 6, "c": 3}
    rows = [row("/out", f"/in/{name}.jpg", orientation=each) for name, each in names.items()]
    write_output(tmp_path / "out", rows)
    assert export(tmp_path / "out", "thumbor")[0] == 0
    assert "2 sources have an EXIF orientation other than 1" in capsys.readouterr().out
    code, table = export(tmp_path / "out", "thumbor", "--orientation", "stored")
    assert code == 0 and "EXIF" not in capsys.readouterr().out
    assert ["rotate" in line[2] for line in table[1:]] == [False, False, True, True, True, True]


@pytest.mark.parametrize(
    ("form", "options", "words"),
    [
        ("thumbor", ("--key-env", "NO_SUCH_NAME"), "NO_SUCH_NAME: empty, or no such"),
        ("thumbor", ("--key-env", "A", "--key-file", "b"), "exclude each other"),
        ("thumbor", ("--key-file", "/nowhere/key"), "cannot be read"),
        ("imgproxy", ("--key-env", "ODD"), "a key and a salt"),
        ("imgproxy", ("--key-env", "ODD", "--salt-env", "ODD"), "expected hexadecimal"),
        ("imgproxy", ("--orientation", "stored"), "--orientation: not for imgproxy"),
        ("xmp", ("--base", "x"), "--base: not for xmp; it is for css, thumbor, imgproxy"),
        ("thumbor", ("--map", "s3://a"), "expected SOURCE=PATH"),
        ("thumbor", ("--map", "s3://a=b"), "no rule is about /in/a b.jpg"),
        ("thumbor", ("--orientation", "stored"), "how /in/a b.jpg is stored"),
    ],
)
def test_a_wrong_request_is_one_line_without_the_secret(
    output, monkeypatch, capsys, form, options, words
):
    monkeypatch.setenv("ODD", "not-hexadecimal")
    assert export(output, form, *options)[0] == 2
    told = capsys.readouterr().err
    assert words in told and told.count("\n") == 1 and "not-hexadecimal" not in told

"""The command that writes all exports."""

import csv

import pytest

from deepcrop.cli import app
from deepcrop.exports.base import ExportFormat
from deepcrop.exports.registry import FormatName, find
from deepcrop.exports.source_paths import SourcePaths
from deepcrop.exports.thumbor import ThumborUrls
from tests.report.synthetic import row, write_output

HERE = SourcePaths.parse([], "/in/")
SOURCE = row("/out", "/in/a b.jpg")
SQUARE = SOURCE["variants"][0]
FAILED = row("/out", "/in/c.jpg", error=("decode", "Corrupt", "broken"))
KEY = "943b421c9eb07c830af81030552c86009268de4e532ba2ee2eab8247c6da0881"
SALT = "520f986b998545b4785e0defbc4f3c1203f22de2374a3d53cb7a7fe9fea309c5"


@pytest.mark.parametrize("name", FormatName)
def test_every_name_is_a_module_that_defines_its_format(name):
    assert isinstance(find(name), ExportFormat)


@pytest.mark.parametrize(
    ("form", "target", "files"),
    [
        ("css", "focal.css", {"focal.css"}),
        ("imgproxy", "urls.csv", {"urls.csv"}),
        ("xmp", "side", {"side/a b.jpg.xmp", "side/d.jpg.xmp"}),
    ],
)
def test_the_command_writes_them(capsys, tmp_path, form, target, files):
    output = tmp_path / "out"
    write_output(output, [SOURCE, FAILED, row("/out", "/in/d.jpg")])
    place = tmp_path / "exported"
    assert app.exit_status(["export", str(output), "--as", form, "--to", str(place / target)]) == 0
    there = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert there == files and f"{len(files)} file" in capsys.readouterr().out


def test_the_command_writes_rules_for_duplicates_too(tmp_path):
    first = row("/out", "/in/a.jpg")
    copy = row("/out", "/in/b.jpg", status="skipped", scores={}, duplicate_of="/in/a.jpg")
    write_output(tmp_path / "out", [first, copy | {"focal_x": None, "focal_y": None}])
    target = tmp_path / "focal.css"
    arguments = ["export", str(tmp_path / "out"), "--as", "css", "--to", str(target)]
    assert app.exit_status([*arguments, "--base", "/media"]) == 0
    assert target.read_text() == (
        'img[src="/media/a.jpg"] { object-position: 25% 50%; }\n'
        'img[src="/media/b.jpg"] { object-position: 25% 50%; }\n'
    )


@pytest.fixture
def output(tmp_path):
    copy = row("/out", "/in/copy.jpg", status="skipped", scores={}, duplicate_of="/in/a b.jpg")
    failed = row("/out", "/in/c.jpg", error=("decode", "Corrupt", "broken"))
    write_output(tmp_path / "out", [SOURCE, failed, copy | {"focal_x": None, "focal_y": None}])
    return tmp_path / "out"


def export(output, form, *options):
    target = output.parent / "exported.csv"
    arguments = ["export", str(output), "--as", form, "--to", str(target), *map(str, options)]
    code = app.exit_status(arguments)
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
    assert table[1][2] == ThumborUrls(HERE, "https://t.example", b"secret key").url(SOURCE, SQUARE)
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
    assert "\n2 sources have an EXIF orientation other than 1" in "\n" + capsys.readouterr().out
    code, table = export(tmp_path / "out", "thumbor", "--orientation", "stored")
    assert code == 0 and "EXIF" not in capsys.readouterr().out
    assert ["rotate" in line[2] for line in table[1:]] == [False, False, True, True, True, True]


def test_one_photo_that_is_stored_turned_is_told_of_in_the_singular(tmp_path, capsys):
    write_output(tmp_path / "out", [row("/out", "/in/a.jpg", orientation=6)])
    assert export(tmp_path / "out", "thumbor")[0] == 0
    assert "1 source has an EXIF orientation other than 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "options", "words"),
    [
        ("thumbor", ("--key-env", "NO_SUCH_NAME"), "NO_SUCH_NAME: empty, or no such"),
        ("thumbor", ("--key-env", "A", "--key-file", "b"), "exclude each other"),
        ("thumbor", ("--key-file", "/nowhere/key"), "cannot be read"),
        ("imgproxy", ("--key-env", "ODD"), "a key and a salt"),
        ("imgproxy", ("--key-env", "ODD", "--salt-env", "ODD"), "expected hexadecimal"),
        ("imgproxy", ("--base", "not-a-url"), "such as https://imgproxy.example"),
        ("thumbor", ("--base", "not-a-url"), "such as https://thumbor.example"),
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

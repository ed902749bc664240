"""The command ``deepcrop crop``."""

import io
import json
import shlex
import sys
from types import SimpleNamespace

import numpy
import pytest
import typer.main
from PIL import Image

from deepcrop.cli import app
from deepcrop.cli.crop import command as photos
from deepcrop.cli.crop.worker import _notes
from deepcrop.flags import Note
from deepcrop.geometry import Box
from deepcrop.methods.base import Crop
from deepcrop.report.sheet import COLOURS, HEIGHT

pytestmark = pytest.mark.usefixtures("same_process")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with photos, to work in."""
    (tmp_path / "photos" / "deeper").mkdir(parents=True)
    noise = Image.effect_noise((120, 60), 50).convert("RGB")
    for name in ("photo.jpg", "photos/a.jpg", "photos/deeper/b.jpg"):
        noise.save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    photos._input.cache_clear()
    return tmp_path


class Streams:
    """Bytes in, bytes out."""

    def __init__(self, data=b""):
        self.buffer = io.BytesIO(data)

    def write(self, text):
        self.buffer.write(text.encode())

    def flush(self):
        pass


def run(capsys, *arguments):
    status = app.exit_status([str(each) for each in arguments])
    return status, *capsys.readouterr()


CENTER = ("-m", "center", "-a", "1:1")


def test_globs_name_photos_at_any_depth(capsys):
    status, out, _ = run(capsys, "crop", "photos/**/*.jpg", *CENTER, "--json")
    assert status == 0
    assert [json.loads(line)["source"] for line in out.splitlines()] == [
        "photos/a.jpg",
        "photos/deeper/b.jpg",
    ]
    status, _, err = run(capsys, "crop", "nothing/*.jpg", *CENTER, "--json")
    assert status == 2 and "nothing/*.jpg: no photo matches" in err


@pytest.mark.usefixtures("s3")
def test_photos_in_a_store_are_read(capsys, folder, s3):
    s3.storage().write(f"{s3.uri}/in/a.jpg", (folder / "photo.jpg").read_bytes())
    status, out, _ = run(capsys, "crop", f"{s3.uri}/in/*.jpg", *CENTER, "--json")
    assert status == 0 and json.loads(out)["source"] == f"{s3.uri}/in/a.jpg"


def test_standard_input_and_output(capsys, folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Streams((folder / "photo.jpg").read_bytes()))
    monkeypatch.setattr(sys, "stdout", Streams())
    assert app.exit_status(["crop", "-", *CENTER, "--output", "-"]) == 0
    with Image.open(io.BytesIO(sys.stdout.buffer.getvalue())) as square:
        assert square.size == (60, 60) and square.format == "JPEG"


def test_standard_output_takes_one_picture(capsys):
    status, out, err = run(capsys, "crop", "photo.jpg", *CENTER, "-a", "4:5", "--output", "-")
    assert status == 2 and out == "" and "one photo and one ratio" in err


def test_an_overlay_shows_the_box_and_the_saliency(capsys):
    status, out, _ = run(capsys, "crop", "photo.jpg", *CENTER, "--overlay", "--output", "proofs")
    assert status == 0 and out.strip() == "proofs/photo-overlay.jpg"
    with Image.open("proofs/photo-overlay.jpg") as drawn, Image.open("photo.jpg") as photo:
        assert drawn.size == photo.size
        pixels, plain = (numpy.asarray(each.convert("RGB"), int) for each in (drawn, photo))
    red = numpy.array([int(COLOURS[0][at : at + 2], 16) for at in (1, 3, 5)])
    edge = pixels[20:40, 30:32].mean((0, 1))
    assert numpy.abs(edge - red).max() < 60
    reddened = (pixels[..., 0] - pixels[..., 2]) - (plain[..., 0] - plain[..., 2])
    # The map's tint lies outside of the box too. JPEG alone changes this difference by up to 8; how
    # strong the tint is at the edges depends on the network and on the processor's arithmetic.
    assert max(reddened[:, :28].max(), reddened[:, 92:].max()) > 12


def test_a_comparison_has_a_line_for_each_photo_and_method(capsys):
    arguments = ("--compare", "center,mars", "--output", "proofs")
    status, out, err = run(capsys, "crop", "photo.jpg", "photos/a.jpg", "-a", "1:1", *arguments)
    assert status == 0, err
    with Image.open(out.strip()) as sheet:
        assert sheet.height >= 4 * HEIGHT and sheet.height % 4 == 0


def test_ways_to_answer_exclude_each_other(capsys):
    status, _, err = run(capsys, "crop", "photo.jpg", *CENTER, "--json", "--overlay")
    assert status == 2 and "--json and --overlay exclude each other" in err


def test_what_cannot_be_read_is_named_and_the_rest_is_done(capsys, folder):
    (folder / "bad.jpg").write_bytes(b"<html>")
    status, out, err = run(capsys, "crop", "bad.jpg", "photo.jpg", *CENTER, "--output", "out")
    assert status == 1 and out.strip().endswith("out/photo-1x1.jpg") and "bad.jpg: NotAn" in err


def test_a_folder_that_cannot_be_written_is_said_once(capsys):
    arguments = ("photo.jpg", "photos/a.jpg", *CENTER, "--output", "/proc/nothing/here")
    status, _, err = run(capsys, "crop", *arguments)
    assert status == 2 and err.count("\n") == 1 and "output /proc/nothing/here: can't be" in err


def test_what_is_made_otherwise_than_asked_is_said(capsys, folder):
    status, out, err = run(
        capsys,
        "crop",
        "photo.jpg",
        "photos/a.jpg",
        "-m",
        "center",
        "--size",
        "90x90",
        "--output",
        "out",
    )
    assert status == 0 and [line.rpartition("/")[2] for line in out.split()] == [
        "photo-90x90px-smaller.jpg",
        "a-90x90px-smaller.jpg",
    ]
    note = "not 90x90: the crop box has 60x60 pixels (--upscale allow enlarges)"
    assert err == f"deepcrop: photo.jpg: {note}\ndeepcrop: photos/a.jpg: {note}\n"


def examples():
    """The examples of the command's help, as a person types them."""
    for line in photos.crop.__doc__.splitlines():
        if line.strip().startswith("`deepcrop "):
            yield line.strip().strip("`")


@pytest.mark.parametrize("example", list(examples()))
def test_the_examples_of_the_help_run(capsys, folder, monkeypatch, example):
    command, _, redirections = example.partition(" < ")
    (*_, target) = ["", *redirections.split(" > ")]
    words = [
        word
        for each in shlex.split(command)[1:]
        for word in (sorted(map(str, folder.glob(each))) if each == "photos/*.jpg" else [each])
    ]
    if target:
        monkeypatch.setattr(sys, "stdin", Streams((folder / "photo.jpg").read_bytes()))
        monkeypatch.setattr(sys, "stdout", Streams())
    assert app.exit_status(words) == 0
    if "--json" not in words and not target:
        assert list((folder / words[words.index("--output") + 1]).iterdir())


def test_shells_complete_the_names_of_methods(capsys, monkeypatch):
    monkeypatch.setenv("_DEEPCROP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "deepcrop crop --method sal")
    monkeypatch.setenv("COMP_CWORD", "3")
    command = typer.main.get_command(app.app)
    with pytest.raises(SystemExit):
        command(prog_name="deepcrop")
    assert capsys.readouterr().out.split() == ["saliency"]


def test_adobe_rgb_told_by_exif_alone_is_converted_or_ignored(capsys, folder):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001], exif.get_ifd(0x8769)[0xA005] = 0xFFFF, {1: "R03"}
    block = exif.tobytes()
    Image.new("RGB", (64, 64), (200, 60, 60)).save("adobe.jpg", exif=block, quality=100)
    for option, wanted in (((), (232, 57, 57)), (("--exif-colour", "ignore"), (200, 60, 60))):
        status, out, _ = run(
            capsys, "crop", "adobe.jpg", *CENTER, "--output", "out", "--format", "png", *option
        )
        assert status == 0
        with Image.open(out.strip()) as image:
            seen = numpy.asarray(image)[32, 32].astype(int)
        assert numpy.abs(seen - wanted).max() <= 3
    status, _, err = run(capsys, "crop", "adobe.jpg", *CENTER, "--json", "--exif-colour", "maybe")
    assert status == 2 and "exif_colour" in err


def test_a_folder_is_a_wrong_request_that_says_how_to_name_its_photos(capsys):
    status, _, err = run(capsys, "crop", "photos", *CENTER, "--json")
    assert status == 2 and "photos/*.jpg" in err and "deepcrop run --input" in err


def test_notes_of_crops_are_told_once_each():
    crops = [Crop(Box(0, 0, 9, 9), 0.5, (0.5, 0.5), note="no caption") for _ in range(2)]
    task = SimpleNamespace(notes=[Note("page 1 of 2")], crops=crops)
    assert _notes(task) == ("page 1 of 2", "no caption")


def test_presets_of_a_photo(capsys, folder):
    spec = "card=4:5 widths=20,40 formats=avif,jpeg"
    words = ("crop", "photo.jpg", "-m", "center", "--preset", spec)
    assert run(capsys, *words, "--output", "out")[0] == 0
    made = sorted(path.name for path in (folder / "out").iterdir())
    assert made == [f"photo-card-{each}" for each in ("20w.avif", "20w.jpg", "40w.avif", "40w.jpg")]
    status, out, _ = run(capsys, *words, "--json")
    [crop] = json.loads(out)["crops"]
    assert status == 0 and crop["aspect"] == "4x5"

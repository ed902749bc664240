"""The command: exit statuses, and one clear line for what is wrong."""

import json
import re

import pytest
from PIL import Image

import deepcrop
from deepcrop import cli
from deepcrop.methods import registry


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "in" / "photo.png"
    path.parent.mkdir()
    Image.effect_noise((120, 60), 50).convert("RGB").save(path)
    return path


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(each) for each in arguments])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


BASE = ("--input", "{folder}", "--output", "{out}", "--method", "center", "--aspect", "1:1")


@pytest.fixture
def no_cluster(monkeypatch):
    """Nobody may wait for a cluster to hear what is wrong."""
    monkeypatch.setattr("deepcrop.engine.session.connected", lambda: pytest.fail("a cluster"))


@pytest.mark.usefixtures("s3", "no_cluster")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--input", "s3://no-such-bucket-here/x"), "no-such-bucket-here"),
        (("--input", "{folder}/nowhere"), "nowhere"),
        (("--method", "magic"), "method 'magic': unknown; one of:"),
        (("--aspect", "16x"), "aspect ratio '16x': expected W:H"),
        (("--output", "{folder}/out"), "lies inside the input"),
        (("--output", "/proc/nothing/here"), "can't be written"),
        (("--quality", "0"), "quality"),
        (("--size", "12by9"), "expected WIDTHxHEIGHT"),
        (("--option", "zoom=2"), "option 'zoom'"),
        (("--option", "zoom"), "expected KEY=VALUE"),
        (("--srgb", "--strip-icc"), "exclude each other"),
        (("--nonsense",), "No such option"),
        (("--s3-endpoint", "127.0.0.1:9"), "expected http://"),
        (("--weights", "missing.safetensors"), "no such file"),
        (("--input", "{folder}/empty"), "empty: is empty; put photos"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_status_2(capsys, photo, tmp_path, arguments, words):
    (photo.parent / "empty").mkdir()
    places = {"folder": photo.parent, "out": tmp_path / "out"}
    filled = [each.format(**places) for each in (*BASE, *arguments)]
    code, _, err = run(capsys, "run", *filled)
    assert code == 2, err
    assert err.count("\n") == 1 and words in err, err


def test_an_unreadable_or_broken_file_of_a_job_is_a_wrong_request(capsys, tmp_path):
    assert run(capsys, "run", tmp_path / "none.yaml")[0] == 2
    (tmp_path / "bad.yaml").write_text("[")
    code, _, err = run(capsys, "run", tmp_path / "bad.yaml")
    assert code == 2 and "not YAML" in err


@pytest.mark.usefixtures("same_process")
def test_crop_writes_exact_variants_and_prints_their_paths(capsys, photo, tmp_path):
    arguments = ("-m", "center", "-a", "1:1", "--size", "30x20", "--output", tmp_path / "out")
    code, out, _ = run(capsys, "crop", photo, *arguments)
    assert code == 0
    sizes = {}
    for path in out.split():
        with Image.open(path) as image:
            sizes[path.rpartition("/")[2]] = image.size
    assert sizes == {"photo-1x1.png": (60, 60), "photo-30x20px.png": (30, 20)}


@pytest.mark.usefixtures("same_process")
def test_crop_prints_boxes_as_json_and_survives_a_bad_photo(capsys, photo, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"<html>")
    code, out, err = run(capsys, "crop", bad, photo, "-m", "center", "-a", "1:1", "--json")
    [line] = out.strip().splitlines()
    assert json.loads(line)["crops"] == [
        {"aspect": "1x1", "box": [30, 0, 90, 60], "score": 0.5, "preference": None, "flags": []}
    ]
    assert code == 1 and "bad.jpg: NotAnImage" in err


def test_the_version_is_said(capsys):
    assert run(capsys, "--version") == (0, f"deepcrop {deepcrop.__version__}\n", "")


@pytest.mark.usefixtures("same_process")
def test_crop_needs_a_place_for_what_it_writes(capsys, photo):
    code, _, err = run(capsys, "crop", photo, "-a", "1:1")
    assert code == 2 and "--output" in err


def test_methods_and_weights_are_listed(capsys):
    code, out, _ = run(capsys, "methods", "--json")
    assert code == 0 and {"center", "saliency"} <= {each["name"] for each in json.loads(out)}
    code, out, _ = run(capsys, "weights", "list", "--json")
    of = {each["name"]: each["methods"] for each in json.loads(out)}
    assert code == 0 and of["saliency"] == ["saliency"]
    methods = [registry.find(name) for name in registry.BUILT_IN]
    assert all(each.name in of[each.weights] for each in methods if each.weights)
    code, out, _ = run(capsys, "weights", "verify")
    assert code == 0 and re.search(r"^[0-9a-f]{64}  saliency$", out, re.MULTILINE)
    assert run(capsys, "weights", "verify", "nothing")[0] == 2


def test_print_config_writes_the_job_that_the_flags_mean(capsys):
    arguments = ("--input", "a", "--output", "b", "-m", "center", "-a", "32:18", "--quality", "5")
    code, out, _ = run(capsys, "run", *arguments, "--print-config")
    assert code == 0
    assert out == "input: a\noutput: b\nmethod: center\naspects:\n- '16:9'\nquality: 5\n"


def test_status_of_a_folder_without_a_job_is_a_wrong_request(capsys, tmp_path):
    code, _, err = run(capsys, "status", tmp_path)
    assert code == 2 and "no job there" in err


def test_a_whole_job_from_the_command_line(capsys, photo, tmp_path, cluster):
    (photo.parent / "bad.jpg").write_bytes(b"")
    arguments = ("--input", photo.parent, "--output", tmp_path / "out", "-m", "center", "-a", "1:1")
    code, out, _ = run(capsys, "run", *arguments)
    assert code == 1 and "2 images, 1 ok, 1 failed" in out and "deepcrop retry" in out
    assert run(capsys, "run", *arguments, "--max-failed", "10%")[0] == 1
    code, out, _ = run(capsys, "run", *arguments, "--max-failed", "50%")
    assert code == 0 and "deepcrop retry" not in out
    code, out, _ = run(capsys, "status", tmp_path / "out", "--json")
    assert code == 0 and json.loads(out)["errors"][0]["class"] == "NotAnImage"
    code, out, _ = run(capsys, "verify", tmp_path / "out")
    assert code == 0 and "2 sources, 2 rows, 1 variants" in out
    next((tmp_path / "out" / "variants" / "1x1").iterdir()).unlink()
    assert run(capsys, "verify", tmp_path / "out")[0] == 1

"""``deepcrop crop`` of many photos, of which some kill the process that works on them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from jobs.faults.torture.corpus import ENDLESS, POISON
from jobs.faults.torture.method import install
from tests.corpus import bomb

ROOT = Path(__file__).parents[3]


@pytest.fixture
def photos(tmp_path):
    """Good photos around one that kills its process, one without an end, and two broken ones."""
    Image.new("RGB", (40, 30), (10, 200, 30)).save(tmp_path / "a.png")
    Image.new("RGB", (40, 30), POISON).save(tmp_path / "b-poison.png")
    (tmp_path / "c-text.jpg").write_text("no photo")
    Image.new("RGB", (40, 30), ENDLESS).save(tmp_path / "d-endless.png")
    (tmp_path / "e-bomb.png").write_bytes(bomb())
    Image.new("RGB", (50, 30), (10, 200, 30)).save(tmp_path / "f.png")
    return tmp_path


def crop(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{install(folder / 'site')}"}
    command = [sys.executable, "-m", "deepcrop", "crop", *arguments]
    command += ["-m", "brittle-center", "-o", f"tally={folder / 'tally'}"]
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_each_photo_is_done_or_named_whatever_becomes_of_the_others(photos):
    names = sorted(path.name for path in photos.glob("?*.*") if path.is_file())
    done = crop(photos, *names, "-a", "1:1", "-a", "3:1", "--time-limit", "1.5", "--output", "out")
    assert done.returncode == 1, done.stderr
    made = [f"out/{key}-{slug}.png" for key in ("a", "f") for slug in ("1x1", "3x1")]
    assert done.stdout.split() == made
    lines = [line for line in done.stderr.splitlines() if not re.match(r"\d+ of 6 photos", line)]
    assert lines[0] == (
        "deepcrop: b-poison.png: WorkerDied at worker: its process died at the stage infer "
        "(SIGKILL: memory may be short)"
    )
    assert lines[1].startswith("deepcrop: c-text.jpg: NotAnImage at decode: ")
    assert lines[2] == (
        "deepcrop: d-endless.png: TimedOut at infer: infer took longer than 3 s (1.5 s for each of "
        "2 variants); --time-limit SECONDS allows more"
    )
    assert lines[3].startswith("deepcrop: e-bomb.png: TooLarge at decode: ")
    assert len(lines) == 4


def test_weights_that_cannot_be_loaded_are_a_wrong_request(photos):
    (photos / "wrong.safetensors").write_bytes(b"nothing")
    command = [sys.executable, "-m", "deepcrop", "crop", "a.png", "-a", "1:1", "--json"]
    command += ["--weights", "wrong.safetensors"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=photos, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr

"""Sources that kill their process: each ends as a row, and harms nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from deepcrop.engine.layout import Layout
from deepcrop.manifest.store import Manifest
from deepcrop.manifest.verify import audit
from deepcrop.storage import Storage
from jobs.faults.torture.corpus import ENDLESS, POISON
from jobs.faults.torture.method import install

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_poison_ends_as_a_failed_row_and_leaves_nothing_behind(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(12):
        Image.new("RGB", (40 + number, 30), (10, 200, number)).save(source / f"{number:02d}.png")
    Image.new("RGB", (40, 30), POISON).save(source / "poison.png")
    # As if an earlier process had stored a variant before it died.
    stray = out / "variants" / "1x1" / "poison.jpg"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half a job")
    rows = run(tmp_path, batch_size=4)
    assert len(rows) == 13
    bad = rows.pop("poison.png")
    assert (bad["error_class"], bad["error_stage"], bad["attempts"]) == ("WorkerDied", "worker", 3)
    assert all(row["status"] == "ok" for row in rows.values())
    assert not stray.exists() and audit(str(out)).clean


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_poison_in_blocks_of_several_batches_takes_nothing_with_it(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for number in range(300):
        colour = POISON if number in (50, 51, 299) else (10, 200, number % 256)
        Image.new("RGB", (40, 30), colour).save(source / f"{number:03d}.png")
    assert Layout(True, 1, 0.9, 0.0).block_rows(300, 2) == 6
    rows = run(tmp_path, batch_size=2)
    failed = {name: row["error_class"] for name, row in rows.items() if row["status"] != "ok"}
    assert failed == dict.fromkeys(("050.png", "051.png", "299.png"), "WorkerDied")
    assert len(rows) == 300 and audit(str(tmp_path / "out")).clean


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_look_without_an_end_is_ended_and_becomes_a_failed_row(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    Image.new("RGB", (40, 30), (10, 200, 30)).save(source / "good.png")
    Image.new("RGB", (40, 30), ENDLESS).save(source / "endless.png")
    rows = run(tmp_path, batch_size=1, time_limit=10)
    late = rows.pop("endless.png")
    assert (late["error_class"], late["error_stage"]) == ("TimedOut", "infer")
    assert "longer than 10 s" in late["error_message"] and late["attempts"] == 2
    assert [row["status"] for row in rows.values()] == ["ok"]
    assert audit(str(tmp_path / "out")).clean


def run(folder: Path, **fields: object) -> dict[str, dict]:
    """Run a job of the brittle method over ``in``; return its rows by the sources' names."""
    job = {
        "input": str(folder / "in"),
        "output": str(folder / "out"),
        "method": "brittle-center",
        "options": {"tally": str(folder / "tally")},
        "aspects": ["1:1"],
        "actors": 1,
    }
    spec = folder / "job.json"
    spec.write_text(json.dumps(job | fields))
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{install(folder / 'site')}"}
    environment.pop("RAY_ADDRESS", None)
    command = [sys.executable, "-m", "deepcrop", "run", str(spec)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=580)
    assert done.returncode == 1, done.stderr
    manifest = Manifest(str(folder / "out"), Storage())
    manifest.load_parts()
    return {Path(row["source_uri"]).name: row for row in manifest.table().to_pylist()}

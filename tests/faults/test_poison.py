"""Sources that kill their process: each ends as a row, and harms nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from deepcrop.pipeline.audit import audit
from deepcrop.pipeline.manifest import Manifest
from deepcrop.storage import Storage
from tests.torture.corpus import POISON
from tests.torture.method import install

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
    spec = tmp_path / "job.json"
    spec.write_text(
        json.dumps(
            {
                "input": str(source),
                "output": str(out),
                "method": "brittle",
                "options": {"tally": str(tmp_path / "tally")},
                "aspects": ["1:1"],
                "batch_size": 4,
                "actors": 1,
            }
        )
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{install(tmp_path / 'site')}"}
    environment.pop("RAY_ADDRESS", None)
    command = [sys.executable, "-m", "deepcrop", "run", str(spec)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr
    manifest = Manifest(str(out), Storage())
    manifest.find_parts()
    rows = {Path(row["source_uri"]).name: row for row in manifest.table().to_pylist()}
    assert len(rows) == 13
    bad = rows.pop("poison.png")
    assert (bad["error_class"], bad["error_stage"], bad["attempts"]) == ("WorkerDied", "worker", 3)
    assert all(row["status"] == "ok" for row in rows.values())
    assert not stray.exists() and audit(str(out)).clean

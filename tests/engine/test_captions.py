"""The main job with captions: killed and resumed, rows with and without words for CAGIC."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import deepcrop
from deepcrop.job import Job
from deepcrop.manifest.status import read_status
from deepcrop.manifest.store import Manifest
from deepcrop.manifest.verify import audit
from deepcrop.storage import Storage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("cluster")]

DRIVER = """
import json, sys
import deepcrop
deepcrop.run(deepcrop.Job.parse(json.loads(sys.argv[1])))
"""
CAPTIONS = {
    "a cat": None,
    "a cat and a quokka": "unknown words: quokka",
    "quokkas": "unknown words: quokkas; no known word in the caption: aesthetics only",
    None: "no caption: aesthetics only",
}


@pytest.fixture
def fields(tmp_path, photos):
    """A job over eight photos, each caption twice."""
    uris = []
    for number in range(8):
        photo = list(photos.values())[number % len(photos)].resize((96 + number, 64))
        uris.append(str(tmp_path / f"{number}.png"))
        photo.save(uris[-1])
    table = pa.table({"uri": uris, "caption": list(CAPTIONS) * 2})
    pq.write_table(table, tmp_path / "list.parquet")
    return {
        "input": str(tmp_path / "list.parquet"),
        "output": str(tmp_path / "out"),
        "method": "cagic",
        "aspects": ["1:1"],
        "options": {"shrink": 0.7, "restarts": 2, "steps": 1},
        "batch_size": 1,
        "actors": 1,
        "gpus": 0,
    }


def rows(output: str) -> dict[str, dict]:
    """The manifest's rows by source."""
    manifest = Manifest(output, Storage())
    manifest.load_parts()
    return {row["source_uri"]: row for row in manifest.table().to_pylist()}


def boxes(output: str) -> dict[str, list[int]]:
    """Each source's crop box."""
    return {
        uri: [row["variants"][0][name] for name in ("x0", "y0", "x1", "y1")]
        for uri, row in rows(output).items()
    }


def test_a_killed_job_with_captions_resumes_and_notes_what_it_did_not_follow(fields, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("RAY_ADDRESS", None)
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, json.dumps(fields)], env=environment, start_new_session=True
    )
    deadline = time.monotonic() + 200
    variants = Path(fields["output"]) / "variants"
    while len(list(variants.rglob("*.jpg"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 2 <= len(list(variants.rglob("*.jpg"))) < 8
    assert read_status(fields["output"]).state == "interrupted"

    assert deepcrop.run(Job.parse(fields)).ok == 8
    assert audit(fields["output"]).clean
    listed = pq.read_table(fields["input"]).to_pydict()
    found = rows(fields["output"])
    for uri, caption in zip(listed["uri"], listed["caption"], strict=True):
        assert found[uri]["note"] == CAPTIONS[caption]

    whole = fields | {"output": str(tmp_path / "whole")}
    deepcrop.run(Job.parse(whole))
    assert boxes(fields["output"]) == boxes(whole["output"])

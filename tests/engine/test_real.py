"""The main job over 500 real photos, from a folder and from an S3 server; minutes long."""

import os
from pathlib import Path

import pytest

import deepcrop
from deepcrop.job import Job
from deepcrop.manifest.verify import audit

ASPECTS = ["1:1", "16:9", "9:16", "4:5", "3:1"]
SHARED = Path(os.environ.get("DEEPCROP_SHARED", Path(__file__).parents[3] / "shared"))
PHOTOS = SHARED / "data" / "gaze_osie" / "images"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no photos at {PHOTOS} (DEEPCROP_SHARED)"),
]


def check(source: str, output: str) -> None:
    job = {"input": source, "output": output, "method": "saliency", "aspects": ASPECTS}
    result = deepcrop.run(Job.parse(job | {"max_size": 640}))
    assert (result.sources, result.ok, result.variants) == (500, 500, 2500)
    found = audit(output)
    assert found.clean, found.problems()
    assert (found.rows, found.variants) == (500, 2500)


def test_500_photos_from_a_folder(tmp_path):
    check(str(PHOTOS), str(tmp_path / "out"))


def test_500_photos_from_an_s3_server(best_s3):
    storage = best_s3.storage()
    for path in sorted(PHOTOS.iterdir()):
        storage.write(f"{best_s3.uri}/in/{path.name}", path.read_bytes())
    check(f"{best_s3.uri}/in", f"{best_s3.uri}/out")

"""A cluster that loses all its nodes: the job waits, then ends in good order, and resumes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pytest
from PIL import Image

from deepcrop.manifest.verify import audit
from jobs.faults.torture.nodes import Nodes

ROOT = Path(__file__).parents[2]
PHOTOS = 200
IMPATIENT = """
import sys
from deepcrop.cli import main
from deepcrop.engine import capacity, heartbeat
heartbeat.HEARTBEAT_S, capacity.NO_CAPACITY_TIMEOUT_S = 1.0, 6.0
main(["run", *sys.argv[1:], "--method=center", "--aspect=1:1", "--batch-size=2", "--actors=1"])
"""


@pytest.fixture
def nodes():
    made = Nodes()
    yield made
    made.close()


def start(nodes: Nodes, folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RAY_ADDRESS": nodes.address}
    return subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, f"--input={folder}/in", f"--output={folder}/out"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_without_nodes_ends_with_one_line_and_resumes(nodes, tmp_path):
    (tmp_path / "in").mkdir()
    random = numpy.random.default_rng(0)
    for number in range(PHOTOS):
        noise = random.integers(0, 255, (400, 500, 3), dtype=numpy.uint8)
        Image.fromarray(noise).save(tmp_path / "in" / f"{number:03d}.jpg")
    job = start(nodes, tmp_path)
    while len(list((tmp_path / "out" / "variants").rglob("*.jpg"))) < 10 and job.poll() is None:
        time.sleep(0.1)
    for node in [*nodes.cluster.worker_nodes]:
        nodes.kill(node)
    said, _ = job.communicate(timeout=300)
    assert job.returncode == 3, said
    assert "no node of the cluster can run the job; waiting 0.1 min for one" in said
    assert said.strip().endswith("once there is one, the same command resumes")
    assert "Traceback" not in said and not audit(str(tmp_path / "out")).mismatched
    nodes.fill()
    job = start(nodes, tmp_path)
    said, _ = job.communicate(timeout=300)
    assert job.returncode == 0, said
    found = audit(str(tmp_path / "out"))
    assert found.clean and found.rows == PHOTOS, found.problems()

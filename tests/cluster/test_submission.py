"""Jobs handed to a real cluster of several nodes through its Jobs API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deepcrop import cli
from deepcrop.engine.submission import submit
from deepcrop.errors import JobIncomplete, RequestError
from deepcrop.job import Job
from deepcrop.manifest.status import read_status
from deepcrop.manifest.verify import audit
from tests.cluster.conftest import specification

ROOT = Path(__file__).parents[2]


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(each) for each in arguments])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


def test_a_submitted_job_is_followed_to_its_end(finished):
    assert finished.status == 1, finished.said  # of two files that are no pictures
    assert "submitted raysubmit_" in finished.said
    assert "0 of 12 images" in finished.said
    assert finished.said.count("12 images, 10 ok, 2 failed") == 1
    assert audit(str(finished.output)).clean


@pytest.mark.slow
def test_the_exit_status_is_that_of_the_job(nodes, tmp_path, capsys):
    file = specification(tmp_path, 4)
    submission = ("submit", file, "--address", nodes.url, "--wait")
    code, _, err = run(capsys, *submission, "--set", "max_failed=10%")
    assert code == 1, err
    code, _, err = run(capsys, *submission, "--set", "max_failed=50%")
    assert code == 0, err
    code, _, err = run(capsys, *submission, "--set", "quality=50")
    assert code == 2 and "quality: None -> 50" in err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_outlives_its_submitter_and_nodes_that_come_and_go(nodes, tmp_path):
    file = specification(tmp_path, 400, method="saliency", aspects=["1:1", "16:9", "9:16"])
    out = tmp_path / "out"
    command = [sys.executable, "-m", "deepcrop", "submit", file, "--address", nodes.url, "--wait"]
    submitter = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
    )
    _wait_for(lambda: _variants(out) > 20)
    _wait_for(lambda: nodes.scrape().get("ray_deepcrop_waiting", 0) > 0)
    submitter.send_signal(signal.SIGKILL)
    submitter.communicate()
    assert read_status(str(out)).state == "running"
    joined = nodes.add()
    [first] = nodes.cluster.worker_nodes - {joined}
    nodes.remove(first)
    assert _variants(out) < 1200
    _wait_for(lambda: read_status(str(out)).state == "completed")
    status = read_status(str(out))
    assert (status.ok, status.failed) == (400, 2)
    assert audit(str(out)).clean


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_spreads_to_a_node_that_joins(nodes, tmp_path):
    job = Job.read(specification(tmp_path, 400, method="saliency", max_actors=2))
    submission = submit(job, nodes.url)
    _wait_for(lambda: _variants(tmp_path / "out") > 3)
    joined = nodes.add()
    try:
        _wait_for(lambda: nodes.actors(joined) == 1)
        assert submission.follow(lambda _: None) == 1
        assert audit(str(tmp_path / "out")).clean
    finally:
        nodes.remove(joined)


@pytest.mark.slow
def test_cancelling_stops_the_job_which_then_resumes(nodes, tmp_path):
    job = Job.read(specification(tmp_path, 60))
    submission = submit(job, nodes.url)
    _wait_for(lambda: _variants(tmp_path / "out") > 3)
    submission.cancel()
    with pytest.raises(JobIncomplete, match="STOPPED"):
        submission.follow(lambda _: None)
    assert submit(job, nodes.url).follow(lambda _: None) == 1
    assert audit(str(tmp_path / "out")).clean


@pytest.mark.parametrize(
    ("fields", "environment", "address", "words"),
    [
        ({}, {}, "head:8265", "expected the URL"),
        ({"input": "https://a/b.jpg?X-Amz-Signature=abc"}, {}, "http://head", "holds a secret"),
        ({}, {"env_vars": {"AWS_SECRET_ACCESS_KEY": "x"}}, "http://head", "AWS_SECRET_ACCESS_KEY"),
        ({}, {"working_dir": "."}, "http://head", "working_dir"),
    ],
)
def test_secrets_and_wrong_addresses_are_refused(fields, environment, address, words):
    values = {"input": "/in", "output": "/out", "method": "center", "aspects": ["1:1"], **fields}
    with pytest.raises(RequestError, match=words):
        submit(Job.parse(values), address, environment=environment)


def test_an_address_where_nobody_answers_is_said_in_one_line(tmp_path, capsys):
    file = specification(tmp_path, 0)
    code, _, err = run(capsys, "submit", file, "--address", "http://127.0.0.1:9")
    assert code == 3 and err.count("\n") == 1 and "no Ray cluster takes the job there" in err


def _variants(output: Path) -> int:
    return len(list(output.glob("variants/*/*.jpg")))


def _wait_for(condition, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.3)

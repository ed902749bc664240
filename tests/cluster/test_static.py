"""The README's way from one machine to two: the script starts a cluster, a job is handed to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from deepcrop.manifest.verify import audit
from tests.cluster.conftest import ROOT, specification

TOKEN = "0123456789abcdef" * 4
SCRIPT = ROOT / "cluster" / "static.sh"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_nodes_started_by_the_script_take_a_job(tmp_path):
    port, dashboard = free_port(), free_port()
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SPILL": str(tmp_path / "spill"),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
    }
    environment.pop("RAY_ADDRESS", None)
    one_machine = ["--num-cpus=1", "--min-worker-port=0", "--max-worker-port=0"]
    agents = [f"--dashboard-agent-listen-port={free_port()}" for _ in range(2)]
    roles = [
        ["head", f"--port={port}", f"--dashboard-port={dashboard}", agents[0]],
        ["worker", f"127.0.0.1:{port}", agents[1]],
    ]
    url = f"http://127.0.0.1:{dashboard}"
    started = []
    try:
        for role in roles:
            started.append(
                subprocess.Popen(
                    ["sh", SCRIPT, *role, *one_machine], env=environment, start_new_session=True
                )
            )
            _wait_for(lambda: _nodes(url) == len(started))
        file = specification(tmp_path, 6)
        done = subprocess.run(
            [sys.executable, "-m", "deepcrop", "submit", file, "--address", url, "--wait"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    assert done.returncode == 1, done.stderr  # of two files that are no pictures
    assert audit(str(tmp_path / "out")).clean


def test_the_script_says_how_it_is_called():
    done = subprocess.run(["sh", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("usage:")


def _nodes(url: str) -> int:
    try:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = requests.get(f"{url}/nodes?view=summary", headers=headers, timeout=5).json()
    except requests.RequestException:
        return 0
    return sum(each["raylet"].get("state") == "ALIVE" for each in answer["data"]["summary"])


def _wait_for(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)

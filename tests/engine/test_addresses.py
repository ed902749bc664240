"""Addresses and tokens of clusters: one line says what is wrong with them."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from ray.exceptions import AuthenticationError

from deepcrop.engine.addresses import check_address, refusal
from deepcrop.errors import JobIncomplete, RequestError

TOKEN = "0123456789abcdef" * 4


@pytest.fixture
def silent_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_an_address_where_nobody_answers_is_said_at_once(silent_port):
    check_address(f"127.0.0.1:{silent_port}")
    check_address("auto")
    check_address("ray://head:10001/x")
    with pytest.raises(JobIncomplete, match=r"^RAY_ADDRESS 127.0.0.1:9: no cluster answers there"):
        check_address("127.0.0.1:9")
    with pytest.raises(JobIncomplete, match="no cluster answers there"):
        check_address("no-such-host.invalid:6379")
    with pytest.raises(RequestError, match="deepcrop submit --address http://head:8265"):
        check_address("http://head:8265")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "RAY_AUTH_MODE is not set, with no token in ~/.ray/auth_token;"),
        ({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}, "is token, with the token of RAY_A"),
    ],
)
def test_tokens_that_differ_are_named_on_both_sides_and_never_shown(
    monkeypatch, tmp_path, variables, words
):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for error in (
        AuthenticationError("Unauthorized\nMissing"),
        ConnectionError("Failed to connect to Ray cluster at 127.0.0.1:6379"),
    ):
        text = str(refusal("--address http://head:8265", error))
        assert text.startswith("--address http://head:8265: ") and words in text
        assert "both sides need the same RAY_AUTH_MODE and token file" in text
        assert TOKEN not in text and "\n" not in text
    assert refusal("--address x", RuntimeError("No available agent")) is None


@pytest.mark.slow
def test_a_cluster_with_another_token_setting_is_a_wrong_request(tmp_path):
    """As `deepcrop submit` and `deepcrop run` find it."""
    from tests.cluster.test_static import free_port

    gcs, dashboard, agent = free_port(), free_port(), free_port()
    (tmp_path / "in").mkdir()
    (tmp_path / "job.yaml").write_text(
        f"input: {tmp_path}/in\noutput: {tmp_path}/out\nmethod: center\naspects: ['1:1']\n"
    )
    head = [Path(sys.executable).with_name("ray"), "start", "--head", "--block", "--num-cpus=1"]
    head += [f"--port={gcs}", f"--dashboard-port={dashboard}", "--min-worker-port=0"]
    head += ["--max-worker-port=0", f"--dashboard-agent-listen-port={agent}"]
    head += ["--disable-usage-stats", "--object-store-memory=100000000"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    ours = clean | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    theirs = clean | {"RAY_AUTH_MODE": "disabled", "RAY_ADDRESS": f"127.0.0.1:{gcs}"}
    process = subprocess.Popen(head, env=ours, stdout=subprocess.DEVNULL)
    try:
        command = [sys.executable, "-m", "deepcrop", "submit", tmp_path / "job.yaml"]
        command += ["--address", f"http://127.0.0.1:{dashboard}"]
        for _ in range(60):
            done = subprocess.run(command, env=theirs, capture_output=True, text=True)
            if "no Ray cluster takes the job" not in done.stderr:
                break
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert "RAY_AUTH_MODE is disabled" in done.stderr
    finally:
        process.terminate()
        process.wait()

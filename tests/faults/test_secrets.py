"""Credentials are nowhere in what a job leaves behind or says, whatever fails."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs.faults.proxy import FaultProxy, Faults
from jobs.faults.torture.corpus import make

ROOT = Path(__file__).parents[2]
KEY, SECRET, TOKEN = "AKIAPLANTEDKEY000001", "planted/secret+0123456789", "planted-token-9876543210"
SIGNED = "X-Amz-Signature=plantedsignature0123&X-Amz-Credential=plantedcredential"
TRIES = 3
PLANTED = (KEY, SECRET, TOKEN, "plantedsignature", "plantedcredential", "plantedpassword")


@pytest.mark.timeout(600)
def test_planted_credentials_are_found_nowhere(s3, tmp_path, monkeypatch):
    storage = s3.storage()
    for number, source in enumerate(make(6, 0, "in")[:6]):
        storage.write(f"{s3.uri}/in/{number}.jpg", source.data)
    storage.write(f"{s3.uri}/in/page.jpg", b"<html>")
    for name, value in (("ACCESS_KEY_ID", KEY), ("SECRET_ACCESS_KEY", SECRET)):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    listed = [f"{s3.uri}/in/{number}.jpg" for number in range(6)]
    listed += [f"{s3.uri}/in/page.jpg", f"{s3.uri}/in/absent.jpg", "s3://no-such-bucket/x.jpg"]
    listed += [f"http://user:plantedpassword@127.0.0.1:9/x.jpg?{SIGNED}"]
    (tmp_path / "list.txt").write_text("\n".join(listed))
    said = ""
    with (
        FaultProxy(s3.endpoint, Faults(slowdown=0.1, reset=0.1, truncate=0.1), seed=1) as proxy,
        # Sockets lie in it, and their paths must be short.
        tempfile.TemporaryDirectory(prefix="s-") as ray_folder,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        monkeypatch.setenv("RAY_TMPDIR", ray_folder)
        said += _deepcrop("run", tmp_path / "list.txt", f"{s3.uri}/out", "--debug")
        proxy.denied.add("GET")
        said += _deepcrop("run", f"{s3.uri}/in", f"{s3.uri}/other", "--debug")
        left = {str(path): path.read_bytes() for path in Path(ray_folder).rglob("logs/**/*.*")}
    assert "access denied" in said
    left |= {entry.uri: storage.read(entry.uri) for entry in storage.list(f"{s3.uri}/out")}
    left |= {"what it said": said.encode(), "the manifest": _unpacked(left)}
    assert any(name.endswith("job.json") for name in left), said
    assert any("worker" in name for name in left)
    assert b"absent.jpg" in left["the manifest"] and b"NotAnImage" in left["the manifest"]
    found = [(name, each) for name, data in left.items() for each in PLANTED if each in str(data)]
    assert not found


def _deepcrop(command: str, source: object, output: str, *flags: str) -> str:
    """Run the command, again where it says that this helps; return all that it says."""
    arguments = ["--input", str(source), "--output", output, "--method", "center", "--aspect=1:1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("RAY_ADDRESS", None)
    said = ""
    for _ in range(TRIES):
        done = subprocess.run(
            [sys.executable, "-m", "deepcrop", command, *arguments, "--actors=1", *flags],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
        )
        said += done.stdout
        # A machine that is too busy to start a cluster in time interrupts the job.
        if "the same command" not in done.stdout:
            break
    return said


def _unpacked(left: dict[str, bytes]) -> bytes:
    """Return the text of all Parquet files, which are compressed."""
    parts = [data for name, data in left.items() if name.endswith(".parquet")]
    return repr([pq.read_table(io.BytesIO(data)).to_pylist() for data in parts]).encode()

"""Whole jobs in and out of Azure's and Google's stores, as their emulators serve them.

They need the packages adlfs or gcsfs, and the emulators: Azurite (npm), which is found on the path
or by ``DEEPCROP_AZURITE``, and gcp-storage-emulator (PyPI).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from deepcrop.manifest.verify import audit
from deepcrop.storage import Storage
from jobs.faults.proxy import FaultProxy, Faults
from tests.corpus import jpeg

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROOT = Path(__file__).parents[2]
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The key of Azurite's one account, which is public (its README)."""
FAULTS = Faults(slowdown=0.008, reset=0.004, lost=0.004)
"""Few, because Azure's client waits a quarter of a minute after each."""


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    pytest.fail("the emulator does not answer")


@dataclass(frozen=True)
class Store:
    """An emulator, which jobs reach through a proxy that fails at times."""

    uri: str
    proxied: dict[str, str]
    """Variables of the environment of jobs."""


@pytest.fixture
def azure(tmp_path, monkeypatch) -> Iterator[Store]:
    pytest.importorskip("adlfs")
    program = os.environ.get("DEEPCROP_AZURITE") or shutil.which("azurite-blob")
    if program is None:
        pytest.skip("not installed: azurite (npm install azurite)")
    port = free_port()
    options = ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    command = [program, "--blobPort", str(port), *options]

    def connection(endpoint: str) -> dict[str, str]:
        told = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": "devstoreaccount1",
            "AccountKey": KEY,
            "BlobEndpoint": f"{endpoint}/devstoreaccount1",
        }
        text = ";".join(f"{name}={value}" for name, value in told.items())
        return {"AZURE_STORAGE_CONNECTION_STRING": text}

    with subprocess.Popen(command, cwd=tmp_path) as server:
        try:
            wait_for(port)
            for name, value in connection(f"http://127.0.0.1:{port}").items():
                monkeypatch.setenv(name, value)
            import fsspec

            fsspec.filesystem("az", skip_instance_cache=True).mkdir("media")
            with FaultProxy(f"http://127.0.0.1:{port}", FAULTS) as proxy:
                yield Store("az://media", connection(proxy.endpoint))
                assert proxy.counts
        finally:
            server.kill()


@pytest.fixture
def google(monkeypatch) -> Iterator[Store]:
    pytest.importorskip("gcsfs")
    emulator = pytest.importorskip("gcp_storage_emulator.server")
    port = free_port()
    server = emulator.create_server("127.0.0.1", port, in_memory=True, default_bucket="media")
    server.start()
    try:
        wait_for(port)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("FSSPEC_GS_TOKEN", "anon")
        monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        with FaultProxy(f"http://127.0.0.1:{port}", FAULTS) as proxy:
            yield Store("gs://media", {"STORAGE_EMULATOR_HOST": proxy.endpoint})
            assert proxy.counts
    finally:
        server.stop()


def command(source: str, output: str) -> list[str]:
    words = [sys.executable, "-m", "deepcrop", "run", "--input", source, "--output", output]
    words += ["-m", "center", "-a", "1:1", "--preset", "card=4:5 widths=16,32 formats=webp,jpeg"]
    return [*words, "--actors", "1", "--set", "batch_size=2"]


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])} | more


def files(storage: Storage, output: str) -> dict[str, bytes]:
    start = f"{output}/variants/"
    return {
        entry.uri.removeprefix(start): storage.read(entry.uri) for entry in storage.list(start[:-1])
    }


def kill_with_children(process: subprocess.Popen) -> None:
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for each in family:
        with contextlib.suppress(psutil.Error):
            each.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("store", ["azure", "google"])
def test_a_job_that_was_killed_goes_on_although_the_store_fails(store, request, tmp_path, photos):
    server: Store = request.getfixturevalue(store)
    place, storage = server.uri, Storage()
    for number in range(12):
        data = jpeg(photos["coffee"], (90 + number, 70))
        storage.write(f"{place}/in/{number}.jpg", data, "image/jpeg")
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{number}.jpg").write_bytes(data)
    output = f"{place}/out"
    through_faults = environment(**server.proxied)
    with subprocess.Popen(command(f"{place}/in", output), env=through_faults) as first:
        for _ in range(1200):
            if len(list(storage.list(f"{output}/variants"))) >= 5 or first.poll() is not None:
                break
            time.sleep(0.1)
        kill_with_children(first)
    ended = subprocess.run(
        command(f"{place}/in", output), env=through_faults, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    found = audit(output)
    assert found.clean, found.problems()
    assert (found.rows, found.variants) == (12, 12 * 5)
    local = str(tmp_path / "local")
    done = subprocess.run(
        command(str(tmp_path / "in"), local), env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert files(storage, output) == files(storage, local)

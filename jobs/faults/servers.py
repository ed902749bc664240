"""An S3 server and the fault proxy in front of it, for what runs as a command."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .proxy import Faults
from .radosgw import RadosGateway, missing_programs

ROOT = Path(__file__).parents[2]
"""The folder that holds ``jobs``; processes import it from there."""


@dataclass(frozen=True)
class S3Server:
    """An S3 server on loopback, and the credentials that it accepts."""

    endpoint: str
    access_key: str
    secret_key: str
    checks_uploads: bool
    """Whether the server refuses an upload whose bytes don't match their checksum."""


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run Ceph's gateway if it is installed, else moto, which checks neither keys nor bytes."""
    if missing_programs():
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield S3Server(f"http://{host}:{port}", "testing", "testing-secret", False)
        finally:
            server.stop()
    else:
        with RadosGateway() as gateway:
            yield S3Server(gateway.endpoint, gateway.access_key, gateway.secret_key, True)


@contextlib.contextmanager
def fault_proxy(target: str, faults: Faults, seed: int) -> Iterator[str]:
    """Run the fault proxy in front of ``target`` as a process of its own; yield its URL."""
    rates = [f"--{name.replace('_', '-')}={rate}" for name, rate in vars(faults).items()]
    command = [sys.executable, "-m", "jobs.faults.proxy", "--target", target, *rates]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [*command, "--seed", str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

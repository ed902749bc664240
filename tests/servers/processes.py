"""An S3 server and the fault proxy in front of it, for what runs as a command."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers.proxy import Faults
from tests.servers.radosgw import RadosGateway, missing_programs

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def server() -> Iterator[tuple[str, str, str, bool]]:
    """Yield an S3 server's URL, key and secret, and whether it checks what it is sent."""
    if missing_programs():
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}", "testing", "testing-secret", False
        server.stop()
        return
    with RadosGateway() as gateway:
        yield gateway.endpoint, gateway.access_key, gateway.secret_key, True


@contextlib.contextmanager
def proxy(target: str, faults: Faults, seed: int) -> Iterator[str]:
    """Run the fault proxy as a process of its own; yield its URL."""
    rates = [f"--{name.replace('_', '-')}={rate}" for name, rate in vars(faults).items()]
    command = [sys.executable, "-m", "tests.servers.proxy", "--target", target, *rates]
    process = subprocess.Popen(
        [*command, "--seed", str(seed)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

"""A real S3 server on loopback: Ceph's gateway with one monitor and one object store in memory.

As a context manager, or by itself until it is interrupted:

```
python -m jobs.faults.radosgw
export AWS_ENDPOINT_URL=http://127.0.0.1:40741 AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...
```

It needs Debian's packages radosgw, ceph-mon and ceph-osd (``.ci/install-radosgw``). All its
files are in a temporary folder, which is removed at the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "monmaptool")
START_TIMEOUT_S = 60.0
"""Seconds until the gateway must answer."""
ACCESS_KEY = "DEEPCROPTEST"
SECRET_KEY = "deepcrop-test-secret"
KMS_KEY = "testkey"
"""Name of a key that objects can be encrypted with (SSE-KMS)."""

_CONFIGURATION = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = {folder}
log file = {folder}/$name.log
admin socket = {folder}/$name.asok
pid file =
auth cluster required = none
auth service required = none
auth client required = none
osd objectstore = memstore
memstore device bytes = 4294967296
osd data = {folder}/osd
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd max object name len = 2048
mon allow pool size one = true
mon data = {folder}/mon
mon data avail crit = 1
mon max pg per osd = 1000
mon osd down out interval = 0
paxos propose interval = 0.05
[client]
ms mon client mode = crc
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw data = {folder}
rgw enable usage log = false
rgw gc obj min wait = 0
rgw dns name = localhost
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = {kms_key}=YmluYXJ5IGtleSBvZiAzMiBieXRlcyBmb3IgdGVzdHM=
"""


def missing_programs() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


class RadosGateway:
    """The three daemons, from ``__enter__`` to ``__exit__``."""

    access_key = ACCESS_KEY
    secret_key = SECRET_KEY

    def __init__(self, port: int = 0) -> None:
        """Choose ports; nothing runs yet."""
        self.port = port or _free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> RadosGateway:
        """Start everything and wait until the gateway answers."""
        self._folder = Path(tempfile.mkdtemp(prefix="radosgw-"))
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything and remove its files."""
        self.stop()

    def stop(self) -> None:
        """End the daemons, the gateway first."""
        for process in reversed(self._processes):
            # An orderly end would take seconds, and there is nothing to save.
            process.kill()
            process.wait()
        self._processes.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        folder, mon_port, fsid = self._folder, _free_port(), str(uuid.uuid4())
        self._configuration = folder / "ceph.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(
                folder=folder, mon_port=mon_port, fsid=fsid, port=self.port, kms_key=KMS_KEY
            )
        )
        (folder / "osd").mkdir()
        address = f"[v2:127.0.0.1:{mon_port}/0]"
        self._call("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address,
                   str(folder / "monmap"))  # fmt: skip
        self._call("ceph-mon", "-i", "a", "--mkfs", "--monmap", str(folder / "monmap"))
        self._spawn("ceph-mon", "-i", "a", "-f")
        self._call("ceph", "osd", "new", str(osd := uuid.uuid4()))
        self._call("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", str(osd))
        self._spawn("ceph-osd", "-i", "0", "-f")
        self._call("radosgw-admin", "user", "create", "--uid=test", "--display-name=test",
                   f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}")  # fmt: skip
        self._spawn("radosgw", "-f", "-n", "client.rgw")
        _wait_for(self._answers)

    def _spawn(self, program: str, *arguments: str) -> None:
        with (self._folder / f"{program}.out").open("wb") as log:
            process = subprocess.Popen(
                [program, "-c", str(self._configuration), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )
        self._processes.append(process)

    def _call(self, program: str, *arguments: str) -> None:
        command = [program, "-c", str(self._configuration), *arguments]
        if program == "monmaptool":
            command = [program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")

    def _answers(self) -> bool:
        for process in self._processes:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended: see {self._folder}")
        try:
            with urllib.request.urlopen(self.endpoint, timeout=5) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


def _wait_for(condition: Callable[[], bool], seconds: float = START_TIMEOUT_S) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the gateway does not answer")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _die_with_parent() -> None:
    parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


def main() -> None:
    """Run until interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    with RadosGateway() as gateway, contextlib.suppress(KeyboardInterrupt):
        print(
            f"export AWS_ENDPOINT_URL={gateway.endpoint} AWS_ACCESS_KEY_ID={ACCESS_KEY}"
            f" AWS_SECRET_ACCESS_KEY={SECRET_KEY}",
            flush=True,
        )
        signal.pause()


if __name__ == "__main__":
    main()

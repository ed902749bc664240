"""One writer at a time: a lease on an output, renewed while its driver lives.

Two drivers on one output would both commit. A lease of a process that is dead (on this machine), or
that was not renewed for :data:`LEASE_TTL_S` seconds (elsewhere), is taken over; a driver that finds
its own lease taken stops before its next commit. So do two drivers that began at once: the later
one wrote the lease last.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from ..errors import JobIncomplete, NotFound, RequestError
from ..storage import Storage

LEASE_TTL_S = 90.0
"""Seconds after its last renewal at which the holder of a lease is taken for dead."""
RENEW_INTERVAL_S = 15.0
"""Seconds between two renewals."""
WAIT_INTERVAL_S = 2.0
"""Seconds between two looks at a lease that another run holds."""


class Holder(TypedDict):
    """The content of a lease file: the run that holds the lease."""

    owner: str
    host: str
    pid: int
    started: str | None
    """Start time of the process, in clock ticks since the machine's boot."""
    renewed: float
    """Seconds since 1970."""


@dataclass
class Lease:
    """The right to write the manifest of one output."""

    uri: str
    storage: Storage
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    renewed: float = 0.0

    def acquire(self, wait: float = 0.0) -> None:
        """Take the lease, if no living run holds it.

        Args:
            wait: seconds for which to wait until the other run ends.

        Raises:
            JobIncomplete: another run holds it.
        """
        deadline = time.monotonic() + wait
        holder = _read(self.uri, self.storage)
        while holder is not None and _is_alive(holder) and time.monotonic() < deadline:
            time.sleep(min(WAIT_INTERVAL_S, max(0.0, deadline - time.monotonic())))
            holder = _read(self.uri, self.storage)
        if holder is not None and _is_alive(holder):
            silent = time.time() - holder["renewed"]
            raise JobIncomplete(
                f"output {self.uri.rpartition('/')[0]}: another run is writing it "
                f"(host {holder['host']}, process {holder['pid']}, {silent:.0f} s ago); "
                f"wait for its end, or for {LEASE_TTL_S:.0f} s of silence if it was killed"
            )
        self._write()

    def renew(self) -> None:
        """Make sure that this run holds the lease, before a commit; renew it when that is due.

        Raises:
            JobIncomplete: another run has taken it over, or the output is gone.
        """
        holder = _read(self.uri, self.storage)
        if holder is None or holder["owner"] != self.owner:
            self._check_output()
            raise JobIncomplete(f"{self.uri}: another run has taken over; this one stops")
        if time.monotonic() - self.renewed > RENEW_INTERVAL_S:
            self._write()

    def release(self) -> None:
        """Give the lease back, if this run still holds it."""
        holder = _read(self.uri, self.storage)
        if holder is not None and holder["owner"] == self.owner:
            self.storage.delete(self.uri)

    def _check_output(self) -> None:
        try:
            self.storage.check_writable(self.uri.rpartition("/")[0])
        except RequestError as error:
            raise JobIncomplete(f"{error}; once that is mended, the same command resumes") from None

    def _write(self) -> None:
        holder: Holder = {
            "owner": self.owner,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _start_of(os.getpid()),
            "renewed": time.time(),
        }
        self.storage.write(self.uri, json.dumps(holder).encode(), "application/json")
        self.renewed = time.monotonic()


def is_held(uri: str, storage: Storage) -> bool:
    """Return whether a living run holds the lease."""
    holder = _read(uri, storage)
    return holder is not None and _is_alive(holder)


def _read(uri: str, storage: Storage) -> Holder | None:
    try:
        holder: Holder = json.loads(storage.get(uri).data)
    except NotFound:
        return None
    return holder


def _is_alive(holder: Holder) -> bool:
    if time.time() - holder["renewed"] > LEASE_TTL_S:
        return False
    if holder["host"] != socket.gethostname():
        return True
    return _start_of(holder["pid"]) == holder["started"]


def _start_of(pid: int) -> str | None:
    """Return the start time of a process of this machine, or None where it has ended.

    The time tells a process from a later one with the same id.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()[19]

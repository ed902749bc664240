"""One writer at a time."""

import json
import subprocess
import sys

import pytest

from deepcrop.errors import JobIncomplete
from deepcrop.manifest import lease as module
from deepcrop.manifest.lease import Lease, is_held
from deepcrop.storage import Storage


@pytest.fixture
def uri(tmp_path) -> str:
    return str(tmp_path / ".lease.json")


def test_a_second_run_is_refused_until_the_first_lets_go(uri):
    first, second = Lease(uri, Storage()), Lease(uri, Storage())
    first.acquire()
    with pytest.raises(JobIncomplete, match=r"another run is writing it \(host"):
        second.acquire()
    first.release()
    assert not is_held(uri, Storage())
    second.acquire()
    assert is_held(uri, Storage())


def test_a_dead_process_holds_nothing(uri):
    code = f"from deepcrop.manifest.lease import *; Lease({uri!r}, Storage()).acquire()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not is_held(uri, Storage())
    Lease(uri, Storage()).acquire()


def test_the_silent_holder_of_another_host_is_given_time(uri, tmp_path):
    held = Lease(uri, Storage())
    held.acquire()
    record = json.loads((tmp_path / ".lease.json").read_text()) | {"host": "elsewhere"}
    (tmp_path / ".lease.json").write_text(json.dumps(record))
    assert is_held(uri, Storage())
    record["renewed"] -= module.LEASE_TTL_S + 1
    (tmp_path / ".lease.json").write_text(json.dumps(record))
    assert not is_held(uri, Storage())


def test_who_has_lost_the_lease_stops_at_its_next_commit(uri):
    first, second = Lease(uri, Storage()), Lease(uri, Storage())
    first.acquire()
    first.renew()
    second._write()
    with pytest.raises(JobIncomplete, match="taken over"):
        first.renew()


def test_of_two_that_begin_at_once_one_goes_on(uri, monkeypatch):
    first, second = Lease(uri, Storage()), Lease(uri, Storage())
    with monkeypatch.context() as patch:
        patch.setattr(module, "_read", lambda *_: None)  # neither sees the other
        first.acquire()
        second.acquire()
    with pytest.raises(JobIncomplete, match="taken over"):
        first.renew()
    second.renew()


def test_a_lease_is_renewed_now_and_then(uri, monkeypatch, tmp_path):
    lease = Lease(uri, Storage())
    lease.acquire()
    text = (tmp_path / ".lease.json").read_text()
    lease.renew()
    assert (tmp_path / ".lease.json").read_text() == text
    monkeypatch.setattr(module, "RENEW_INTERVAL_S", 0.0)
    lease.renew()
    assert (tmp_path / ".lease.json").read_text() != text

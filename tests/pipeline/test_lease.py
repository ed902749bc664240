"""One writer at a time."""

import json
import subprocess
import sys

import pytest

from deepcrop.errors import Interrupted
from deepcrop.pipeline import lease as module
from deepcrop.pipeline.lease import Lease, is_held
from deepcrop.storage import Storage


@pytest.fixture
def uri(tmp_path) -> str:
    return str(tmp_path / ".lease.json")


def test_a_second_run_is_refused_until_the_first_lets_go(uri):
    first, second = Lease(uri, Storage()), Lease(uri, Storage())
    first.acquire()
    with pytest.raises(Interrupted, match=r"another run is writing it \(host"):
        second.acquire()
    first.release()
    assert not is_held(uri, Storage())
    second.acquire()
    assert is_held(uri, Storage())


def test_a_dead_process_holds_nothing(uri):
    code = f"from deepcrop.pipeline.lease import *; Lease({uri!r}, Storage()).acquire()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not is_held(uri, Storage())
    Lease(uri, Storage()).acquire()


def test_the_silent_holder_of_another_host_is_given_time(uri, tmp_path):
    held = Lease(uri, Storage())
    held.acquire()
    record = json.loads((tmp_path / ".lease.json").read_text()) | {"host": "elsewhere"}
    (tmp_path / ".lease.json").write_text(json.dumps(record))
    assert is_held(uri, Storage())
    record["renewed"] -= module.SILENCE + 1
    (tmp_path / ".lease.json").write_text(json.dumps(record))
    assert not is_held(uri, Storage())


def test_who_has_lost_the_lease_stops(uri, monkeypatch):
    monkeypatch.setattr(module, "RENEWAL", 0.0)
    first, second = Lease(uri, Storage()), Lease(uri, Storage())
    first.acquire()
    first.renew()
    second._write()
    with pytest.raises(Interrupted, match="taken over"):
        first.renew()

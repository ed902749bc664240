"""The stream through actors of the test's own, on a real cluster."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Lock

import numpy
import pyarrow as pa
import pytest

from deepcrop.engine import stream
from deepcrop.engine.layout import Layout, Pool
from deepcrop.engine.stream import Stream
from deepcrop.job import Job
from deepcrop.schema import SOURCES as SCHEMA
from deepcrop.sources.corrections import Corrections
from deepcrop.sources.index import Packed, pack
from deepcrop.storage import Storage

pytestmark = pytest.mark.usefixtures("cluster")

WORK = 0.5
"""Seconds; the cluster hears of a second actor long before the first has done all."""


def wait_for(mark: Path) -> None:
    """Wait until a file is there, but not for ever."""
    end = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.01)


def test_an_actor_that_starts_first_leaves_work_for_the_other(tmp_path, monkeypatch):
    class Marked:
        """The second starts when the first has work, which waits for it; places get a mark."""

        def __init__(self, folder: Path) -> None:
            self.core, self.busy, self.both = Lock(), folder / "busy", folder / "both"
            try:
                (folder / "first").touch(exist_ok=False)
            except FileExistsError:
                wait_for(self.busy)
                self.both.touch()

        def __call__(self, places: pa.Table) -> pa.Table:
            self.busy.touch()
            wait_for(self.both)
            with self.core:
                time.sleep(WORK)
            return places.append_column("worker", pa.array([os.getpid()] * places.num_rows))

    pool = Pool(Marked, (tmp_path,), actors=2, most=2, cpus=0.9)
    monkeypatch.setattr(stream, "pools", lambda *_: [pool])
    job = Job(input="/in", output="/out", method="center", aspects=("1:1",))
    listing = Packed(pack(SCHEMA.empty_table()), Corrections.none().attach)
    few = Stream(job, Storage(), Layout(True, 2, 0.9, 0.0), listing)
    rows = pa.concat_tables(few.rows(numpy.arange(24), size=16))
    assert sorted(rows["place"].to_pylist()) == list(range(24))
    assert len(set(rows["worker"].to_pylist())) == 2

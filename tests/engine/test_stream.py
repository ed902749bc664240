"""The stream through actors of the test's own, on a real cluster."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from threading import Lock

import numpy
import pyarrow as pa
import pytest
from ray.data import DataContext

from deepcrop.engine import stream
from deepcrop.engine.actors import ErrorReportingActor
from deepcrop.engine.layout import Layout, Pool
from deepcrop.engine.stream import StreamExecutor
from deepcrop.errors import JobIncomplete, RequestError
from deepcrop.job import Job
from deepcrop.schema import SOURCES
from deepcrop.sources.index import ParquetListing, to_parquet
from deepcrop.storage import Storage

pytestmark = pytest.mark.usefixtures("cluster")

WORK = 0.5
"""Seconds; the cluster hears of a second actor long before the first has done all."""


def wait_for(mark: Path) -> None:
    """Wait until a file is there, but not for ever."""
    end = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.01)


def run(monkeypatch, *pools: Pool, sources: int = 24, batch_size: int = 16) -> pa.Table:
    """Send row indices through pools; return all that comes back."""
    monkeypatch.setattr(stream, "actor_pools", lambda *_: list(pools))
    job = Job(input="/in", output="/out", method="center", aspects=("1:1",))
    listing = ParquetListing(to_parquet(SOURCES.empty_table()))
    layout = Layout(True, 2, 0.9, 0.0)
    executor = StreamExecutor(job, Storage(), layout, listing, batch_size)
    return pa.concat_tables(executor.run(numpy.arange(sources), heartbeat=lambda: None))


def test_an_actor_that_starts_first_leaves_work_for_the_other(tmp_path, monkeypatch):
    class Marked:
        """The second starts when the first has work, which waits for it; rows get a mark."""

        def __init__(self, folder: Path) -> None:
            self.lock, self.busy, self.both = Lock(), folder / "busy", folder / "both"
            try:
                (folder / "first").touch(exist_ok=False)
            except FileExistsError:
                wait_for(self.busy)
                self.both.touch()

        def __call__(self, table: pa.Table) -> pa.Table:
            self.busy.touch()
            wait_for(self.both)
            with self.lock:
                time.sleep(WORK)
            return table.append_column("worker", pa.array([os.getpid()] * table.num_rows))

    rows = run(monkeypatch, Pool(Marked, (tmp_path,), actors=2, max_actors=2, cpus=0.9))
    assert sorted(rows["row_index"].to_pylist()) == list(range(24))
    assert len(set(rows["worker"].to_pylist())) == 2


class Same:
    """Answers what it is given; can't start if it is told an error."""

    def __init__(self, error: Exception | None = None) -> None:
        if error is not None:
            raise error

    def __call__(self, table: pa.Table) -> pa.Table:
        return table


class Sensitive(Same):
    """Fails on a batch that holds the row 5."""

    def __call__(self, table: pa.Table) -> pa.Table:
        if 5 in table["row_index"].to_pylist():
            raise ValueError("five")
        return table


def pool(actor: type, *arguments: object) -> Pool:
    return Pool(ErrorReportingActor, (actor, *arguments), actors=1, max_actors=1, cpus=0.4)


@pytest.mark.parametrize("after", [(), (Same,)])
@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (RequestError("weights 'a': not of the method"), RequestError, "^weights 'a': not of"),
        (RuntimeError("CUDA out of\nmemory"), JobIncomplete, "RuntimeError: CUDA out of memory"),
        (KeyError("layer: 3"), JobIncomplete, "could not start \\(KeyError: 'layer: 3'\\)"),
    ],
)
def test_an_actor_that_cannot_start_ends_the_run_with_its_error(
    monkeypatch, error, kind, words, after
):
    with pytest.raises(kind, match=words):
        run(monkeypatch, pool(Same, error), *map(pool, after))


@pytest.mark.parametrize("after", [(), (Same,)])
def test_a_batch_that_an_actor_fails_on_is_missing_alone(monkeypatch, after):
    rows = run(monkeypatch, pool(Sensitive), *map(pool, after), batch_size=2)
    assert sorted(rows["row_index"].to_pylist()) == [*range(4), *range(6, 24)]
    assert rows.column_names == ["row_index"]


@pytest.mark.parametrize("error", [None, RequestError("wrong")])
def test_settings_of_the_process_are_what_they_were(monkeypatch, error):
    DataContext.get_current().target_max_block_size = 12345678
    before, copy = DataContext.get_current(), DataContext.get_current().copy()
    level = logging.getLogger("ray.data").level
    try:
        if error is None:
            run(monkeypatch, pool(Same))
        else:
            with pytest.raises(RequestError):
                run(monkeypatch, pool(Same, error))
        assert DataContext.get_current() is before
        assert vars(before) == vars(copy) and before.target_max_block_size == 12345678
    finally:
        DataContext.get_current().target_max_block_size = 128 << 20
    assert logging.getLogger("ray.data").level == level

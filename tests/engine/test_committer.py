"""Rows are committed when a part is full or its time is over, and only under the lease."""

from __future__ import annotations

import pyarrow as pa
import pytest

from deepcrop.engine import committer
from deepcrop.engine.committer import Committer
from deepcrop.errors import JobIncomplete, WriteError


class Recorder:
    """A manifest and a lease that note what is asked of them."""

    def __init__(self) -> None:
        self.parts: list[int] = []
        self.renewals = 0
        self.error: Exception | None = None

    def append(self, rows: pa.Table) -> None:
        if self.error is not None:
            raise self.error
        self.parts.append(rows.num_rows)

    def renew(self) -> None:
        self.renewals += 1


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def clock(monkeypatch):
    state = {"time": 1000.0}
    monkeypatch.setattr(committer.time, "monotonic", lambda: state["time"])
    return state


def rows(count: int) -> pa.Table:
    return pa.table({"row": list(range(count))})


def test_a_part_is_written_when_it_is_full(recorder, clock):
    rows_of_run = Committer(recorder, recorder)
    for _ in range(5):
        rows_of_run.add(rows(committer.PART_ROWS // 2))
    assert recorder.parts == [committer.PART_ROWS] * 2
    rows_of_run.commit()
    assert recorder.parts[2:] == [committer.PART_ROWS // 2] and recorder.renewals == 3


def test_a_part_is_written_when_its_time_is_over(recorder, clock):
    rows_of_run = Committer(recorder, recorder)
    rows_of_run.add(rows(3))
    rows_of_run.commit_if_due()
    assert recorder.parts == []
    clock["time"] += committer.PART_SECONDS + 1
    rows_of_run.commit_if_due()
    assert recorder.parts == [3]
    clock["time"] += committer.PART_SECONDS + 1
    rows_of_run.add(rows(4))
    assert recorder.parts == [3, 4]


def test_the_lease_is_renewed_though_there_are_no_rows(recorder, clock):
    Committer(recorder, recorder).commit()
    assert recorder.parts == [] and recorder.renewals == 1


def test_rows_that_the_store_refuses_are_dropped_at_the_end_and_reported_before(recorder, clock):
    rows_of_run = Committer(recorder, recorder)
    recorder.error = WriteError("no space left")
    rows_of_run.add(rows(3))
    with pytest.raises(WriteError):
        rows_of_run.commit()
    rows_of_run.commit_if_possible()
    assert rows_of_run.uncommitted == []


def test_a_run_that_lost_its_lease_writes_nothing(recorder, clock, monkeypatch):
    def taken() -> None:
        raise JobIncomplete("another run has taken over")

    monkeypatch.setattr(recorder, "renew", taken)
    rows_of_run = Committer(recorder, recorder)
    rows_of_run.add(rows(3))
    with pytest.raises(JobIncomplete):
        rows_of_run.commit_if_possible()
    assert recorder.parts == []

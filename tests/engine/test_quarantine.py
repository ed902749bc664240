"""The quarantine gives every source a row, whatever happens to its process."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy
import pyarrow as pa
import pytest
import ray

from deepcrop.engine.actor_errors import ActorError
from deepcrop.engine.layout import Layout
from deepcrop.engine.quarantine import QuarantineExecutor
from deepcrop.errors import JobIncomplete, RequestError
from deepcrop.job import Job
from deepcrop.schema import SOURCES
from deepcrop.sources.index import ParquetListing, to_parquet
from deepcrop.storage import Storage

pytestmark = pytest.mark.usefixtures("cluster")


def rows(folder: Path, work) -> list[dict]:
    """Put one source into quarantine, with ``work`` in place of the stages; return its row."""
    job = Job(input="/in", output=str(folder / "out"), method="center", aspects=("1:1",))
    source = dict.fromkeys(SOURCES.names) | {"source_id": 7, "source_uri": "/in/a", "key": "a"}
    listing = ParquetListing(to_parquet(pa.Table.from_pylist([source], schema=SOURCES)))
    executor = QuarantineExecutor(job, Storage(), Layout(True, 1, 0.5, 0.0), listing)
    executor.task = ray.remote(max_calls=1, max_retries=0, num_returns="streaming", num_cpus=0.5)(
        work
    )
    tables = executor.run(numpy.array([0]), heartbeat=lambda: None)
    return pa.concat_tables(tables).to_pylist()


def test_a_source_on_which_the_work_fails_ends_as_a_row_with_the_error(tmp_path):
    def fails(*_):
        yield "fetch"
        yield "decode"
        yield ActorError("call", "ValueError", "five: 5", is_request_error=False)

    [row] = rows(tmp_path, fails)
    assert (row["error_class"], row["attempts"]) == ("WorkerDied", 3)
    words = "its work failed 3 times in a row at the stage decode (ValueError: five: 5)"
    assert row["error_message"] == words


def test_a_source_that_kills_its_process_ends_as_a_row(tmp_path):
    def dies(*_):
        yield "infer"
        os._exit(1)

    [row] = rows(tmp_path, dies)
    assert (row["error_class"], row["attempts"]) == ("WorkerDied", 3)
    # The name of the stage may be lost with the process that has just sent it.
    words = r"its process died 3 times in a row( at the stage infer)? \(.+\)"
    assert re.fullmatch(words, row["error_message"])


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        (True, RequestError, "^weights: wrong$"),
        (False, JobIncomplete, "an actor could not start \\(RuntimeError: weights: wrong\\)"),
    ],
)
def test_a_process_that_cannot_start_is_not_the_fault_of_the_source(tmp_path, wrong, kind, words):
    def cannot_start(*_):
        yield ActorError("start", "RuntimeError", "weights: wrong", is_request_error=wrong)

    with pytest.raises(kind, match=words):
        rows(tmp_path, cannot_start)

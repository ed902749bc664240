"""Run again what failed: a new row takes the place of the failed one, in the same part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .. import errors as taxonomy
from ..errors import RequestError, SourceError
from .job import Job
from .result import Progress, Result
from .run import Driver
from .status import job_of, open_job


def retry(
    output: str, classes: Sequence[str], endpoint: str | None, progress: Progress
) -> tuple[Result, float]:
    """Run again the failed sources of the job at ``output``.

    Args:
        output: the job's output.
        classes: only failures of these classes (or of their stages); all where empty.
        endpoint: URL of the S3 server, where it is not the usual one.
        progress: who wants to know.

    Returns:
        The job's counts after the run, and its ``max_failed``.

    Raises:
        RequestError: there is no job there, or an unknown class.
    """
    wanted = {name for each in classes for name in _names(each)}
    manifest, record = open_job(output, endpoint)
    job = job_of(manifest, record, endpoint)
    driver = _Retry(job, progress, wanted)
    return driver.run(overwrite=False), job.max_failed


class _Retry(Driver):
    """A run that takes failed rows back before it begins.

    The part that holds a failed row is rewritten without it, whole; from then on its source is one
    without a row, as after an interruption, and an interrupted retry is resumed as any job is.
    """

    def __init__(self, job: Job, progress: Progress, classes: set[str]) -> None:
        super().__init__(job, progress)
        self.classes = classes

    relists = False

    def _prepare(self, record: dict[str, Any]) -> None:
        self.manifest.write_record(record | {"status": "running"})
        self.manifest.take_back(self._again)

    def _again(self, rows: pa.Table) -> pa.Array:
        failed = pc.equal(rows["status"], "failed")
        if not self.classes:
            return failed
        named = pc.is_in(rows["error_class"], value_set=pa.array(sorted(self.classes)))
        return pc.and_(failed, named)


def _names(name: str) -> list[str]:
    """Return the error classes that a class or a stage stands for."""
    every = [
        each
        for each in vars(taxonomy).values()
        if isinstance(each, type) and issubclass(each, SourceError)
    ]
    found = [
        sub.__name__
        for each in every
        if name in (each.__name__, each.stage)
        for sub in every
        if issubclass(sub, each)
    ]
    if not found:
        known = ", ".join(each.__name__ for each in every)
        raise RequestError(f"--errors {name!r}: no such class; one of: {known}")
    return found

"""Run again what failed: a new row takes the place of the failed one, in the same part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .. import errors as taxonomy
from ..errors import RequestError, SourceError, WorkerDied
from ..job import Job
from ..manifest.status import job_of, open_job
from ..manifest.summary import RunSummary
from ..progress import Progress
from ..schema import STAGES
from .driver import Driver


def retry(
    output: str,
    classes: Sequence[str],
    endpoint: str | None,
    progress: Progress,
    changes: Mapping[str, Any] | None = None,
) -> tuple[RunSummary, float | None]:
    """Run again the failed sources of the job at ``output``.

    Args:
        output: the job's output.
        classes: only failures of these classes (or of their stages); all where empty.
        endpoint: URL of the S3 server, where it is not the usual one.
        progress: who wants to know.
        changes: fields of the job that are other ones from now on, such as its ``time_limit``.

    Returns:
        The job's counts after the run, and its ``max_failed``.

    Raises:
        RequestError: there is no job there, or an unknown class.
    """
    wanted = {name for each in classes for name in _names(each)}
    manifest, record = open_job(output, endpoint)
    job = job_of(manifest, record, endpoint, changes)
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
        self.manifest.delete_rows(self._again)

    def _again(self, rows: pa.Table) -> pa.Array:
        failed = pc.equal(rows["status"], "failed")
        if not self.classes:
            return failed
        names = pa.array(sorted(self.classes))
        named = (pc.is_in(rows[f"error_{kind}"], value_set=names) for kind in ("class", "stage"))
        return pc.and_(failed, pc.or_(*named))


def _names(name: str) -> list[str]:
    """Return the error classes that a class stands for, or the stage itself."""
    if name in (*STAGES, WorkerDied.stage):
        return [name]
    every = [
        each
        for each in vars(taxonomy).values()
        if isinstance(each, type) and issubclass(each, SourceError)
    ]
    found = [
        sub.__name__
        for each in every
        if name == each.__name__
        for sub in every
        if issubclass(sub, each)
    ]
    if not found:
        known = ", ".join(each.__name__ for each in every)
        raise RequestError(f"--errors {name!r}: no such class or stage; one of: {known}")
    return found

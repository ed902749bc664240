"""Run again what failed: a new row takes the place of the failed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import errors as taxonomy
from ..errors import RequestError, SourceError, WorkerDied
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
        progress: is told of the run's progress.
        changes: fields of the job that change from now on, such as its ``time_limit``.

    Returns:
        The job's counts after the run, and its ``max_failed``.

    Raises:
        RequestError: there is no job there, or an unknown class.
    """
    wanted = {name for each in classes for name in _names(each)}
    manifest, record = open_job(output, endpoint)
    job = job_of(manifest, record, endpoint, changes)
    driver = Driver(job, progress, relists=False, retries=frozenset(wanted))
    return driver.run(), job.max_failed


def _names(name: str) -> list[str]:
    """Return the error classes that a class stands for, or the stage itself."""
    if name in (*STAGES, WorkerDied.stage):
        return [name]
    classes = [
        each
        for each in vars(taxonomy).values()
        if isinstance(each, type) and issubclass(each, SourceError)
    ]
    found = [
        sub.__name__
        for each in classes
        if name == each.__name__
        for sub in classes
        if issubclass(sub, each)
    ]
    if not found:
        known = ", ".join(each.__name__ for each in classes)
        raise RequestError(f"--errors {name!r}: no such class or stage; one of: {known}")
    return found

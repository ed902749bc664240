"""Apply corrections to the job of an output, whose settings stand in its record."""

from __future__ import annotations

from ..job import Job
from ..manifest.status import job_of, open_job
from ..manifest.summary import RunSummary
from ..progress import Progress
from ..sources.corrections import Corrections
from .driver import Driver, RunOptions


def correct(
    output: str, corrections: str, endpoint: str | None, progress: Progress
) -> tuple[RunSummary, Job]:
    """Apply a file of corrections to the job at ``output``: only what they change is done again.

    Sources that have no row yet, because the job was interrupted, are worked on too. New sources of
    the input are not looked for.

    Args:
        output: the job's output.
        corrections: a table, see :mod:`deepcrop.sources.corrections`.
        endpoint: URL of the S3 server, where it is not the job's.
        progress: is told of the run's progress.

    Returns:
        The job's counts after the run, and the job.

    Raises:
        RequestError: there is no job there, or a correction doesn't fit the job.
        JobIncomplete: the run was stopped; the same again resumes it.
    """
    manifest, record = open_job(output, endpoint)
    job = job_of(manifest, record, endpoint)
    driver = Driver(job, progress, Corrections.read(corrections, job), relists=False)
    return driver.run(), job


def apply_marks(
    output: str, endpoint: str | None, progress: Progress, wait: float = 0.0
) -> tuple[RunSummary, Job]:
    """Apply the pending marks of the job at ``output``: only what they change is done again.

    Sources that have no row yet are worked on too, and new sources are not looked for, as with
    :func:`correct`.

    Args:
        output: the job's output.
        endpoint: URL of the S3 server, where it is not the job's.
        progress: is told of the run's progress.
        wait: seconds for which to wait until another run on the output ends.

    Returns:
        The job's counts after the run, and the job.

    Raises:
        RequestError: there is no job there.
        JobIncomplete: the run was stopped; the same again resumes it.
    """
    manifest, record = open_job(output, endpoint)
    job = job_of(manifest, record, endpoint)
    driver = Driver(job, progress, relists=False, marks=True)
    return driver.run(RunOptions(wait=wait)), job

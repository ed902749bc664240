"""Apply corrections to a job that is there: it knows its own settings."""

from __future__ import annotations

from ..job import Job
from ..manifest.status import job_of, open_job
from ..manifest.summary import RunSummary
from ..progress import Progress
from ..sources.corrections import Corrections
from .driver import Driver


def correct(
    output: str, corrections: str, endpoint: str | None, progress: Progress
) -> tuple[RunSummary, Job]:
    """Honour a file of corrections in the job at ``output``: only what it touches is done again.

    Sources that have no row yet, because the job was interrupted, are worked on too.

    Args:
        output: the job's output.
        corrections: a table, see :mod:`deepcrop.sources.corrections`.
        endpoint: URL of the S3 server, where it is not the job's.
        progress: who wants to know.

    Returns:
        The job's counts after the run, and the job.

    Raises:
        RequestError: there is no job there, or a correction makes no sense for it.
        Interrupted: the run was stopped; the same again resumes it.
    """
    manifest, record = open_job(output, endpoint)
    job = job_of(manifest, record, endpoint)
    driver = _Correct(job, progress, Corrections.read(corrections, job))
    return driver.run(overwrite=False), job


class _Correct(Driver):
    """A run that takes the sources as they were listed, and looks for no new ones."""

    relists = False

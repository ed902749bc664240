"""Make variants again that are not there any more, or that somebody changed."""

from __future__ import annotations

from collections.abc import Collection

from ..manifest.status import job_of, open_job
from ..manifest.summary import RunSummary
from ..progress import Progress
from .driver import Driver


def repair(
    output: str, damaged: Collection[str], endpoint: str | None, progress: Progress
) -> RunSummary:
    """Make variants of the job at ``output`` again, from their sources and recorded crop boxes.

    The input is not listed. What a source that has changed since is worked on as a whole.

    Args:
        output: the job's output.
        damaged: URIs of the variants.
        endpoint: URL of the S3 server, where it is not the usual one.
        progress: is told of the run's progress.

    Raises:
        RequestError: there is no job there.
        JobIncomplete: the run was stopped; repairing again resumes it.
    """
    manifest, record = open_job(output, endpoint)
    job = job_of(manifest, record, endpoint)
    return Driver(job, progress, relists=False, damaged=frozenset(damaged)).run()

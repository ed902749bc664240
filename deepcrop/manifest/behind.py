"""How far an output is behind its input: what the next run of its job would find to do."""

from __future__ import annotations

from ..errors import RequestError, SourceError
from .changes import Changes
from .corrections import all_corrections
from .pending_marks import PendingMarks
from .status import job_of, open_job
from .survey import Question, list_and_survey, survey_locally


def behind(output: str, endpoint: str | None = None, *, large: bool = False) -> Changes | None:
    """List the input of a job, and compare it with the output; nothing is written.

    Args:
        output: the job's output.
        endpoint: URL of the S3 server, where it is not the job's.
        large: whether to list an input that takes long, and to raise what prevents it.

    Returns:
        What there is to do; None where the input is large or can't be listed from here.

    Raises:
        RequestError: there is no job there; or, if ``large``, the input can't be listed.
    """
    manifest, record = open_job(output, endpoint)
    try:
        job = job_of(manifest, record, endpoint)
        corrections = all_corrections(PendingMarks.of(job, manifest).corrections, manifest)
        question = Question(job, corrections, record)
        if large:
            return list_and_survey(question, job.storage, manifest.output).changes
        found = survey_locally(question, job.storage, manifest.output)
    except (RequestError, SourceError):
        if large:
            raise
        return None
    return None if found is None else found.changes

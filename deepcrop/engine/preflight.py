"""Where a job reads and writes: looked at before anything starts."""

from __future__ import annotations

from ..errors import RequestError
from ..job import Job
from ..storage import is_inside


def check_places(job: Job, *, lists: bool = True) -> None:
    """Make sure that a job can read its input and write its output.

    Args:
        job: whose places they are.
        lists: whether it will list the input. A run that takes up what was listed before doesn't:
            a relative input, seen from another folder, is no fault then.

    Raises:
        RequestError: it can't, or the one lies inside the other.
    """
    if is_inside(job.output, job.input):
        raise RequestError(
            f"output {job.output}: lies inside the input {job.input}, "
            "so its variants would be sources next time; choose another place"
        )
    if lists:
        job.storage.check_readable(job.input)
    job.storage.check_writable(job.output)

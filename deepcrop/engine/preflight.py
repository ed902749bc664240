"""The check of a job's input and output before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import RequestError
from ..job import Job
from ..sources.captions import Captions
from ..storage import is_inside
from ..storage.uri import local_path, scheme


def check_input_output(job: Job, *, lists: bool = True) -> None:
    """Make sure that a job can read its input and write its output.

    Args:
        job: the job.
        lists: whether the run lists the input. One that uses an earlier listing doesn't, and its
            relative input may not exist when it is seen from another folder.

    Raises:
        RequestError: it can't, the output lies inside the input, or the caption is a function that
            can't be imported.
    """
    if is_inside(job.output, job.input):
        raise RequestError(
            f"output {job.output}: lies inside the input {job.input}, "
            "so its variants would be sources next time; choose another place"
        )
    Captions(job.caption)
    if lists:
        job.storage.check_readable(job.input)
    job.storage.check_writable(job.output)


@contextmanager
def without_empty_folders(output: str) -> Iterator[None]:
    """Leave no empty folders behind where a request turns out to be wrong.

    Args:
        output: the canonical URI of the output. Its folders that don't exist yet are removed again
            if the block ends with a :class:`.RequestError` and nothing is in them.
    """
    missing: list[Path] = []
    if scheme(output) == "file":
        path = Path(local_path(output))
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        yield
    except RequestError:
        with suppress(OSError):
            for folder in missing:
                folder.rmdir()
        raise

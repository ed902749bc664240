"""The command of a job, as the page shows it."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import PurePath

from ..job import Job
from ..storage import canonical, is_inside
from ..storage.uri import scheme


def run_command(job: Job) -> str:
    """Return the command that runs a job, for a shell."""
    words = ["deepcrop", "run", "--input", job.input, "--output", job.output]
    words += ["--method", job.method]
    for aspect in job.aspects:
        words += ["--aspect", aspect]
    for size in job.sizes:
        words += ["--size", size]
    named = {"input", "output", "method", "aspects", "sizes"}
    fields = json.loads(job.model_dump_json(exclude_defaults=True, exclude=named))
    for field, value in fields.items():
        words += ["--set", f"{field}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)


def with_absolute_input(job: Job, root: str) -> Job:
    """Return a job whose input doesn't depend on the folder that a command is run in.

    A job records its input as a person gave it. Its sources tell which folder it was relative to;
    where they don't, as those of a list file, a file of this name in the current folder is taken.

    Args:
        job: the job.
        root: the folder that all its sources lie in.
    """
    if scheme(job.input) != "file" or os.path.isabs(job.input) or "://" in job.input:
        return job
    here = canonical(job.input)
    if (root and is_inside(root, here)) or os.path.isfile(here):
        return job.model_copy(update={"input": here})
    tail = [part for part in PurePath(os.path.normpath(job.input)).parts if part != ".."]
    parts = PurePath(root).parts
    for end in range(len(tail), len(parts) + 1):
        if tail and list(parts[end - len(tail) : end]) == tail:
            return job.model_copy(update={"input": str(PurePath(*parts[:end]))})
    return job

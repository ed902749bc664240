"""The command ``deepcrop submit``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import JobIncomplete, RequestError
from .options import Changes, Debug, JobFile, Licence, Overwrite, changes

if TYPE_CHECKING:
    from ..engine.submission import Submission


def submit(
    job_file: JobFile,
    address: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="RAY_API_SERVER_ADDRESS",
            help="Address of the cluster's dashboard, such as http://head:8265.",
        ),
    ],
    wait: Annotated[
        bool, typer.Option("--wait", help="Print the job's log, and exit with its status.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="With --wait: let Ctrl-C stop the job too.")
    ] = False,
    runtime_env: Annotated[
        Path | None,
        typer.Option(metavar="ENV.YAML", help="Ray's runtime environment; put no secrets in it."),
    ] = None,
    licence: Licence = None,
    set_: Changes = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Submit a job to a Ray cluster; it runs on when this command has ended.

    The cluster's nodes need deepcrop and their own credentials: only the job file is sent.

    **Examples**

    `deepcrop submit job.yaml --address http://head:8265`

    `deepcrop submit job.yaml --address http://head:8265 --wait --cancel`
    """
    from ..engine.submission import submit as submit_job
    from ..job import Job, read_yaml

    if cancel and not wait:
        raise RequestError("--cancel: nothing to cancel without --wait")
    job = Job.read(job_file, changes(set_, licence))
    environment = read_yaml(runtime_env) if runtime_env else None
    submission = submit_job(job, address, overwrite=overwrite, environment=environment)
    typer.echo(f"submitted {submission.identity} to {address}")
    if not wait:
        typer.echo(f"follow    ray job logs --follow {submission.identity} --address {address}")
        typer.echo(f"stop      ray job stop {submission.identity} --address {address}")
        typer.echo(f"progress  deepcrop status {job.output}")
        return
    raise typer.Exit(_follow(submission, address, cancel))


def _follow(submission: Submission, address: str, cancel: bool) -> int:
    try:
        return submission.follow(lambda text: print(text, end="", file=sys.stderr, flush=True))
    except KeyboardInterrupt:
        if cancel:
            submission.cancel()
            raise JobIncomplete(
                f"{submission.identity}: cancelled; submit it again to resume"
            ) from None
        raise JobIncomplete(
            f"{submission.identity}: goes on without this command; to stop it: "
            f"ray job stop {submission.identity} --address {address}"
        ) from None

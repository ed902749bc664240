"""Commands that look at a cluster: hand it a job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import Interrupted, RequestError
from .options import assignments

if TYPE_CHECKING:
    from ..pipeline.submission import Submission


def submit(
    job_file: Annotated[Path, typer.Argument(metavar="JOB.YAML", help="A job written as a file.")],
    address: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="RAY_API_SERVER_ADDRESS",
            help="The cluster's dashboard, such as http://head:8265.",
        ),
    ],
    wait: Annotated[
        bool, typer.Option("--wait", help="Show what it says, and end with its exit status.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="With --wait: Ctrl-C stops the job too.")
    ] = False,
    runtime_env: Annotated[
        Path | None,
        typer.Option(metavar="ENV.YAML", help="Ray's runtime environment; never secrets."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a field of the file."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove the output's job and start afresh.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Hand a job to a Ray cluster; it goes on when this command has ended.

    The cluster's nodes need deepcrop, and credentials of their own: only the file travels.

    **Examples**

    `deepcrop submit job.yaml --address http://head:8265`

    `deepcrop submit job.yaml --address http://head:8265 --wait --cancel`
    """
    from ..pipeline.job import Job, read_yaml
    from ..pipeline.submission import submit as hand_over

    if cancel and not wait:
        raise RequestError("--cancel: nothing to cancel without --wait")
    job = Job.read(job_file, assignments(set_, "--set"))
    environment = read_yaml(runtime_env) if runtime_env else None
    submission = hand_over(job, address, overwrite=overwrite, environment=environment)
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
            raise Interrupted(
                f"{submission.identity}: cancelled; submit it again to resume"
            ) from None
        raise Interrupted(
            f"{submission.identity}: goes on without this command; to stop it: "
            f"ray job stop {submission.identity} --address {address}"
        ) from None

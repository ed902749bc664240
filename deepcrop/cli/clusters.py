"""Commands about other machines: hand a cluster a job, plan what it would take."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import Interrupted, RequestError
from .options import AsJson, Changes, Debug, Overwrite, assignments
from .tables import show_plan

if TYPE_CHECKING:
    from ..engine.submission import Submission


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
    set_: Changes = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Hand a job to a Ray cluster; it goes on when this command has ended.

    The cluster's nodes need deepcrop, and credentials of their own: only the file travels.

    **Examples**

    `deepcrop submit job.yaml --address http://head:8265`

    `deepcrop submit job.yaml --address http://head:8265 --wait --cancel`
    """
    from ..engine.submission import submit as hand_over
    from ..job import Job, read_yaml

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


def plan(
    job_file: Annotated[Path, typer.Argument(metavar="JOB.YAML", help="A job written as a file.")],
    machine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A machine of the prices; by default those at hand."),
    ] = None,
    nodes: Annotated[int, typer.Option(min=1, help="How many such machines.")] = 1,
    timed: Annotated[
        int,
        typer.Option(
            min=2, help="Sources to time while all processes are at work; more are worked on."
        ),
    ] = 48,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prices other than the package's.")
    ] = None,
    set_: Changes = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Work on a sample, keep nothing, and say what the whole job would take and cost.

    A machine is reckoned to be as fast, CPU for CPU and GPU for GPU, as the one that this runs on.

    **Examples**

    `deepcrop plan job.yaml`

    `deepcrop plan job.yaml --machine c7i.16xlarge --nodes 4`
    """
    from ..job import Job
    from ..planning.plan import plan as project
    from ..planning.prices import TABLE, Prices

    table = Prices.read(prices or TABLE)
    job = Job.read(job_file, assignments(set_, "--set"))
    print("working on a sample of the sources", file=sys.stderr, flush=True)
    planned = project(job, table, timed=timed, machine=machine, nodes=nodes)
    if as_json:
        typer.echo(json.dumps(planned.record(), indent=2))
    else:
        show_plan(planned, table)

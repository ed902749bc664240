"""The command ``deepcrop plan``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, Changes, Debug, JobFile, Licence, changes
from .output import show_plan


def plan(
    job_file: JobFile,
    machine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Machine type of the price table; by default this cluster's."
        ),
    ] = None,
    nodes: Annotated[int, typer.Option(min=1, help="Number of such machines.")] = 1,
    timed: Annotated[
        int,
        typer.Option(
            min=2, help="Sources to time while all processes are at work; more are worked on."
        ),
    ] = 48,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Price table in place of the package's.")
    ] = None,
    licence: Licence = None,
    set_: Changes = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Process a sample, keep nothing of it, and print what the whole job would take and cost.

    A machine is assumed to be as fast, CPU for CPU and GPU for GPU, as the one that this runs on.

    **Examples**

    `deepcrop plan job.yaml`

    `deepcrop plan job.yaml --machine c7i.16xlarge --nodes 4`
    """
    from ..job import Job
    from ..planning.plan import plan as project
    from ..planning.prices import TABLE, Prices

    table = Prices.read(prices or TABLE)
    if machine:
        table.machine(machine)  # refused before a sample is announced
    job = Job.read(job_file, changes(set_, licence))
    print("processing a sample of the sources", file=sys.stderr, flush=True)
    planned = project(job, table, timed=timed, machine=machine, nodes=nodes)
    if as_json:
        typer.echo(json.dumps(planned.record(), indent=2))
    else:
        show_plan(planned, table)

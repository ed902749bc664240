"""Play the life of a library: ``python -m jobs.library --photos 2000 --rounds 30``.

In every round photos are added, edited, renamed and removed, ratios and sizes are asked for or
dropped, people correct, weights change; runs that are killed at random changes of the store bring
the output up to date. Then it must equal a fresh one, and no more may have been computed than
needed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from pathlib import Path
from typing import Annotated

import boto3
import typer
from rich.console import Console
from rich.table import Table

from jobs.faults.library.life import Life, Round
from jobs.faults.library.method import install, uninstall
from jobs.faults.proxy import Faults
from jobs.faults.servers import fault_proxy, s3_server

FAULTS = Faults(slowdown=0.01, reset=0.005, lost=0.005, truncate=0.01, corrupt=0.01, streak=3)


def main(
    photos: Annotated[int, typer.Option(help="Photos at the beginning.")] = 2000,
    rounds: Annotated[int, typer.Option(help="Rounds.")] = 30,
    seed: Annotated[int, typer.Option(help="Seed of all choices.")] = 0,
    s3: Annotated[bool, typer.Option("--s3", help="On an S3 server with faults.")] = False,
    check_every: Annotated[int, typer.Option(help="Rounds between comparisons.")] = 1,
) -> None:
    """Print a line for each round; exit with 1 if anything is wrong."""
    wrong, found = 0, []
    logging.disable(logging.WARNING)  # of photos that can't be read
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="library-")))
        install(folder / "site")
        stack.callback(uninstall, folder / "site")
        root = _bucket(stack, seed) if s3 else None
        life = Life(folder, photos, seed, root=root, check_every=check_every)
        for number in range(rounds):
            each = life.round(number)
            found.append(each)
            print(_line(each), flush=True)
            for problem in each.problems:
                print(f"  {problem}", flush=True)
            wrong += bool(each.problems)
    _show(found)
    if wrong:
        raise typer.Exit(1)


def _bucket(stack: contextlib.ExitStack, seed: int) -> str:
    server = stack.enter_context(s3_server())
    os.environ |= {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": server.endpoint,
    }
    boto3.client("s3", endpoint_url=server.endpoint).create_bucket(Bucket="library")
    proxy = stack.enter_context(fault_proxy(server.endpoint, FAULTS, seed))
    os.environ["AWS_ENDPOINT_URL"] = proxy
    return "s3://library"


def _line(each: Round) -> str:
    done = ", ".join(f"{name} {count}" for name, count in sorted(each.done.items()))
    events = "; ".join(each.events) or "nothing"
    return (
        f"round {each.number}: {each.sources} photos ({events}), {each.kills} kills, "
        f"{each.seconds:.1f} s ({each.fresh_seconds:.1f} s afresh): {done}"
    )


def _show(rounds: list[Round]) -> None:
    table = Table("rounds", "kills", "s", "s afresh", "problems", box=None)
    sums = [sum(each.kills for each in rounds)]
    sums += [round(sum(each.seconds for each in rounds))]
    sums += [round(sum(each.fresh_seconds for each in rounds))]
    sums += [sum(len(each.problems) for each in rounds)]
    table.add_row(str(len(rounds)), *map(str, sums))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)

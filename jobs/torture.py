"""Torture a job: ``python -m jobs.torture --rounds 20``, in the folder that holds ``jobs``.

It kills workers, actors, nodes and drivers at random times, on a store that injects faults, until
the job is done; then it compares every row and every byte with the output of an undisturbed run.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from jobs.faults.torture.method import METHODS
from jobs.faults.torture.rounds import Round, Torture, table


def main(
    rounds: Annotated[int, typer.Option(help="Number of jobs, each with its own seed.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the first round.")] = 0,
    objects: Annotated[int, typer.Option(help="Number of sources.")] = 1000,
    kills: Annotated[int, typer.Option(help="Processes and nodes to kill in a round.")] = 6,
    method: Annotated[str, typer.Option(help=f"One of: {', '.join(METHODS)}.")] = "center",
) -> None:
    """Print a table of the rounds; exit with 1 if any output is incomplete or wrong."""
    if method not in METHODS:
        raise typer.BadParameter(f"{method!r}; expected one of: {', '.join(METHODS)}")
    done: list[Round] = []
    with Torture(objects, 0, lambda text: print(text, flush=True), method) as torture:
        for number in range(seed, seed + rounds):
            done.append(torture.round(number, kills))
            _, line, _ = table(done[-1:])
            print(
                f"round {number}: {dict(zip(table(done[-1:])[0], line, strict=True))}", flush=True
            )
            for problem in [*done[-1].problems, *_examples(done[-1])]:
                print(f"  {problem}", flush=True)
    _show(done)
    if not all(each.clean for each in done):
        raise typer.Exit(1)


def _examples(done: Round) -> list[str]:
    return [f"{name}: {each[:5]}" for name, each in vars(done.findings).items() if each]


def _show(rounds: list[Round]) -> None:
    names, *lines = table(rounds)
    shown = Table(*map(str, names), box=None)
    for line in lines:
        shown.add_row(*map(str, line))
    Console(width=220).print(shown)


if __name__ == "__main__":
    typer.run(main)

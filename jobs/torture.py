"""Torture a job: ``python -m jobs.torture --rounds 20`` from the repository's root.

Kills workers, actors, nodes and drivers at random times behind a store that lies, until the job is
done; then compares every row and every byte with what an undisturbed run made.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from jobs.faults.torture.method import METHODS
from jobs.faults.torture.rounds import Round, Torture, table


def main(
    rounds: Annotated[int, typer.Option(help="Jobs, each with a seed of its own.")] = 1,
    seed: Annotated[int, typer.Option(help="The first round's seed.")] = 0,
    objects: Annotated[int, typer.Option(help="Objects in the corpus.")] = 1000,
    kills: Annotated[int, typer.Option(help="Processes and nodes killed in a round.")] = 6,
    method: Annotated[str, typer.Option(help=f"One of: {', '.join(METHODS)}.")] = "center",
) -> None:
    """Print a table of the rounds; exit 1 if anything was lost, doubled, orphaned or wrong."""
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

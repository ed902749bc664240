"""Fuzz the image readers: ``python -m jobs.fuzz 20000``, in the folder that holds ``jobs``."""

import time
from typing import Annotated

import typer

from jobs.faults.fuzz.watcher import run


def main(
    count: Annotated[int, typer.Argument(help="Number of mutations to decode.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the mutations.")] = 0,
    limit: Annotated[float, typer.Option(help="Seconds after which a decode is a hang.")] = 10.0,
) -> None:
    """Decode mutated images and print the outcomes by format; exit with 1 on a crash or a hang."""
    begin = time.monotonic()
    found = run(count, seed, limit, lambda done: _print_every(done, 2000))
    for (format, outcome), times in sorted(found.outcomes.items()):
        typer.echo(f"{format:6} {outcome:12} {times:7}")
    typer.echo(f"{count} mutations in {time.monotonic() - begin:.0f} s, seed {seed}")
    typer.echo(f"slowest {found.slowest[0]:.2f} s (mutation {found.slowest[1]})")
    typer.echo(f"memory growth after warm-up {found.growth / 2**20:.0f} MiB")
    for kind in ("escaped", "crashes", "hangs"):
        culprits = getattr(found, kind)
        typer.echo(f"{kind}: {len(culprits)} {culprits[:20]}")
    if found.escaped or found.crashes or found.hangs:
        raise typer.Exit(1)


def _print_every(done: int, step: int) -> None:
    if done % step == 0:
        typer.echo(f"{done} done", err=True)


if __name__ == "__main__":
    typer.run(main)

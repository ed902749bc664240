"""The command ``deepcrop verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .exits import EXIT_FAILURES
from .options import Debug, Endpoint, OutputArgument
from .output import print_table, show_summary

if TYPE_CHECKING:
    from ..manifest.verification import Audit


def verify(
    output: OutputArgument,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make absent and wrong variants again, then verify.")
    ] = False,
    s3_endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Read every row and every variant, and compare them with what the manifest says.

    It reports:

    * lost: a listed source has no row.
    * duplicated: a source has two rows, or two rows name the same variant.
    * stale: a row was made of other bytes than the listing has.
    * orphaned: no row names a file below variants/.
    * absent: a row names a variant that doesn't exist.
    * wrong: a variant's bytes, hash, format or pixel size differ from its row.
    * inconsistent: manifest/variants differs from manifest/images, or a duplicate isn't one.
    * unreadable: a part of the manifest can't be read, or its columns differ from the others'.

    Each problem is explained, with its remedy. Exit status: 0 no problem, 1 problems were found
    and, with --repair, are left.

    **Examples**

    `deepcrop verify out`

    `deepcrop verify s3://media/out --repair`
    """
    from ..manifest.verify import audit

    found = audit(output, s3_endpoint)
    _show(found)
    if repair and found.damaged:
        _repair(output, found, s3_endpoint)
        found = audit(output, s3_endpoint)
        _show(found)
    if not found.clean:
        raise typer.Exit(EXIT_FAILURES)


def _repair(output: str, found: Audit, endpoint: str | None) -> None:
    from ..engine.repair import repair
    from ..terminal import JobProgress

    typer.echo(f"making again: {len(found.damaged):,} variants")
    progress = JobProgress()
    try:
        summary = repair(output, found.damaged, endpoint, progress)
    finally:
        progress.stop()
    show_summary(summary, None)


def _show(found: Audit) -> None:
    """Print the problems, each with its remedy."""
    from ..manifest.verification import WORDS

    problems = found.problems()
    rows = [[name, f"{len(uris):,}", uris[0] if uris else ""] for name, uris in problems.items()]
    print_table(("problem", "count", "an example"), rows)
    for name in (name for name, uris in problems.items() if uris):
        what, remedy = WORDS[name]
        typer.echo(f"{name}: {what}. To do: {remedy}.")
    if found.clean:
        typer.echo("no problem was found")
    typer.echo(f"{found.sources:,} sources, {found.rows:,} rows, {found.variants:,} variants")

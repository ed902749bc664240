"""The command ``deepcrop verify``."""

from __future__ import annotations

import typer

from .exits import EXIT_FAILURES
from .options import Endpoint, OutputArgument
from .output import print_table


def verify(
    output: OutputArgument,
    s3_endpoint: Endpoint = None,
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

    Each problem is explained, with its remedy. Exit status: 0 no problem, 1 problems were found.
    """
    from ..manifest.verification import WORDS
    from ..manifest.verify import audit

    found = audit(output, s3_endpoint)
    problems = found.problems()
    rows = [[name, f"{len(uris):,}", uris[0] if uris else ""] for name, uris in problems.items()]
    print_table(("problem", "count", "an example"), rows)
    for name in (name for name, uris in problems.items() if uris):
        what, remedy = WORDS[name]
        typer.echo(f"{name}: {what}. To do: {remedy}.")
    if found.clean:
        typer.echo("no problem was found")
    typer.echo(f"{found.sources:,} sources, {found.rows:,} rows, {found.variants:,} variants")
    if not found.clean:
        raise typer.Exit(EXIT_FAILURES)

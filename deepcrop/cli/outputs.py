"""Commands that look at what a job left."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from .exits import EXIT_FAILURES
from .options import AsJson, Debug, Endpoint
from .tables import print_table


def status(
    output: Annotated[str, typer.Argument(metavar="OUTPUT")],
    s3_endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> None:
    """Show a job's progress, failures and flags, from its manifest alone.

    A flag is a short word for what a person should look at, such as `head-cut`.

    **Example**

    `deepcrop status s3://media/out --json`
    """
    from ..manifest.status import read_status
    from ..sources.selection import in_words

    summary = read_status(output, s3_endpoint)
    if as_json:
        typer.echo(json.dumps(summary.record(), indent=2))
        return
    console = Console()
    console.print(summary.headline(), highlight=False)
    if summary.ignored:
        console.print(f"ignored {in_words(summary.ignored)}", highlight=False, soft_wrap=True)
    if summary.errors:
        rows = [[*key, f"{count:,}", example] for key, (count, example) in summary.errors.items()]
        print_table(("stage", "class", "images", "an example"), rows)
    if summary.flags:
        from ..report.flagged import words

        told = [
            [flag, f"{count:,}", words(flag).explanation] for flag, count in summary.flags.items()
        ]
        print_table(("flag", "images", "what it says"), told)


def verify(
    output: Annotated[str, typer.Argument(metavar="OUTPUT")],
    s3_endpoint: Endpoint = None,
) -> None:
    """Read every row and every variant, and check that they are what the manifest says.

    What it may find:

    * lost: a listed source has no row.
    * duplicated: a source has two rows, or two rows claim one variant.
    * orphaned: a file below variants/ that no row names.
    * absent: a row names a variant that is not there.
    * wrong: a variant's bytes, hash, format or pixel size are not what its row says.
    * inconsistent: manifest/variants says other than manifest/images, or a duplicate is no such.
    * unreadable: a part of the manifest can't be read, or its columns aren't the other parts'.

    What is found is explained, with what to do; the exit status is 1 then.
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
    typer.echo(f"{found.sources:,} sources, {found.rows:,} rows, {found.variants:,} variants")
    if not found.clean:
        raise typer.Exit(EXIT_FAILURES)


def report(
    output: Annotated[str, typer.Argument(metavar="OUTPUT")],
    thumbnails: Annotated[
        int, typer.Option(min=0, help="Sources that get a thumbnail, the worst scores first.")
    ] = 2000,
    maps: Annotated[
        int, typer.Option(min=0, help="Sources that get a saliency map, the worst scores first.")
    ] = 0,
    machine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What it ran on, to show its cost; see `deepcrop plan`."),
    ] = None,
    nodes: Annotated[int, typer.Option(min=1, help="How many such machines.")] = 1,
    s3_endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Write the page of a finished or running job: OUTPUT/report/index.html.

    It opens from a file URL and needs no network. Again brings it up to date.

    **Examples**

    `deepcrop report out`

    `deepcrop report s3://media/out --thumbnails 10000 --maps 200`
    """
    from ..report.page import build
    from ..terminal import JobProgress

    progress = JobProgress()
    try:
        page = build(
            output,
            endpoint=s3_endpoint,
            thumbnails=thumbnails,
            maps=maps,
            machine=machine,
            nodes=nodes,
            progress=progress,
        )
    finally:
        progress.stop()
    typer.echo(page)

"""The command ``deepcrop status``."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from .options import AsJson, Debug, Endpoint, OutputArgument
from .output import print_table


def status(
    output: OutputArgument,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="SNAPSHOT|TIME",
            help="Show the state at the end of an earlier run: its snapshot's number, or a date or "
            "time (UTC) after it.",
        ),
    ] = None,
    compare: Annotated[
        bool | None,
        typer.Option(
            "--compare/--no-compare",
            help="List the input, and say how far the output is behind it; by default where that "
            "takes seconds.",
            show_default=False,
        ),
    ] = None,
    s3_endpoint: Endpoint = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show a job's progress, failures and flags, and how far it is behind its input.

    All but the last comes from its manifest alone. A flag names what a person should look at, such
    as `head-cut`. Every run that changes something ends with a snapshot, whose counts --at shows;
    the variants themselves are not kept.

    **Examples**

    `deepcrop status s3://media/out --json`

    `deepcrop status out --at 2026-11-29`
    """
    from ..manifest.behind import behind
    from ..manifest.status import read_status
    from ..sources.selection import in_words

    summary = read_status(output, s3_endpoint, at)
    changes = None
    if at is None and compare is not False:
        changes = behind(output, s3_endpoint, large=bool(compare))
        summary.behind = None if changes is None else changes.record()
    if as_json:
        typer.echo(json.dumps(summary.record(), indent=2))
        return
    console = Console()
    console.print(summary.headline(), highlight=False)
    if summary.at:
        time = summary.at.removesuffix("+00:00")
        console.print(f"as it was at {time} UTC", highlight=False)
    if changes is not None:
        words = f"behind its input: {changes.in_words()}" if changes.behind else "up to date"
        console.print(words, highlight=False)
    elif at is None and compare is None:
        console.print("behind its input: not looked at; --compare lists the input", highlight=False)
    if summary.ignored:
        console.print(f"ignored {in_words(summary.ignored)}", highlight=False, soft_wrap=True)
    if summary.errors:
        rows = [[*key, f"{count:,}", example] for key, (count, example) in summary.errors.items()]
        print_table(("stage", "class", "images", "an example"), rows)
    if summary.flags:
        from ..report.flag_columns import flag_text

        told = [
            [flag, f"{count:,}", flag_text(flag).explanation]
            for flag, count in summary.flags.items()
        ]
        print_table(("flag", "images", "what it says"), told)

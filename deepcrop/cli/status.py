"""The command ``deepcrop status``."""

from __future__ import annotations

import json

import typer
from rich.console import Console

from .options import AsJson, Endpoint, OutputArgument
from .output import print_table


def status(
    output: OutputArgument,
    s3_endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> None:
    """Show a job's progress, failures and flags, from its manifest alone.

    A flag names what a person should look at, such as `head-cut`.

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
        from ..report.flag_columns import flag_text

        told = [
            [flag, f"{count:,}", flag_text(flag).explanation]
            for flag, count in summary.flags.items()
        ]
        print_table(("flag", "images", "what it says"), told)

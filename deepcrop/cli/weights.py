"""The commands ``deepcrop weights list``, ``fetch`` and ``verify``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .options import AsJson
from .output import print_table

weights_app = typer.Typer(help="List, fetch and verify networks' weights.", no_args_is_help=True)


@weights_app.command("list")
def list_weights(
    as_json: AsJson = False,
) -> None:
    """List the named weights, whether they are on this machine, their licences and commercial use.

    The option --licence of other commands refuses weights by the last column.
    """
    from .. import weights as store

    entries = store.catalogue().values()
    if as_json:
        rows = [
            {
                "name": each.name,
                "here": each.path.exists(),
                "sha256": each.sha256,
                "methods": each.methods,
                "licence": each.licence,
                "commercial": each.commercial,
                "commercial_reason": each.commercial_reason,
                "summary": each.summary,
                "path": str(each.path),
            }
            for each in entries
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    print_table(
        ("weights", "here", "of methods", "what they are", "licence", "commercial use"),
        [
            [
                each.name,
                "yes" if each.path.exists() else "no",
                ", ".join(each.methods),
                each.summary,
                each.licence,
                f"{each.commercial}: {each.commercial_reason}",
            ]
            for each in entries
        ],
    )


@weights_app.command("fetch")
def fetch_weights(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names of `deepcrop weights list`.")
    ],
) -> None:
    """Download named weights and check them."""
    from .. import weights as store

    for name in names:
        typer.echo(store.fetch(store.find(name)))


@weights_app.command("verify")
def verify_weights(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="By default all on this machine."),
    ] = None,
) -> None:
    """Compare the hashes of named weights, or of all on this machine, with the catalogue."""
    from .. import weights as store

    here = [each.name for each in store.catalogue().values() if each.path.exists()]
    for name in names or here:
        typer.echo(f"{store.verify(store.find(name))}  {name}")

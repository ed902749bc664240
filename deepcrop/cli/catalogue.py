"""Commands that list what there is: methods and weights."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ..errors import RequestError
from .tables import print_table


def methods(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the methods: what each does, and the weights that it needs."""
    from ..methods import registry

    found = []
    for name in sorted(registry.entries()):
        try:
            found.append(registry.find(name))
        except RequestError as error:  # of a package of others: the rest is listed all the same
            typer.echo(f"deepcrop: {error}", err=True)
    rows = [
        {"name": each.name, "kind": each.kind, "weights": each.weights, "summary": each.summary}
        for each in found
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    print_table(("method", "kind", "weights", "what it does"), [list(row.values()) for row in rows])


weights_app = typer.Typer(help="List, fetch and verify networks' weights.", no_args_is_help=True)


@weights_app.command("list")
def list_weights(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List named weights, their licences, and whether they are here."""
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
                "summary": each.summary,
                "path": str(each.path),
            }
            for each in entries
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    print_table(
        ("weights", "here", "of methods", "what they are", "licence"),
        [
            [
                each.name,
                "yes" if each.path.exists() else "no",
                ", ".join(each.methods),
                each.summary,
                each.licence,
            ]
            for each in entries
        ],
    )


@weights_app.command("fetch")
def fetch_weights(names: Annotated[list[str], typer.Argument(metavar="NAME...")]) -> None:
    """Download named weights and check them."""
    from .. import weights as store

    for name in names:
        typer.echo(store.fetch(store.find(name)))


@weights_app.command("verify")
def verify_weights(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]")] = None,
) -> None:
    """Hash named weights, or all that are here, and compare them with the catalogue."""
    from .. import weights as store

    here = [each.name for each in store.catalogue().values() if each.path.exists()]
    for name in names or here:
        typer.echo(f"{store.verify(store.find(name))}  {name}")

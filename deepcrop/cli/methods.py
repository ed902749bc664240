"""The command ``deepcrop methods``."""

from __future__ import annotations

import json

import typer

from ..errors import RequestError
from .options import AsJson
from .output import print_table


def methods(
    as_json: AsJson = False,
) -> None:
    """List the methods: what each does, and the weights that it needs."""
    from ..methods import registry

    found = []
    for name in sorted(registry.entries()):
        try:
            found.append(registry.find(name))
        except RequestError as error:  # of an installed plugin: the others are listed all the same
            typer.echo(f"deepcrop: {error}", err=True)
    rows = [
        {"name": each.name, "kind": each.kind, "weights": each.weights, "summary": each.summary}
        for each in found
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    print_table(("method", "kind", "weights", "what it does"), [list(row.values()) for row in rows])

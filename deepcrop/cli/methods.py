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
    """List the methods: what each does, the weights that it needs, and what its score says."""
    from ..methods import registry

    found = {}
    for name in sorted(registry.entries()):
        try:
            found[name] = registry.find(name)
        except RequestError as error:  # of an installed plugin: the others are listed all the same
            typer.echo(f"deepcrop: {error}", err=True)
    rows = [
        {
            "name": name,
            "kind": each.kind,
            "weights": each.weights,
            "summary": each.summary,
            "score_meaning": registry.score_meaning(name),
        }
        for name, each in found.items()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    columns = ("method", "kind", "weights", "what it does", "what its score says")
    print_table(columns, [list(row.values()) for row in rows])

"""Train the networks that ship with the package: one subcommand a recipe.

```
python jobs/train.py vgg-slim --shared ../shared
```
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

app = typer.Typer(no_args_is_help=True, help=__doc__)

Shared = Annotated[
    Path, typer.Option(envvar="DEEPCROP_SHARED", help="Folder with data/ and weights/.")
]


@app.callback()
def main() -> None:
    """Train the networks that ship with the package."""


@app.command("vgg-slim")
def vgg_slim(
    shared: Shared = Path("../shared"),
    folder: Annotated[Path, typer.Option(help="Where weights and card go.")] = Path(
        "deepcrop/pretrained"
    ),
    minutes: Annotated[float, typer.Option(help="Wall time.")] = 25.0,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Distil vgg19-slim from the pretrained layers of the shared weights."""
    from deepcrop.training.distillation import Recipe, train_vgg_slim

    torch.set_num_threads(threads)
    train_vgg_slim(shared, folder, Recipe(minutes=minutes))


if __name__ == "__main__":
    app()

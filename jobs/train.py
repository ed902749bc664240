"""Train the networks that ship with the package: one subcommand a recipe.

```
python jobs/train.py captioner --shared ../shared
python jobs/train.py aesthetics --shared ../shared
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
Folder = Annotated[Path, typer.Option(help="Where weights go.")]
Threads = Annotated[int, typer.Option(help="CPU threads.")]
PRETRAINED = Path("deepcrop/pretrained")
TRUNK = Path("weights/mobilenet_v2_imagenet_same_padding.safetensors")


@app.callback()
def main() -> None:
    """Train the networks that ship with the package."""


@app.command()
def captioner(
    shared: Shared = Path("../shared"),
    table: Annotated[
        Path | None,
        typer.Option(help="Images and captions: .json, .csv, .parquet or a folder; Flickr8k's."),
    ] = None,
    folder: Folder = PRETRAINED,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps the features.")] = None,
    threads: Threads = 1,
) -> None:
    """Train CAGIC's captioner and word detectors, and print the figures on the test photos."""
    from deepcrop.training.cagic import train_captioner

    torch.set_num_threads(threads)
    figures = train_captioner(
        table or shared / "data" / "captions_flickr8k", shared / TRUNK, folder, cache=cache
    )
    show(figures)


@app.command()
def aesthetics(
    shared: Shared = Path("../shared"),
    folder: Folder = PRETRAINED,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps the features.")] = None,
    photos: Annotated[int, typer.Option(help="At most so many photos.")] = 2000,
    threads: Threads = 1,
) -> None:
    """Train CAGIC's view ranker, and print the figures on the photos held out."""
    from deepcrop.training.aesthetics import by_hash
    from deepcrop.training.cagic import train_aesthetics

    torch.set_num_threads(threads)
    data = shared / "data"
    paths = by_hash(
        [
            path
            for name in ("gaze_osie/images", "gaze_nus_scene/images", "photos_kodak")
            for path in (data / name).iterdir()
            if path.suffix in (".jpg", ".jpeg", ".png")
        ]
    )
    show(train_aesthetics(paths[:photos], shared / TRUNK, folder, cache=cache))


def show(figures: dict[str, float]) -> None:
    """Print figures, one a line."""
    for name, value in figures.items():
        typer.echo(f"{name}: {value:.4g}")


if __name__ == "__main__":
    app()

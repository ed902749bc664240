"""Evaluate the networks on photos that training never saw.

python jobs/evaluate.py saliency --shared ../shared
"""

from __future__ import annotations

import os
from pathlib import Path

import typer
from rich.console import Console

from deepcrop.training.report import saliency_tables

app = typer.Typer(no_args_is_help=True, add_completion=False)
SHARED = Path(os.environ.get("DEEPCROP_SHARED", "../shared"))


@app.callback()
def main() -> None:
    """Evaluate the networks on photos that training never saw."""


@app.command()
def saliency(
    shared: Path = typer.Option(SHARED, help="Folder that holds data/gaze_*."),
    weights: str = typer.Option("saliency", help="Name or file of the weights."),
    part: str = typer.Option("test", help="test or validation"),
) -> None:
    """Print the saliency metrics, and what crops keep beside the centre, people and other tools."""
    console = Console()
    for table in saliency_tables(shared, weights, part, console.print):
        console.print(table)


@app.command()
def caption(
    shared: Path = typer.Option(SHARED, help="Folder that holds data/objects_coco128."),
    weights: str = typer.Option("cagic", help="Name or file of the weights."),
    photos: int = typer.Option(1000, min=1, help="At most so many photos."),
    row: list[str] = typer.Option(
        ["words:score=words", "captioner:score=captioner"],
        help="NAME:option=value,...: a row of the table.",
    ),
) -> None:
    """Tell whether captions steer CAGIC's crops, beside the centre, saliency and Grad-CAM."""
    from deepcrop.training.steering import steering_table

    console = Console(width=110)
    console.print(steering_table(shared, weights, row, photos, console.print))


if __name__ == "__main__":
    app()

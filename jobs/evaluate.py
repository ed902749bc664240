"""Evaluate the networks on photos that training never saw.

python jobs/evaluate.py saliency --shared ../shared
<<<<<<< HEAD
python jobs/evaluate.py mars --shared ../shared
python jobs/evaluate.py croppings fcdb FCDB_FOLDER --images FCDB_FOLDER/data --method mars
=======
>>>>>>> main
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
def mars(
    shared: Path = typer.Option(SHARED, help="Folder that holds data/gaze_*."),
    weights: str = typer.Option("mars", help="Name or file of the weights."),
    part: str = typer.Option("test", help="test or validation"),
) -> None:
    """Gain at the largest window, kept fixations against area, and speed, on held-out photos."""
    from deepcrop.methods import base
    from deepcrop.training.crop_curves import print_curves, print_gain, print_speed
    from deepcrop.training.datasets import gaze

    photos = getattr(gaze(shared, longest=384), part)
    largest = base.load("mars", device="cpu", weights=weights, window="largest")
    print_gain(largest, photos)
    print_curves(largest, base.load("saliency", device="cpu"), photos)
    predicted = base.load("mars", device="cpu", weights=weights)
    print_speed(predicted, photos)


@app.command()
def croppings(
    dataset: str = typer.Argument(help="fat, fcdb, hcdb, cuhk-icd, gaicd or cpc"),
    annotations: Path = typer.Argument(help="Folder of the annotation files."),
    images: Path = typer.Option(help="Folder of the images."),
    method: str = typer.Option("mars", help="A crop method."),
    split: str = typer.Option("test", help="Part of FAT, FCDB or GAICD."),
    weights: str | None = typer.Option(None, help="Name or file, other than the method's own."),
) -> None:
    """IoU, boundary displacement and centre offset against crops that people drew.

    A method is asked for each annotated crop's own aspect ratio, as in the paper.
    """
    from deepcrop.methods import base
    from deepcrop.training.crop_agreement import agreement
    from deepcrop.training.croppings import read_dataset

    rows = read_dataset(dataset, annotations, split)
    result = agreement(base.load(method, weights=weights), rows, images)
    print(
        f"{dataset} ({result.annotations} crops): IoU {result.iou:.4f}  "
        f"BDE {result.displacement:.4f}  offset {result.offset:.1f} px"
    )
    print(f"best crop of each image: IoU {result.best_iou:.4f}  BDE {result.best_displacement:.4f}")


if __name__ == "__main__":
    app()

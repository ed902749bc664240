"""Evaluate the networks on photos that training never saw.

python jobs/evaluate.py saliency --shared ../shared
python jobs/evaluate.py retargetme --shared ../shared --method dnr --sheet sheets
"""

from __future__ import annotations

import os
from dataclasses import astuple
from pathlib import Path

import torch
import typer
from rich.console import Console
from rich.table import Table

from deepcrop import weights
from deepcrop.methods.base import load
from deepcrop.training.report import saliency_tables
from deepcrop.training.retargetme import evaluate, student_measure, vgg_measure

app = typer.Typer(no_args_is_help=True, add_completion=False)
SHARED = Path(os.environ.get("DEEPCROP_SHARED", "../shared"))


@app.callback()
def main() -> None:
    """Evaluate the networks on photos that training never saw."""


@app.command()
def saliency(
    shared: Path = typer.Option(SHARED, help="Folder that holds data/gaze_*."),
    weights_: str = typer.Option("saliency", "--weights", help="Name or file of the weights."),
    part: str = typer.Option("test", help="test or validation"),
) -> None:
    """Print the saliency metrics, and what crops keep beside the centre, people and other tools."""
    console = Console()
    for table in saliency_tables(shared, weights_, part, console.print):
        console.print(table)


@app.command()
def retargetme(
    shared: Path = typer.Option(SHARED, help="Folder with data/retargetme and weights/."),
    method: list[str] = typer.Option(["dnr"], help="Ours; may be given again."),
    network: str = typer.Option(
        "student", help="That measures: student, or weights' name or file."
    ),
    sheet: Path | None = typer.Option(None, help="Folder for contact sheets (PNG)."),
    case: list[str] = typer.Option([], help="Only these cases."),
    side: int = typer.Option(256, help="Longest edge for FD, whose search is slow; 0: without."),
    threads: int = typer.Option(1, help="CPU threads."),
) -> None:
    """Print our results on RetargetMe beside the eight published ones."""
    torch.set_num_threads(threads)
    console = Console()
    measuring = (
        student_measure(shared / "weights")
        if network == "student"
        else vgg_measure(weights.load(network)[0])
    )
    ours = {name: load(name) for name in method}
    found = evaluate(
        shared / "data" / "retargetme",
        ours,
        measuring,
        load("saliency"),
        sheet=sheet,
        names=case,
        side=side,
        report=console.print,
    )
    table = Table(title=f"RetargetMe, means, measured by {network}")
    for column in ("method", "semantic", "ARS", "FRR", "FD", "discarded"):
        table.add_column(column, justify="left" if column == "method" else "right")
    for name, figures in sorted(found.items(), key=lambda item: -item[1].semantic):
        table.add_row(name, *(f"{value:.4f}" for value in astuple(figures)))
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

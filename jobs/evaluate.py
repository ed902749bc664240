"""Evaluate the networks on photos that aren't used in training.

python -m jobs.evaluate saliency --shared ../shared
python -m jobs.evaluate learning-curve --shared ../shared
python -m jobs.evaluate mars --shared ../shared
python -m jobs.evaluate mars-folds --shared ../shared
python -m jobs.evaluate croppings fcdb FCDB_FOLDER --images FCDB_FOLDER/data --method mars
python -m jobs.evaluate fcdb --shared ../shared --method saliency --method mars
python -m jobs.evaluate pairs --shared ../shared --method saliency
python -m jobs.evaluate subjects --shared ../shared --labels labels
python -m jobs.evaluate people-heads --shared ../shared --labels labels
python -m jobs.evaluate animal-heads --shared ../shared
python -m jobs.evaluate gaze --shared ../shared
python -m jobs.evaluate white-ground --shared ../shared --labels labels
python -m jobs.evaluate blind sheets --method saliency --method mars
python -m jobs.evaluate retargetme --shared ../shared --method dnr --sheet sheets --side 0
python -m jobs.evaluate caption --shared ../shared --row words:score=words,patience=15
python -m jobs.evaluate caption-ablation --shared ../shared --photos 25
python -m jobs.evaluate fit --shared ../shared --sheet fit.png
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
import typer
from rich.console import Console

from deepcrop import weights
from deepcrop.methods.registry import load

if not __package__:  # run as a file: then the repository's root isn't on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jobs.evaluation import blind_commands, measures
from jobs.evaluation.report import saliency_tables
from jobs.evaluation.retargeters import ours, peers
from jobs.evaluation.retargetme import evaluate, student_measure, vgg_measure
from jobs.evaluation.retargetme_report import tables

app = typer.Typer(no_args_is_help=True, add_completion=False)
SHARED = Path(os.environ.get("DEEPCROP_SHARED", "../shared"))
IMAGENET = "weights/mobilenet_v2_imagenet_same_padding.safetensors"


@app.callback()
def main() -> None:
    """Evaluate the networks on photos that aren't used in training."""


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
def learning_curve(
    shared: Path = typer.Option(SHARED, help="Folder that holds data/gaze_* and weights/."),
    part: str = typer.Option("test", help="test or validation"),
) -> None:
    """Print the gain of a plain readout of the frozen trunk by the number of training photos.

    It takes half an hour on one core.
    """
    from safetensors.torch import load_file

    from jobs.evaluation.learning_curve import curve_table

    Console().print(curve_table(shared, load_file(shared / IMAGENET), part))


@app.command()
def mars(
    shared: Path = typer.Option(SHARED, help="Folder that holds data/gaze_*."),
    weights: str = typer.Option("mars", help="Name or file of the weights."),
    part: str = typer.Option("test", help="test or validation"),
) -> None:
    """Gain at the largest window, and kept fixations against area, on held-out photos."""
    from deepcrop.methods import registry
    from jobs.evaluation.crop_curves import print_areas, print_gain
    from jobs.training.datasets import gaze

    saliency = registry.load("saliency", device="cpu")
    photos = getattr(gaze(shared, longest=saliency.analysis), part)
    methods = {
        f"window={window}": registry.load("mars", device="cpu", weights=weights, window=window)
        for window in ("largest", "predicted", "medians")
    }
    print_gain({"window=largest": methods["window=largest"]}, photos)
    print_areas(methods, saliency, photos)


@app.command()
def mars_folds(
    shared: Path = typer.Option(SHARED, help="Folder that holds data/crops_fcdb."),
    trunk: str = typer.Option("saliency", help="Weights of the saliency network: a name or file."),
    cache: Path | None = typer.Option(None, help="File that keeps the trunk's features (1.1 GB)."),
    epochs: int | None = typer.Option(None, min=1, help="Other than the recipe's."),
    fold: list[int] = typer.Option([], help="Only these folds (0 to 4)."),
    tables: bool = typer.Option(False, help="Print Tables 2, 3, 4 and 6 of the paper instead."),
    threads: int = typer.Option(1, help="CPU threads."),
) -> None:
    """Print how well Mars agrees with crops and votes of people that training didn't see."""
    from dataclasses import replace

    from jobs.evaluation.mars_ablation import ablation
    from jobs.evaluation.mars_folds import FOLDS, in_folds
    from jobs.evaluation.preference import fit_factor, reliability
    from jobs.training.mars_people import read_material
    from jobs.training.mars_windows import Recipe

    torch.set_num_threads(threads)
    material = read_material(shared, trunk, cache)
    recipe = material.suited(replace(Recipe(), epochs=epochs) if epochs else Recipe())
    data, folds = (material.views, material.crops, material.pairs), fold or range(FOLDS)
    print("IoU/BDE at the human's ratio by each window; pairs of one size/of all sizes")
    if tables:
        ablation(*data, recipe, print, folds)
        return
    judged = in_folds(*data, recipe, print, folds)
    print(f"all: {judged.line()}")
    factor = fit_factor(judged.differences, judged.shares)
    bins, brier = reliability(factor * judged.differences, judged.shares)
    print(f"factor of the score {factor:.4f}; Brier score {brier:.4f} (.25 without knowledge)")
    for each in bins:
        print(f"predicted {each.predicted:.3f}  voted {each.voted:.3f}  ({each.pairs} pairs)")


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

    A method crops to each annotated crop's own aspect ratio, as in the paper.
    """
    from deepcrop.methods import registry
    from jobs.evaluation.crop_agreement import agreement
    from jobs.training.croppings import read_dataset

    rows = read_dataset(dataset, annotations, split)
    result = agreement(registry.load_crop(method, weights=weights), rows, images)
    print(
        f"{dataset} ({result.annotations} crops): IoU {result.iou:.4f}  "
        f"BDE {result.displacement:.4f}  offset {result.offset:.1f} px"
    )
    print(f"best crop of each image: IoU {result.best_iou:.4f}  BDE {result.best_displacement:.4f}")


@app.command()
def retargetme(
    shared: Path = typer.Option(SHARED, help="Folder with data/retargetme and weights/."),
    method: list[str] = typer.Option(
        ["dnr"], help="NAME or NAME:option=value,...; again for more."
    ),
    network: str = typer.Option(
        "student", help="That measures: student, or weights' name or file."
    ),
    sheet: Path | None = typer.Option(None, help="Folder for contact sheets, a PNG a case."),
    figures: Path | None = typer.Option(
        None, help="File (JSON lines) for each case's figures; cases that it has are not repeated."
    ),
    case: list[str] = typer.Option([], help="Only these cases."),
    side: int = typer.Option(256, help="Longest edge for FD, whose search is slow; 0: without."),
    threads: int = typer.Option(1, help="CPU threads."),
) -> None:
    """Print our results on RetargetMe beside the eight published ones, and peers' where installed.

    Peers: ImageMagick's -liquid-rescale (liquid) and the package seam-carving (seams).
    """
    torch.set_num_threads(threads)
    console = Console()
    measuring = (
        student_measure(shared / "weights")
        if network == "student"
        else vgg_measure(weights.load(network)[0])
    )
    others, absent = peers()
    for line in absent:
        console.print(line)
    found = evaluate(
        shared / "data" / "retargetme",
        {each: ours(each) for each in method} | others,
        measuring,
        load("saliency"),
        sheet=sheet,
        figures=figures,
        names=case,
        side=side,
        report=console.print,
    )
    for table in tables(found, method, f"measured by {network}"):
        console.print(table)


@app.command()
def caption(
    shared: Path = typer.Option(SHARED, help="Folder that holds data/objects_coco128."),
    weights: str = typer.Option("cagic", help="Name or file of the weights."),
    photos: int = typer.Option(1000, min=1, help="The largest number of photos."),
    row: list[str] = typer.Option(
        ["map:score=map", "words:score=words", "captioner:score=captioner"],
        help="NAME:option=value,...: a row of the table.",
    ),
    part: str = typer.Option(
        "all", help="Photos: all, or one half: evaluation or tuning, on which options were chosen."
    ),
) -> None:
    """Measure how well captions steer CAGIC's crops, beside the centre, saliency and Grad-CAM."""
    from jobs.evaluation.steering import steering_tables

    torch.set_num_threads(1)
    console = Console(width=110)
    for table in steering_tables(shared, weights, row, photos, console.print, part):
        console.print(table)


@app.command()
def caption_ablation(
    shared: Path = typer.Option(SHARED, help="Folder that holds data/objects_coco128."),
    weights: str = typer.Option("cagic", help="Name or file of the weights."),
    photos: int = typer.Option(1000, min=1, help="The largest number of photos."),
    options: str = typer.Option("score=words", help="option=value,... of all rows."),
) -> None:
    """Print CAGIC's Table 4 on named objects: caption network, annealing, restarts, scales, all."""
    from typing import get_args

    from jobs.evaluation.cagic_ablation import Ablation
    from jobs.evaluation.steering import steering_tables

    torch.set_num_threads(1)
    console = Console(width=110)
    rows = [f"{name}:ablation={name},{options}" for name in get_args(Ablation)]
    for table in steering_tables(shared, weights, rows, photos, console.print):
        console.print(table)


@app.command()
def fit(
    shared: Path = typer.Option(SHARED, help="Folder that holds data/."),
    method: str = typer.Option("saliency", help="A crop method."),
    photos: int = typer.Option(200, min=1, help="Photos in which the method finds heads."),
    rule: list[str] = typer.Option([], help="CONDITION:ACTION in place of the usual rules."),
    sheet: Path | None = typer.Option(None, help="File for a sheet of what isn't cropped."),
    of_each: int = typer.Option(6, min=1, help="Photos of each preset and action on the sheet."),
) -> None:
    """Count what a preset's rules for photos that don't fit decide on photos with people."""
    from jobs.evaluation import fit as fits
    from jobs.evaluation.photo_sets import people

    torch.set_num_threads(1)
    rules = dict(each.rsplit(":", 1) for each in rule) or fits.RULES
    job = fits.job_of(method, rules)
    Console().print(fits.table(fits.evaluate(people(shared), job, photos, sheet, of_each)))


measures.register(app)
blind_commands.register(app)

if __name__ == "__main__":
    app()

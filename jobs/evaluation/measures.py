"""Commands of ``python -m jobs.evaluate`` that measure crops; each measures any methods at once.

```text
python -m jobs.evaluate fcdb --method saliency --method mars:window=predicted
python -m jobs.evaluate pairs --method saliency:weights=mine.safetensors
```
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
import typer
from rich.console import Console

from .croppers import Cropper, OurMethod, centre
from .peers import peers

SHARED = Path(os.environ.get("DEEPCROP_SHARED", "../shared"))
FOLDER = typer.Option(SHARED, "--shared", help="Folder that holds data/ and weights/.")
METHODS = typer.Option(
    ["saliency", "mars"],
    "--method",
    help="NAME or NAME:option=value,...; weights=FILE may be an option; again for more.",
)
WEIGHTS = typer.Option(None, "--weights", help="Weights of the methods that name none.")
LABELS = typer.Option(
    Path("labels"), "--labels", help="Folder of the teachers' labels; what it lacks is added."
)
PEERS = typer.Option(True, "--peers/--no-peers", help="Other people's croppers as well.")


def croppers(
    methods: list[str], weights: str | None, shared: Path, others: bool, console: Console
) -> dict[str, Cropper]:
    """Load the ways of cropping that a command compares: the centre, peers, our methods."""
    torch.set_num_threads(1)
    found: dict[str, Cropper] = {"centre": centre}
    if others:
        ways, absent = peers(shared)
        found |= ways
        for line in absent:
            console.print(line)
    found.update(_ours(methods, weights))
    return found


def _ours(methods: list[str], weights: str | None) -> dict[str, OurMethod]:
    return {text: OurMethod(text, weights) for text in methods}


def fcdb(
    shared: Path = FOLDER,
    method: list[str] = METHODS,
    weights: str | None = WEIGHTS,
    others: bool = PEERS,
    fold: int | None = typer.Option(None, min=0, max=4, help="Only photos of this fold."),
    annotations: Path | None = typer.Option(
        None, help="FCDB's annotations as its authors lay them out, in place of data/crops_fcdb."
    ),
    images: Path | None = typer.Option(None, help="Folder of the photos of --annotations."),
    split: str = typer.Option("test", help="Part of --annotations: test or train."),
) -> None:
    """Print IoU and BDE against FCDB's human crops, at their ratio, beside published figures."""
    from .human_crops import closeness, closeness_table, published_crops, shared_crops

    console = Console(width=110)
    ways = croppers(method, weights, shared, others, console)
    if annotations is None:
        crops, title = shared_crops(shared, fold), "FCDB's train part"
        title += "" if fold is None else f", fold {fold}"
    else:
        crops, absent = published_crops(annotations, images or annotations, split)
        title = f"FCDB's {split} part"
        console.print(f"{absent} photos of {absent + len(crops)} are absent")
    found = closeness(crops, ways, console.print)
    console.print(closeness_table(f"{title}: {len(crops)} photos", found))


def pairs(
    shared: Path = FOLDER,
    method: list[str] = METHODS,
    weights: str | None = WEIGHTS,
    others: bool = PEERS,
    fold: int | None = typer.Option(None, min=0, max=4, help="Only photos of this fold."),
) -> None:
    """Print how often scores of boxes prefer the crop for which four or five of five voted."""
    from jobs.training.fcdb import fold_of, read_pairs

    from .box_scores import Mass, Scorer, centre_score, pair_accuracy, pair_table, scorer_of
    from .peers import FASTGAZE, FastGaze

    torch.set_num_threads(1)
    console = Console(width=110)
    scorers: dict[str, Scorer] = {"centre": centre_score}
    if others and (shared / FASTGAZE).exists():
        gaze = FastGaze(shared / FASTGAZE)
        scorers["FastGaze"] = lambda photo: Mass.of(gaze.map(photo.image), photo.size)
    scorers |= {text: scorer_of(each) for text, each in _ours(method, weights).items()}
    voted = [pair for pair in read_pairs(shared) if fold in (None, fold_of(pair.name))]
    console.print(pair_table(*pair_accuracy(voted, scorers, shared, console.print)))


def calibration(
    shared: Path = FOLDER,
    method: list[str] = METHODS,
    weights: str | None = WEIGHTS,
    fit: int = typer.Option(0, min=0, max=4, help="Fold on whose votes the factor is fitted."),
    test: int = typer.Option(1, min=0, max=4, help="Fold on whose votes it is tested."),
) -> None:
    """Print how well scores tell the chance that a person prefers one of two crops of one size."""
    from .box_scores import scorer_of
    from .calibration import calibrate, calibration_table

    torch.set_num_threads(1)
    console = Console(width=110)
    for text, each in _ours(method, weights).items():
        found = calibrate(scorer_of(each), shared, fit=fit, test=test, report=console.print)
        console.print(calibration_table(text, found))


def subjects(
    shared: Path = FOLDER,
    labels: Path = LABELS,
    method: list[str] = METHODS,
    weights: str | None = WEIGHTS,
    others: bool = PEERS,
) -> None:
    """Print the share of clear subjects in the largest windows, and how many are whole."""
    from .subjects import subject_shares, subject_table

    console = Console(width=110)
    ways = croppers(method, weights, shared, others, console)
    found = subject_shares(shared, labels, ways, report=console.print)
    console.print(subject_table(f"{found['centre'].shares.shape[0]} photos, six ratios", found))


def animal_heads(
    shared: Path = FOLDER,
    method: list[str] = METHODS,
    weights: str | None = WEIGHTS,
    others: bool = PEERS,
    every: bool = typer.Option(False, "--all", help="All photos, not only those held out."),
) -> None:
    """Print how many of the animals' heads that fit the largest windows are cut or left out."""
    from .heads import animal_photos, head_cuts, head_table

    console = Console(width=120)
    ways = croppers(method, weights, shared, others, console)
    cuts, count = head_cuts(animal_photos(shared, every=every), ways)
    console.print(head_table(f"heads of animals: {count} photos, six ratios", cuts))


def people_heads(
    shared: Path = FOLDER,
    labels: Path = LABELS,
    method: list[str] = METHODS,
    weights: str | None = WEIGHTS,
    others: bool = PEERS,
) -> None:
    """Print how many of people's heads that the largest windows show are cut."""
    from .heads import head_cuts, head_table, people_photos

    console = Console(width=120)
    ways = croppers(method, weights, shared, others, console)
    cuts, count = head_cuts(people_photos(shared, labels, console.print), ways)
    console.print(head_table(f"heads of people: {count} photos, six ratios", cuts))


def detections(
    shared: Path = FOLDER,
    labels: Path = LABELS,
    weights: str = typer.Option("saliency", help="Name or file of the saliency weights."),
) -> None:
    """Print which heads the saliency network finds, and how its subjects agree with the teacher."""
    from deepcrop.networks.saliency.model import SaliencyNetwork
    from deepcrop.weights import load

    from . import detections as found
    from .heads import animal_photos, people_photos

    torch.set_num_threads(1)
    console = Console(width=110)
    network = SaliencyNetwork.from_state(*load(weights))
    people = people_photos(shared, labels, console.print)
    counts = {
        "animals": found.detections(animal_photos(shared), found.find_animals(network)),
        "people": found.detections(people, found.find_people(network)),
    }
    console.print(found.detection_table(counts))
    overlap = found.subject_overlap(network, shared, labels, console.print)
    console.print(f"subjects: mean soft IoU {overlap:.3f} with the teacher's masks")


def gaze(
    shared: Path = FOLDER,
    method: list[str] = METHODS,
    weights: str | None = WEIGHTS,
    others: bool = PEERS,
    dataset: str = typer.Option("gaze_pascals", help="Folder with fixations under data/."),
    part: str = typer.Option("test", help="test, validation or all."),
) -> None:
    """Print the gain of crops on photos with gaze, by default those with animals of PASCAL-S."""
    from .gaze_gain import gains, gaze_photos, read_part
    from .report import gain_table

    console = Console(width=110)
    photos = gaze_photos(shared, dataset, read_part(part))
    ways = croppers(method, weights, shared, others, console)
    console.print(gain_table(f"{dataset}: {len(photos)} photos ({part})", gains(photos, ways)))


def white_ground(
    shared: Path = FOLDER,
    labels: Path | None = typer.Option(
        None, help="Folder of the teachers' labels; without it all subjects are drawn."
    ),
    method: list[str] = METHODS,
    weights: str | None = WEIGHTS,
    others: bool = PEERS,
    count: int = typer.Option(60, min=1, help="Number of photos."),
    seed: int = typer.Option(0, help="Another one makes other photos."),
    sheet: Path | None = typer.Option(None, help="PNG for a contact sheet of the photos."),
) -> None:
    """Print how many subjects on plain ground are cut by windows that they fit."""
    from .white_ground import contact_sheet, cutouts, products, sweep, sweep_table

    console = Console(width=120)
    ways = croppers(method, weights, shared, others, console)
    subjects = cutouts(shared, labels) if labels else []
    photos = list(products(count, seed, subjects))
    if sheet:
        contact_sheet(photos).save(sheet)
    found = sweep(photos, ways)
    console.print(sweep_table(photos, found))
    for name in method:
        console.print(f"{name} cuts: {', '.join(found[name].kinds) or 'none'}")


COMMANDS = (
    fcdb,
    pairs,
    calibration,
    subjects,
    animal_heads,
    people_heads,
    detections,
    gaze,
    white_ground,
)


def register(app: typer.Typer) -> None:
    """Add all commands of this module to an app."""
    for command in COMMANDS:
        app.command()(command)

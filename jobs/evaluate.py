"""Measure what the papers report: one subcommand a question.

```
python jobs/evaluate.py caption --shared ../shared
```
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(no_args_is_help=True, help=__doc__)

Shared = Annotated[
    Path, typer.Option(envvar="DEEPCROP_SHARED", help="Folder with data/ and weights/.")
]


@app.callback()
def main() -> None:
    """Measure what the papers report."""


@app.command()
def caption(
    shared: Shared = Path("../shared"),
    weights: Annotated[str, typer.Option(help="Name or path.")] = "cagic",
    row: Annotated[
        list[str] | None,
        typer.Option(help="NAME:option=value,... a row of the table; default: see the source."),
    ] = None,
    photos: Annotated[int, typer.Option(help="At most so many photos.")] = 1000,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Tell whether captions steer CAGIC's crops, on objects that nobody trained on."""
    from deepcrop import weights as store
    from deepcrop.methods import base
    from deepcrop.methods.cagic import Cagic
    from deepcrop.metrics.steering import summarise
    from deepcrop.training import steering
    from deepcrop.training.datasets import read_photo

    torch.set_num_threads(threads)
    objects = dict(list(steering.read_objects(shared / "data" / "objects_coco128").items())[:photos])
    images, sizes = {}, {}
    for path in objects:
        images[path], sizes[path] = read_photo(path, Cagic.analysis)
    state, metadata = store.load(weights)
    table = Table("method", "share", "area", "lift", "IoU", "right beats other", "s a crop")

    def add(name: str, crops: dict[Path, list[Any]], seconds: float) -> None:
        found = summarise(steering.cases_of(objects, crops, sizes))
        wins = "-" if found.wins is None else f"{found.wins:.3f} of {found.duels}"
        table.add_row(
            name, f"{found.share:.3f}", f"{found.area:.3f}", f"{found.lift:.2f}",
            f"{found.iou:.3f}", wins, f"{seconds / found.crops:.2f}" if seconds else "-",
        )
        Console().print(f"{name}: {found}")

    def measure(name: str, crop: steering.Cropper) -> dict[Path, list[Any]]:
        start = time.process_time()
        crops = {
            path: crop(images[path], sizes[path], [each.caption for each in named])
            for path, named in objects.items()
        }
        add(name, crops, time.process_time() - start)
        return crops

    crops: dict[Path, list[Any]] = {}
    for spec in row or ["words:score=words", "captioner:score=captioner", "both:score=both"]:
        name, _, text = spec.partition(":")
        chosen = dict(part.split("=") for part in text.split(",") if part)
        options = base.validate_options("cagic", chosen)
        method = Cagic.from_weights(state, metadata, options)
        crops = measure(name, steering.cropper_of(method))
        measure(f"Grad-CAM of {name}", steering.grad_cam_cropper(method))
    add("centre, same sizes", {p: steering.centre_of(sizes[p], crops[p]) for p in crops}, 0)
    if "saliency" in store.catalogue():
        network = base.load("saliency", device="cpu").network
        maps = {path: network.maps([images[path]])[0] for path in objects}
        add(
            "saliency, same sizes",
            {p: steering.most_salient(maps[p], sizes[p], crops[p]) for p in crops},
            0,
        )
    whole = {p: [steering.Box(0, 0, sizes[p].width, sizes[p].height)] * len(crops[p]) for p in crops}
    add("the whole photo", whole, 0)
    Console(width=120).print(table)


if __name__ == "__main__":
    app()

"""Print the papers' measures of a method on photos that it never saw.

```
python jobs/evaluate.py mars --shared ../shared
python jobs/evaluate.py croppings fcdb FCDB_FOLDER --images FCDB_FOLDER/data --method mars
```
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)

Shared = Annotated[
    Path, typer.Option(envvar="DEEPCROP_SHARED", help="Folder with data/ and weights/.")
]


@app.callback()
def main() -> None:
    """Print the papers' measures of a method on photos that it never saw."""


@app.command("mars")
def mars(
    shared: Shared = Path("../shared"),
    weights: Annotated[str | None, typer.Option(help="Other than those that ship.")] = None,
    part: Annotated[str, typer.Option(help="test or validation.")] = "test",
) -> None:
    """Gain at the largest window, kept fixations against area, and speed, on held-out photos."""
    from deepcrop.methods import base
    from deepcrop.training.crop_curves import held_out, print_curves, print_gain, print_speed

    photos = held_out(shared / "data", part)
    largest = base.load("mars", device="cpu", weights=weights, window="largest")
    print_gain(largest, photos)
    print_curves(largest, base.load("saliency", device="cpu"), photos)
    predicted = base.load("mars", device="cpu", weights=weights)
    print_speed(predicted, photos)


@app.command("croppings")
def croppings(
    format: Annotated[str, typer.Argument(help="fat, fcdb, hcdb, cuhk-icd, gaicd or cpc.")],
    annotations: Annotated[Path, typer.Argument(help="Folder of the annotation files.")],
    images: Annotated[Path, typer.Option(help="Folder of the images.")],
    method: Annotated[str, typer.Option(help="A crop method.")] = "mars",
    split: Annotated[str, typer.Option(help="Part of FAT, FCDB and GAICD.")] = "test",
    weights: Annotated[str | None, typer.Option(help="Other than those that ship.")] = None,
) -> None:
    """IoU, boundary displacement and centre offset against crops that people drew.

    A method is asked for each annotated crop's own aspect ratio, as in the paper.
    """
    from deepcrop.methods import base
    from deepcrop.training.crop_agreement import agreement
    from deepcrop.training.croppings import read_dataset

    rows = read_dataset(format, annotations, split)
    result = agreement(base.load(method, weights=weights), rows, images)
    print(
        f"{format} ({result.annotations} crops): IoU {result.iou:.4f}  BDE {result.displacement:.4f}"
        f"  offset {result.offset:.1f} px"
    )
    print(
        f"best crop of each image: IoU {result.best_iou:.4f}  BDE {result.best_displacement:.4f}"
    )


if __name__ == "__main__":
    app()

"""Train the networks that ship with the package: one subcommand a recipe.

```
python jobs/train.py mars-boxes --shared ../shared --output boxes.parquet
python jobs/train.py mars boxes.parquet --images ../shared/data --trunk MOBILENET.safetensors
python jobs/train.py mars FAT --format fat --images FAT/images --paper --workers 8 --gpu
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
    """Train the networks that ship with the package."""


@app.command("mars-boxes")
def mars_boxes(
    shared: Shared = Path("../shared"),
    output: Annotated[Path, typer.Option(help="Parquet file to write.")] = Path("boxes.parquet"),
    views: Annotated[int, typer.Option(help="Views of each photo; the first is all of it.")] = 5,
) -> None:
    """Derive Mars' crop boxes from the fixations of the training photos."""
    from deepcrop.training.croppings import write_croppings
    from deepcrop.training.gaze_crops import GazeCrops, training_photos

    rows = list(GazeCrops(views=views).of(training_photos(shared)))
    write_croppings(rows, output)
    print(f"{len(rows)} boxes: {output}")


@app.command("mars")
def mars(
    data: Annotated[Path, typer.Argument(help="Parquet file, or folder of annotations.")],
    images: Annotated[Path, typer.Option(help="Folder of the images.")],
    trunk: Annotated[str, typer.Option(help="Weights of the trunk: a file or a name.")],
    output: Annotated[Path, typer.Option(help="Folder for weights and card.")] = Path("."),
    format: Annotated[
        str, typer.Option(help="parquet, fat, fcdb, hcdb, cuhk-icd, gaicd or cpc.")
    ] = "parquet",
    paper: Annotated[bool, typer.Option(help="Train as the paper did: 50 epochs, all of it.")] = (
        False
    ),
    epochs: Annotated[int | None, typer.Option(help="Other than the recipe's.")] = None,
    workers: Annotated[int, typer.Option(help="Of Ray Train; 0 trains in this process.")] = 0,
    gpu: Annotated[bool, typer.Option(help="On a GPU each.")] = False,
    threads: Annotated[int, typer.Option(help="CPU threads of this process.")] = 1,
    options: Annotated[
        str, typer.Option(help='Architecture as JSON, such as {"trunk": "vgg16"}.')
    ] = "{}",
) -> None:
    """Train Mars on crop boxes of any dataset."""
    from dataclasses import replace

    import torch

    from deepcrop.networks.mars import MarsOptions
    from deepcrop.training.croppings import read_dataset, write_croppings
    from deepcrop.training.mars import OURS, Recipe
    from deepcrop.training.mars_job import FROZEN, MarsJob, publish, train_here, train_with_ray

    torch.set_num_threads(threads)
    rows = data
    if format != "parquet":
        output.mkdir(parents=True, exist_ok=True)
        rows = output / f"{format}.parquet"
        write_croppings(read_dataset(format, data), rows)
    recipe = Recipe() if paper else OURS
    job = MarsJob(
        rows=str(rows.absolute()),
        images=str(images.absolute()),
        trunk=str(Path(trunk).absolute()) if Path(trunk).exists() else trunk,
        options=MarsOptions.from_json(options),
        recipe=replace(recipe, epochs=epochs) if epochs else recipe,
        frozen=0 if paper else FROZEN,
    )
    if workers:
        network = train_with_ray(job, workers=workers, gpu=gpu)
    else:
        network = train_here(
            job,
            torch.device("cuda" if gpu else "cpu"),
            lambda epoch, loss: print(f"epoch {epoch + 1}: loss {loss:.4f}", flush=True),
        )
    print(publish(network, job, output))


if __name__ == "__main__":
    app()

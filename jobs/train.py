r"""Train the networks whose weights ship with deepcrop.

python -m jobs.train labels labels.parquet --shared ../shared
python -m jobs.train saliency labels.parquet --shared ../shared --output runs
python -m jobs.train saliency-distil labels.parquet --start runs/saliency.safetensors \
    --shared ../shared --output runs/288x384
python -m jobs.train mars --shared ../shared --output runs
python -m jobs.train mars-boxes boxes.parquet --shared ../shared
python -m jobs.train mars-paper boxes.parquet --images ../shared/data/crops_fcdb/images \
    --trunk saliency --output runs
python -m jobs.train mars-paper FAT --format fat --images FAT/images --trunk MOBILENET --paper --gpu
python -m jobs.train objects --shared ../shared --output runs
python -m jobs.train vgg-slim --shared ../shared --output runs/vgg-slim
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if not __package__:  # run as a file: then the repository's root isn't on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if TYPE_CHECKING:
    from deepcrop.networks.saliency.model import SaliencyNetwork

app = typer.Typer(no_args_is_help=True, add_completion=False)
SHARED = Path(os.environ.get("DEEPCROP_SHARED", "../shared"))
IMAGENET = "weights/mobilenet_v2_imagenet_same_padding.safetensors"


@app.callback()
def main() -> None:
    """Train the networks whose weights ship with deepcrop."""


@app.command()
def labels(
    output: Path = typer.Argument(help="Parquet file to write."),
    shared: Path = typer.Option(SHARED, help="Folder that holds data/ and weights/teachers."),
    threads: int = typer.Option(1, min=1, help="CPU threads of each network."),
) -> None:
    """Label the saliency network's photos: subjects by U2-Net, faces by YuNet, text by PP-OCR.

    Needs onnxruntime: pip install onnxruntime
    """
    from rich.progress import track

    from jobs.training.scene_photos import labelled_paths
    from jobs.training.teachers import Teachers, label, write_labels

    files = labelled_paths(shared)
    found = label(Teachers(shared / "weights" / "teachers", threads), files, shared / "data")
    write_labels(iter(track(found, "photos", total=len(files))), output)


@app.command()
def saliency(
    labels: Path = typer.Argument(help="Parquet file of the command labels."),
    output: Path = typer.Option(..., help="Folder that the weights are written to."),
    shared: Path = typer.Option(SHARED, help="Folder that holds data/ and weights/."),
    gaze_epochs: int = typer.Option(6, min=1, help="Passes over the gaze photos."),
    scene_epochs: int = typer.Option(4, min=1, help="Passes over all photos."),
    views: int = typer.Option(2, min=1, help="Views of each photo in these passes."),
    frozen: int = typer.Option(7, min=0, max=7, help="Blocks of the trunk that don't learn."),
    heads: float = typer.Option(0.15, min=0, help="Weight of the losses of faces and heads."),
    start: str | None = typer.Option(
        None, help="Weights that learn on, a name or file; gaze is not learned alone then."
    ),
    loss: str = typer.Option("blog", help="blog: KL - CC; sam: 10 KL - 2 CC - NSS."),
    isotropic: bool = typer.Option(False, help="One sigma a prior, as in the blog."),
    workers: int = typer.Option(0, min=0, help="Ray Train workers for gaze; 0: no Ray."),
    gpu: bool = typer.Option(False, help="Learn gaze on GPUs."),
    seed: int = typer.Option(0, help="Of the new layers, the views and their order."),
) -> None:
    """Train the saliency network on gaze, then on gaze, subjects, heads and text."""
    from safetensors.torch import load_file, save_file

    from deepcrop import weights
    from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
    from jobs.training import saliency_job
    from jobs.training.saliency import Recipe
    from jobs.training.scene_photos import scene_photos
    from jobs.training.scenes import SceneRecipe
    from jobs.training.teachers import read_labels

    if loss not in ("blog", "sam"):
        raise typer.BadParameter(f"{loss!r}: expected blog or sam", param_hint="--loss")
    output.mkdir(parents=True, exist_ok=True)
    if start is not None:
        network = SaliencyNetwork.from_state(*weights.load(start))
    else:
        network = saliency_job.learn_gaze(
            SaliencyOptions(isotropic=isotropic),
            Recipe(epochs=gaze_epochs, views=2, loss=loss, seed=seed),  # type: ignore[arg-type]
            shared=shared,
            imagenet=load_file(shared / IMAGENET),
            output=output,
            workers=workers,
            gpu=gpu,
            note=typer.echo,
        ).cpu()
    photos = scene_photos(shared, read_labels(labels))
    recipe = SceneRecipe(
        epochs=scene_epochs,
        views=views,
        frozen=frozen,
        weights=(1.0, 1.0, 0.5, heads, heads),
        seed=seed,
    )
    network = saliency_job.learn_scenes(
        network,
        photos,
        recipe,
        note=typer.echo,
        keep=lambda passed: save_file(
            {key: value.contiguous() for key, value in passed.state_dict().items()},
            output / "saliency-in-training.safetensors",
            {"options": passed.options.to_json()},
        ),
    )
    metadata = {
        "input": "RGB uint8 / 127.5 - 1, about 432x576 pixels, sides multiples of 16",
        "split": "by SHA-256 of folder/name: see jobs/training/datasets.py and animals.py",
    }
    publish_saliency("saliency", network, metadata, output)


def publish_saliency(
    name: str, network: SaliencyNetwork, metadata: Mapping[str, str], output: Path
) -> None:
    """Write a saliency network's weights under the catalogue's licence; print where."""
    from deepcrop import weights

    entry = weights.find(name)
    path = weights.publish(
        name,
        network.state_dict(),
        {**metadata, "options": network.options.to_json()},
        licence=entry.licence,
        summary=entry.summary,
        methods=entry.methods,
        folder=output,
    )
    typer.echo(path)


@app.command()
def mars(
    output: Path = typer.Option(help="Folder that the weights are written to."),
    shared: Path = typer.Option(SHARED, help="Folder that holds data/crops_fcdb."),
    trunk: str = typer.Option("saliency", help="Weights of the saliency network: a name or file."),
    cache: Path | None = typer.Option(None, help="File that keeps the trunk's features (1.1 GB)."),
    epochs: int | None = typer.Option(None, min=1, help="Other than the recipe's."),
    calibration: float | None = typer.Option(
        None, help="Factor of the score, from `jobs.evaluate mars-folds`; by default it is fitted."
    ),
    threads: int = typer.Option(1, help="CPU threads."),
) -> None:
    """Teach Mars which windows people choose; the saliency network stays as it is."""
    from dataclasses import replace

    import torch

    from jobs.evaluation.mars_folds import in_folds
    from jobs.evaluation.preference import fit_factor
    from jobs.training.mars_people import publish, read_material
    from jobs.training.mars_windows import Recipe, fit, unfolded

    torch.set_num_threads(threads)
    output.mkdir(parents=True, exist_ok=True)
    material = read_material(shared, trunk, cache)
    recipe = material.suited(replace(Recipe(), epochs=epochs) if epochs else Recipe())
    if calibration is None:
        judged = in_folds(material.views, material.crops, material.pairs, recipe, typer.echo)
        calibration = fit_factor(judged.differences, judged.shares)
    head = fit(
        material.views,
        range(len(material.crops)),
        recipe,
        lambda epoch, losses: typer.echo(f"epoch {epoch}: losses {losses.round(4)}"),
    )
    wide = unfolded(head, material.views.components)
    typer.echo(publish(material.sight, wide, recipe, calibration, output))


@app.command("saliency-distil")
def saliency_distil(
    labels: Path = typer.Argument(help="Parquet file of the command labels."),
    output: Path = typer.Option(..., help="Folder that the weights are written to."),
    start: str = typer.Option(..., help="Weights that learn on and teach: a name or file."),
    shared: Path = typer.Option(SHARED, help="Folder that holds data/."),
    epochs: int | None = typer.Option(None, min=1, help="Other than the recipe's."),
) -> None:
    """Teach a saliency network to see at 288x384 pixels what it sees at 480x640."""
    from dataclasses import replace

    from safetensors.torch import save_file

    from deepcrop import weights
    from deepcrop.networks.saliency.model import SaliencyNetwork
    from jobs.training.saliency_distillation import DISTILLATION, distilled
    from jobs.training.scene_photos import scene_photos
    from jobs.training.teachers import read_labels

    output.mkdir(parents=True, exist_ok=True)
    network = distilled(
        SaliencyNetwork.from_state(*weights.load(start)),
        scene_photos(shared, read_labels(labels)),
        replace(DISTILLATION, epochs=epochs) if epochs else DISTILLATION,
        note=typer.echo,
        keep=lambda passed: save_file(
            {key: value.contiguous() for key, value in passed.state_dict().items()},
            output / "saliency-in-training.safetensors",
            {"options": passed.options.to_json()},
        ),
    )
    metadata = {
        **weights.load(start)[1],
        "input": "RGB uint8 / 127.5 - 1, about 288x384 pixels, sides multiples of 16",
    }
    publish_saliency("saliency", network, metadata, output)


@app.command()
def mars_boxes(
    output: Path = typer.Argument(help="Parquet file to write."),
    shared: Path = typer.Option(SHARED, help="Folder that holds data/crops_fcdb."),
    views: int = typer.Option(4, min=1, help="Views of each photo; the first is all of it."),
) -> None:
    """Write the crops that people chose as boxes for `mars-paper`."""
    from jobs.training.croppings import write_croppings
    from jobs.training.fcdb import read_crops
    from jobs.training.mars_job import people_boxes

    rows = people_boxes(read_crops(shared), views)
    write_croppings(rows, output)
    typer.echo(f"{len(rows)} boxes: {output}")


@app.command("mars-paper")
def mars_paper(
    data: Path = typer.Argument(help="Parquet file of boxes, or folder of annotations."),
    images: Path = typer.Option(help="Folder that the images' paths are relative to."),
    trunk: str = typer.Option(help="Weights of the trunk: a file, or a name such as saliency."),
    output: Path = typer.Option(help="Folder that the weights are written to."),
    format: str = typer.Option("parquet", help="Or fat, fcdb, hcdb, cuhk-icd, gaicd, cpc."),
    paper: bool = typer.Option(False, help="The paper's recipe: 50 epochs, the trunk too."),
    epochs: int | None = typer.Option(None, min=1, help="Other than the recipe's."),
    options: str = typer.Option("{}", help="Architecture as JSON: see MarsOptions."),
    name: str = typer.Option("mars-paper", help="Of the weights."),
    workers: int = typer.Option(0, min=0, help="Ray Train workers; 0: this process, no Ray."),
    gpu: bool = typer.Option(False, help="Train on GPUs."),
) -> None:
    """Train the paper's network on crop boxes of any dataset."""
    from dataclasses import replace

    from deepcrop.networks.mars.options import MarsOptions
    from jobs.training.croppings import read_dataset, write_croppings
    from jobs.training.mars import DEFAULT, Recipe
    from jobs.training.mars_job import FROZEN, MarsJob, publish, train_here, train_with_ray

    output.mkdir(parents=True, exist_ok=True)
    if format != "parquet":
        rows = read_dataset(format, data)
        write_croppings(rows, data := output / f"{format}.parquet")
    recipe = Recipe() if paper else DEFAULT
    job = MarsJob(
        rows=str(data.absolute()),
        images=str(images.absolute()),
        trunk=str(Path(trunk).absolute()) if Path(trunk).exists() else trunk,
        options=MarsOptions.from_json(options),
        recipe=replace(recipe, epochs=epochs) if epochs else recipe,
        frozen=0 if paper else FROZEN,
    )
    if workers:
        typer.echo(publish(train_with_ray(job, workers=workers, gpu=gpu), job, output, name))
    else:
        network = train_here(
            job,
            "cuda" if gpu else "cpu",
            lambda epoch, loss: typer.echo(f"epoch {epoch + 1}: loss {loss:.4f}"),
        )
        typer.echo(publish(network, job, output, name))


@app.command("vgg-slim")
def vgg_slim(
    output: Path = typer.Option(..., help="Folder that weights and card are written to."),
    shared: Path = typer.Option(SHARED, help="Folder that holds data/ and weights/."),
    minutes: float = typer.Option(25.0, help="Wall time."),
    threads: int = typer.Option(1, help="CPU threads."),
) -> None:
    """Distil vgg19-slim from VGG-19's first layers and a student's deep ones."""
    import torch

    from jobs.training.vgg_distillation import Recipe, train_vgg_slim

    torch.set_num_threads(threads)
    output.mkdir(parents=True, exist_ok=True)
    train_vgg_slim(shared, output, Recipe(minutes=minutes))


@app.command()
def captioner(
    output: Path = typer.Option(..., help="Folder of cagic.safetensors; its readers stay."),
    shared: Path = typer.Option(SHARED, help="Folder that holds data/captions_* and weights/."),
    table: Path = typer.Option(None, help=".json, .csv or .parquet of images and captions."),
    cache: Path = typer.Option(None, help="Folder that keeps the features for the next time."),
) -> None:
    """Train CAGIC's captioner and word detectors; print the figures on the test photos."""
    from jobs.training.cagic import train_captioner

    output.mkdir(parents=True, exist_ok=True)
    table = table or shared / "data" / "captions_flickr8k"
    show(train_captioner(table, shared / IMAGENET, output, cache=cache))


@app.command()
def aesthetics(
    output: Path = typer.Option(..., help="Folder of cagic.safetensors; its readers stay."),
    shared: Path = typer.Option(SHARED, help="Folder that holds data/ and weights/."),
    cache: Path = typer.Option(None, help="Folder that keeps the features for the next time."),
    photos: int = typer.Option(300, min=10, help="The largest number of photos used."),
) -> None:
    """Train CAGIC's view ranker; print the figures on the photos held out."""
    from jobs.training.aesthetics import by_hash
    from jobs.training.cagic import train_aesthetics

    output.mkdir(parents=True, exist_ok=True)
    folders = ("gaze_osie/images", "gaze_nus_scene/images", "photos_kodak")
    paths = by_hash(
        [
            path
            for folder in folders
            for path in (shared / "data" / folder).iterdir()
            if path.suffix in (".jpg", ".png")
        ]
    )
    show(train_aesthetics(paths[:photos], shared / IMAGENET, output, cache=cache))


@app.command()
def objects(
    output: Path = typer.Option(..., help="Folder of cagic.safetensors; its readers stay."),
    shared: Path = typer.Option(SHARED, help="Folder that holds weights/teachers."),
    start: str = typer.Option("cagic", help="CAGIC's weights that are extended: a name or file."),
) -> None:
    """Give CAGIC a detector of objects: YOLOX-Nano, from its authors' files for ncnn."""
    from jobs.training.cagic import add_objects

    output.mkdir(parents=True, exist_ok=True)
    typer.echo(add_objects(start, shared / "weights" / "teachers", output))


def show(figures: dict[str, float]) -> None:
    """Print figures, one on each line."""
    for name, value in figures.items():
        typer.echo(f"{name}: {value:.4g}")


if __name__ == "__main__":
    app()

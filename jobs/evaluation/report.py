"""The tables of the saliency network's model card, on photos that aren't used in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.table import Table
from torch import Tensor

from deepcrop.geometry import Box, Size
from deepcrop.methods.base import CropMethod
from deepcrop.methods.registry import load
from deepcrop.metrics import saliency as metrics
from deepcrop.metrics.cropping import (
    ASPECTS,
    Gain,
    best_possible_window,
    centre_window,
    human_share,
    kept_shares,
)
from jobs.training.datasets import SIGMA, GazePhoto, density, gaze
from jobs.training.saliency_distillation import FINE

from . import croppers
from .peers import peers

Floats = NDArray[np.float64]
Cropper = Callable[[GazePhoto], list[Box]]

GAZE_ALONE: dict[str, object] = {
    "subject": 0,
    "whole": 0,
    "faces": 0,
    "animals": 0,
    "text": 0,
}
"""Options of ``saliency`` with which windows maximise gaze and nothing else."""
HUMAN_SIGMA = 0.02
"""Blur of half of the viewers' fixations that chooses the human window: of the sigmas from 0.02
to 0.09 that were tried on training photos, this one gave the highest ceiling."""


def human_estimate(points: Floats, size: Size) -> Floats:
    """Blur fixations to the map that chooses the human window."""
    rows = 60
    columns = max(8, rows * size.width // size.height)
    return density(points, rows, columns, HUMAN_SIGMA).numpy().astype(np.float64)


def score(prediction: Tensor, photo: GazePhoto, others: Floats) -> dict[str, float]:
    """Return all saliency metrics of one photo, on the prediction's own grid.

    Args:
        prediction: map ``(h, w)``.
        photo: with its fixations.
        others: fixations ``(n, 2)`` of other photos of the dataset, for the shuffled AUC.
    """
    height, width = prediction.shape
    saliency = prediction.double().numpy()
    truth = density(photo.points, height, width, SIGMA).numpy()
    looks = metrics.cells(photo.points, height, width)
    return {
        "CC": metrics.correlation(saliency, truth),
        "KL": metrics.kl_divergence(saliency, truth),
        "NSS": metrics.nss(saliency, looks),
        "SIM": metrics.similarity(saliency, truth),
        "AUC-Judd": metrics.auc_judd(saliency, looks),
        "sAUC": metrics.auc_shuffled(saliency, looks, metrics.cells(others, height, width)),
    }


def tools(ours: Mapping[str, CropMethod], shared: Path) -> tuple[dict[str, Cropper], list[str]]:
    """Return every way of cropping that can run here, and what can't with the reason.

    Args:
        ours: crop methods of our own, by the names that the table has for them.
        shared: folder that may hold the weights of peers.
    """

    def cropper(method: CropMethod) -> Cropper:
        def crop(photo: GazePhoto) -> list[Box]:
            [crops] = method.boxes([photo.image], ASPECTS, sizes=[photo.size])
            return [each.box for each in crops]

        return crop

    def on_gaze(peer: croppers.Cropper) -> Cropper:
        return lambda photo: peer(
            croppers.EvaluationPhoto(photo.name, photo.image, photo.size), ASPECTS
        )

    others, absent = peers(shared)
    found: dict[str, Cropper] = {
        "best possible": lambda photo: [
            best_possible_window(aspect, photo.points, photo.size) for aspect in ASPECTS
        ],
        **{name: cropper(method) for name, method in ours.items()},
        **{name: on_gaze(peer) for name, peer in others.items()},
    }
    return found, absent


def reference_windows(photos: Sequence[GazePhoto]) -> tuple[Floats, Floats]:
    """Return each photo's shares ``(n,)`` that the centre windows and the human windows keep."""
    sizes = [photo.size for photo in photos]
    centres = [[centre_window(aspect, size) for aspect in ASPECTS] for size in sizes]
    human = [
        np.mean(
            [
                human_share(aspect, photo.points, photo.viewers, photo.size, human_estimate)
                for aspect in ASPECTS
            ]
        )
        for photo in photos
    ]
    return kept_shares(centres, [photo.points for photo in photos], sizes), np.array(human)


def by_dataset(photos: Sequence[GazePhoto]) -> dict[str, NDArray[np.bool_]]:
    """Return masks ``(n,)`` of the photos of each dataset, and of all photos."""
    folders = np.array([photo.name.split("/")[0] for photo in photos])
    groups = {str(folder): folders == folder for folder in np.unique(folders)}
    return {**groups, "all": np.ones(len(photos), bool)}


def gain_table(title: str, gains: Mapping[str, Gain]) -> Table:
    """Tabulate the kept share of each way of cropping, averaged over photos and ratios."""
    table = Table("window", "kept", "gain", "standard error", title=title)
    for name, each in sorted(gains.items(), key=lambda item: -item[1].kept.mean()):
        table.add_row(name, f"{each.kept.mean():.3f}", f"{each.gain:.2f}", f"{each.error:.2f}")
    return table


def metric_table(title: str, photos: Sequence[GazePhoto], predictions: dict[str, Tensor]) -> Table:
    """Tabulate the saliency metrics, averaged over photos, beside a Gaussian at the centre."""
    random = np.random.default_rng(0)
    everything = {photo.name: photo.points for photo in photos}
    ours, centre = [], []
    for photo in photos:
        others = np.concatenate([p for name, p in everything.items() if name != photo.name])
        others = others[random.permutation(len(others))[:2000]]
        prediction = predictions[photo.name]
        height, width = prediction.shape
        middle = density(np.array([[0.5, 0.5]]), height, width, sigma=0.25)
        ours.append(score(prediction, photo, others))
        centre.append(score(middle, photo, others))
    table = Table("map", *ours[0], title=title)
    for name, scores in (("deepcrop saliency", ours), ("Gaussian at the centre", centre)):
        means = (np.mean([each[metric] for each in scores]) for metric in scores[0])
        table.add_row(name, *(f"{mean:.3f}" for mean in means))
    return table


def saliency_tables(
    shared: Path, weights: str, part: str, note: Callable[[str], None]
) -> Iterator[Table]:
    """Yield the metrics table and the gain table of each gaze dataset, and the gains over all.

    Args:
        shared: folder that holds ``data/gaze_*``.
        weights: name or file.
        part: "test", "validation" or "train".
        note: called with a line for each tool that is absent.
    """
    torch.set_num_threads(1)
    method = load("saliency", device="cpu", weights=weights)
    gaze_alone = load("saliency", device="cpu", weights=weights, **GAZE_ALONE)
    finer = load("saliency", device="cpu", weights=weights, **GAZE_ALONE, pixels=FINE)
    photos: list[GazePhoto] = getattr(gaze(shared, longest=640), part)
    predictions = {photo.name: method.maps([photo.image])[0] for photo in photos}
    ways, absent = tools(
        {
            "deepcrop saliency": method,
            "gaze alone": gaze_alone,
            f"gaze alone, pixels={FINE}": finer,
        },
        shared,
    )
    for line in absent:
        note(line)
    centre, human = reference_windows(photos)
    points, sizes = [photo.points for photo in photos], [photo.size for photo in photos]
    shares = {
        name: kept_shares([cropper(photo) for photo in photos], points, sizes)
        for name, cropper in ways.items()
    }
    shares |= {"centre": centre, "human (half of the viewers)": human}
    gains = {name: Gain(share, centre, human) for name, share in shares.items()}
    for dataset, chosen in by_dataset(photos).items():
        title = f"{dataset}: {chosen.sum()} {part} photos"
        if dataset != "all":  # the other photos of the shuffled AUC differ
            members = [photo for photo, of in zip(photos, chosen, strict=True) if of]
            yield metric_table(title, members, predictions)
        yield gain_table(title, {name: gain.of(chosen) for name, gain in gains.items()})

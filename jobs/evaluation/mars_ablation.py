"""Table 3 of Mars on our data: does it pay to predict parameters from the aspect ratio?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepcrop.geometry import AspectRatio
from deepcrop.methods.mars import MarsCrop
from deepcrop.metrics.boxes import centre_offset, iou
from deepcrop.networks.mars.model import Mars
from jobs.training.croppings import read_croppings
from jobs.training.datasets import GazePhoto, gaze
from jobs.training.mars import Recipe, View, fit, load_views
from jobs.training.mars_job import MarsJob, initial

from .crop_curves import gain_at_largest
from .gaze_crops import GazeCrops

RATIOS = tuple(
    AspectRatio.parse(text) for text in ("1:2", "9:16", "2:3", "1:1", "3:2", "16:9", "2:1")
)
"""Aspect ratios of the evaluated windows, all in 0.5..2."""
ENOUGH = 0.8
"""Part of the largest window's fixations that the box of truth holds."""

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "w/o ARS-FTM & ARS-PWP": {"transform": False, "predictor": False},
    "w/o ARS-FTM": {"transform": False},
    "w/o ARS-PWP": {"predictor": False},
    "Mars": {},
    "w/o embedding vector": {"embedding": False},
    "w/o interpolation": {"interpolation": False},
}
"""The options of the variants in Table 3, then in Table 4."""


@dataclass(frozen=True)
class Row:
    """The results of one variant on photos that aren't in its training set."""

    name: str
    iou: float
    """Mean IoU with the boxes of all viewers."""
    offset: float
    """Mean offset of the centres, in pixels of the photo scaled to a longer edge of 256."""
    gain: float
    """Gain of the largest windows."""
    loss: float
    """The training loss at the end."""


def evaluate(method: MarsCrop, photos: Sequence[GazePhoto]) -> tuple[float, float]:
    """Return the mean IoU and centre offset of a method's windows on photos."""
    crops = GazeCrops()
    ious, offsets = [], []
    for photo in photos:
        size = photo.size.fit(256)
        [answers] = method.boxes([photo.image], RATIOS, sizes=[size])
        truths = crops.boxes_of(photo.points, size, RATIOS, ENOUGH)
        ious += [iou(answer.box, truth) for answer, truth in zip(answers, truths, strict=True)]
        offsets += [
            centre_offset(answer.box, truth) for answer, truth in zip(answers, truths, strict=True)
        ]
    return float(np.mean(ious)), float(np.mean(offsets))


def print_ablation(job: MarsJob, shared: Path) -> None:
    """Train every variant on frozen features of a job's rows, and print Tables 3 and 4.

    Args:
        job: its trunk, rows, and recipe; the whole trunk is frozen.
        shared: holds ``data/gaze_*``, whose validation photos the variants are evaluated on.
    """
    frozen = job.options.truncation.stop
    views = load_views(read_croppings(job.rows), Path(job.images), initial(job), frozen=frozen)
    print("variant                    IoU   offset   gain    loss")
    ablation(
        lambda switches: initial(replace(job, options=replace(job.options, **switches))),
        views,
        gaze(shared, longest=job.options.longest).validation,
        job.recipe,
        frozen=frozen,
        report=lambda row: print(
            f"{row.name:24} {row.iou:.3f}  {row.offset:5.1f}px  {row.gain:.3f}  {row.loss:.4f}",
            flush=True,
        ),
    )


def ablation(
    initial: Callable[[Mapping[str, Any]], Mars],
    views: Sequence[View],
    photos: Sequence[GazePhoto],
    recipe: Recipe,
    *,
    frozen: int,
    report: Callable[[Row], None],
) -> None:
    """Train each variant with one recipe and evaluate it.

    Args:
        initial: makes the untrained network with some switches, over the same trunk.
        views: the result of :func:`~jobs.training.mars.load_views` with an equal ``frozen``.
        photos: held out.
        recipe: how.
        frozen: blocks of the trunk that are not trained.
        report: is called with each row.
    """
    for name, switches in VARIANTS.items():
        network = initial(switches)
        loss = fit(network, views, recipe, frozen=frozen)
        network.requires_grad_(False).to(memory_format=torch.channels_last)
        agreement = evaluate(MarsCrop(network, MarsCrop.Options(window="predicted")), photos)
        largest = MarsCrop(network, MarsCrop.Options(window="largest"))
        gain = gain_at_largest(largest, photos).gain
        report(Row(name, *agreement, gain, loss))

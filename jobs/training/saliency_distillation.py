"""The whole recipe of the saliency weights: networks on gaze, then a student of them all.

Networks at several scales learn from fixations. Their mean map teaches on photos without gaze; on
the gaze photos, which they have memorised, an out-of-fold readout teaches beside the fixations. The
student is initialised with the first network, and ends on full images. A faster network
learns at few pixels from another network at many pixels.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions

from .datasets import gaze, unlabelled
from .distributed import fit_with_ray
from .readout import CELLS, FrozenFeatures, out_of_fold
from .saliency import Progress, Recipe, samples_of, start, teach, train
from .views import Sample

SHRINK = 64 / 81
"""Pixels of the input in training over those that the network then looks at: crops look larger than
whole photos, and on the validation photos a larger input than in training is better."""
FURTHER: tuple[dict[str, Any], ...] = (
    {"pixels": 432 * 576, "taps": (10, 13, 17)},
    {"pixels": 240 * 320},
)
"""Options of the second and the third teacher that differ from the first teacher's.

The first teacher has the student's options.
"""
FINE = 480 * 640
"""Pixels of the input at which a network teaches a faster one."""
FAST = 288 * 384
"""Pixels of the faster network's input."""


def saliency(
    options: SaliencyOptions,
    recipe: Recipe,
    *,
    shared: Path,
    imagenet: Mapping[str, Tensor],
    vgg: Mapping[str, Tensor],
    output: Path,
    student_epochs: int,
    workers: int = 0,
    gpu: bool = False,
    note: Callable[[str], None],
) -> SaliencyNetwork:
    """Train the network on gaze, then go on with teachers' maps.

    Args:
        options: the architecture; it is trained with :data:`SHRINK` of its pixels.
        recipe: the recipe of the first stage; the student learns at 0.7 of its rates.
        shared: folder that holds ``data/``.
        imagenet: state dict of MobileNet-V2.
        vgg: state dict of VGG-19's 16x student, for the readouts' features.
        output: folder for Ray Train's checkpoints.
        student_epochs: passes of the student; 0 returns the first network.
        workers: Ray Train workers of the first network; 0 trains in this process.
        gpu: use GPUs.
        note: called with a line for each epoch.
    """
    whole, options = options, replace(options, pixels=round(SHRINK * options.pixels))
    photos = gaze(shared, longest=640)
    labelled = samples_of(photos.train)
    device = torch.device("cuda" if gpu else "cpu")

    def report(progress: Progress, state: Mapping[str, Tensor]) -> None:
        note(str(progress))

    def learn(options: SaliencyOptions, recipe: Recipe) -> SaliencyNetwork:
        network = start(options, imagenet, recipe.seed).to(device)
        return train(network, labelled, photos.validation, recipe, report=report)

    if workers:
        state = fit_with_ray(
            options,
            recipe,
            shared=shared.absolute(),
            imagenet=imagenet,
            storage=output.absolute(),
            workers=workers,
            gpu=gpu,
        )
        network = SaliencyNetwork(options).to(device)
        network.load_state_dict(state)
    else:
        network = learn(options, recipe)
    if not student_epochs:
        network.options = whole
        return network
    teachers = [network.eval()]
    for number, change in enumerate(FURTHER, start=1):
        further = replace(options, **change)
        teachers.append(learn(further, replace(recipe, seed=recipe.seed + number)))
    bare = [Sample(image, np.zeros((0, 2))) for image in unlabelled(shared)]
    own = out_of_fold(FrozenFeatures(imagenet, vgg), labelled)
    taught = [replace(sample, teacher=each) for sample, each in zip(labelled, own, strict=True)]
    samples = [*taught, *teach(teachers, bare, CELLS)]
    second = replace(
        recipe,
        epochs=student_epochs,
        rate=0.7 * recipe.rate,
        trunk_rate=0.75 * recipe.trunk_rate,
        views=2,
        seed=recipe.seed + len(teachers),
    )
    student = copy.deepcopy(network).requires_grad_(True)
    student = train(student, samples, photos.validation, second, report=report)
    student.requires_grad_(True)
    student = train(
        student, samples, photos.validation, full_image_finetuning(second, 1), report=report
    )
    student.options = whole
    return student


def full_image_finetuning(recipe: Recipe, epochs: int) -> Recipe:
    """Return the recipe of the passes over whole photos that follow those over parts of them.

    Parts look larger than whole photos; the network settles on the scale of these (the effect: H.
    Touvron et al., "Fixing the train-test resolution discrepancy", 2019).
    """
    return replace(
        recipe,
        epochs=epochs,
        rate=recipe.rate * 3 / 7,
        trunk_rate=recipe.trunk_rate * 8 / 15,
        views=1,
        crops=False,
        average=0.98,
        seed=recipe.seed + 1,
    )


def faster(
    network: SaliencyNetwork,
    recipe: Recipe,
    *,
    shared: Path,
    report: Callable[[Progress, Mapping[str, Tensor]], None] = lambda progress, state: None,
) -> SaliencyNetwork:
    """Distil a network at :data:`FINE` pixels to one at :data:`FAST` pixels.

    Its own maps teach beside the fixations, and alone on photos without gaze; in the end whole
    photos, as in :func:`saliency`.

    Args:
        network: without a head for faces; it is changed.
        recipe: the recipe of the passes over parts of photos.
        shared: folder that holds ``data/``.
        report: called after each epoch.
    """
    photos = gaze(shared, longest=640)
    bare = [Sample(image, np.zeros((0, 2))) for image in unlabelled(shared)]
    network.options = replace(network.options, pixels=FINE)
    samples = list(teach([network], [*samples_of(photos.train), *bare], CELLS))
    network.options = replace(network.options, pixels=FAST)
    for stage in (recipe, full_image_finetuning(recipe, 2)):
        network.requires_grad_(True)
        network = train(network, samples, photos.validation, stage, report=report)
    return network

"""The whole recipe of the saliency weights: a network on gaze, teachers, and two students.

The students set out from the first network with other views; the mean of their weights is kept.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.saliency import SaliencyNetwork, SaliencyOptions
from .datasets import gaze, unlabelled
from .distributed import fit_with_ray
from .readout import CELLS, ReadoutTeacher
from .saliency import Progress, Recipe, samples_of, start, teach, train
from .views import Sample


def saliency(
    options: SaliencyOptions,
    recipe: Recipe,
    *,
    shared: Path,
    imagenet: Mapping[str, Tensor],
    output: Path,
    student_epochs: int,
    workers: int = 0,
    gpu: bool = False,
    note: Callable[[str], None],
) -> SaliencyNetwork:
    """Train the network on gaze, then go on with its own and the readouts' maps as teachers.

    Args:
        options: the architecture.
        recipe: of the first stage; the second halves its rates.
        shared: folder that holds ``data/``.
        imagenet: state dict of MobileNet-V2.
        output: folder for Ray Train's checkpoints.
        student_epochs: passes of each student; 0 returns the first network.
        workers: Ray Train workers of the first stage; 0 trains in this process.
        gpu: use GPUs.
        note: told a line an epoch.
    """
    photos = gaze(shared)
    labelled = samples_of(photos.train)

    def report(progress: Progress, state: Mapping[str, Tensor]) -> None:
        note(str(progress))

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
        network = SaliencyNetwork(options)
        network.load_state_dict(state)
    else:
        device = torch.device("cuda" if gpu else "cpu")
        network = start(options, imagenet, recipe.seed).to(device)
        network = train(network, labelled, photos.validation, recipe, report=report)
    if not student_epochs:
        return network
    nothing = np.zeros((0, 2))
    bare = [Sample(image, nothing) for image in unlabelled(shared)]
    readouts = ReadoutTeacher(imagenet, labelled)
    own = [None] * len(labelled) + [sample.teacher for sample in teach([network], bare)]
    samples = [
        replace(sample, teacher=_mean(readouts(sample.image), mine))
        for sample, mine in zip([*labelled, *bare], own, strict=True)
    ]
    students = []
    for seed in (recipe.seed + 1, recipe.seed + 2):
        second = replace(
            recipe,
            epochs=student_epochs,
            rate=recipe.rate / 2,
            trunk_rate=recipe.trunk_rate / 2,
            views=2,
            seed=seed,
        )
        student = copy.deepcopy(network).requires_grad_(True)
        students.append(train(student, samples, photos.validation, second, report=report))
    return mean_weights(students)


def mean_weights(networks: Sequence[SaliencyNetwork]) -> SaliencyNetwork:
    """Average the weights of networks that set out from the same ones."""
    states = [network.state_dict() for network in networks]
    mean = copy.deepcopy(networks[0])
    mean.load_state_dict({key: torch.stack([s[key] for s in states]).mean(0) for key in states[0]})
    return mean


def _mean(readout: Tensor, own: Tensor | None) -> Tensor:
    """Average the readouts' map and the network's own, where there is one, on the same cells.

    On the gaze photos there is none: the network knows their fixations by heart.
    """
    if own is None:
        return readout
    resized = F.interpolate(own[None, None], CELLS, mode="bilinear", align_corners=False)[0, 0]
    return (readout + resized / resized.sum()) / 2

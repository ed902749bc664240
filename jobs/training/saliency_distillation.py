"""The recipe of the faster saliency network: gaze alone, learned from a network at more pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from deepcrop.weights import load

from .datasets import gaze, unlabelled
from .saliency import Progress, Recipe, samples_of, teach, train
from .views import Sample

FINE = 480 * 640
"""Pixels of the input at which a network teaches a faster one."""
FAST = 288 * 384
"""Pixels of the faster network's input."""
CELLS = (96, 128)
"""Size of the teacher's maps."""


def without_heads(weights: str) -> SaliencyNetwork:
    """Load a saliency network, by name or from a file, without heads beside gaze."""
    state, metadata = load(weights)
    options = replace(SaliencyOptions.from_json(metadata["options"]), faces=None, scene=None)
    kept = {k: v for k, v in state.items() if not k.startswith(("faces.", "scene."))}
    return SaliencyNetwork.from_state(kept, {"options": options.to_json()})


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

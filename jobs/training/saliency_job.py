"""The whole recipe of the saliency weights: gaze alone, then gaze and the scene together.

First the network learns gaze at few pixels, which is quick. Then it goes on at more pixels with the
head of the scene; on the photos of animals, which nobody's gaze is known for, its own maps of the
first stage teach, averaged with those of the mirrored photo. In the end it sees whole photos, and
then the head learns alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions

from .datasets import gaze
from .distributed import fit_with_ray
from .saliency import Progress, Recipe, samples_of, start, train
from .scene_head import HeadRecipe, train_head
from .scenes import ScenePhoto, SceneRecipe, train_scenes, with_scene_head

FIRST = 288 * 384
"""Pixels of the input while the network learns gaze alone."""
SECOND = 320 * 432
"""Pixels of the input while it learns gaze and the scene."""
THIRD = 384 * 512
"""Pixels of the input while it learns them from whole photos, and the head alone."""
WHOLE = 432 * 576
"""Pixels of the input afterwards: views are parts of photos, in which things look larger than in
whole photos, and on the validation photos a larger input than in training is better."""
HEAD = 48
"""Number of channels of the scene's head."""
CONTINUED = 0.6
"""Learning rates of a network that has learned the scene before, relative to a new one's."""


def learn_gaze(
    options: SaliencyOptions,
    recipe: Recipe,
    *,
    shared: Path,
    imagenet: Mapping[str, Tensor],
    output: Path,
    workers: int = 0,
    gpu: bool = False,
    note: Callable[[str], None] = lambda line: None,
) -> SaliencyNetwork:
    """Train the network on gaze alone, from the trunk's ImageNet weights.

    Args:
        options: the architecture; its pixels are replaced by :data:`FIRST`.
        recipe: the recipe.
        shared: folder that holds ``data/``.
        imagenet: state dict of MobileNet-V2.
        output: folder for Ray Train's checkpoints.
        workers: Ray Train workers; 0 trains in this process.
        gpu: use GPUs.
        note: called with a line for each epoch.
    """
    options = replace(options, pixels=FIRST)
    device = torch.device("cuda" if gpu else "cpu")
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
        return network.eval()

    def report(progress: Progress, state: Mapping[str, Tensor]) -> None:
        note(str(progress))

    photos = gaze(shared, longest=640)
    network = start(options, imagenet, recipe.seed).to(device)
    return train(network, samples_of(photos.train), photos.validation, recipe, report=report)


def learn_scenes(
    network: SaliencyNetwork,
    photos: Sequence[ScenePhoto],
    recipe: SceneRecipe,
    *,
    head: HeadRecipe | None = None,
    note: Callable[[str], None] = lambda line: None,
    keep: Callable[[SaliencyNetwork], None] = lambda network: None,
) -> SaliencyNetwork:
    """Train gaze and the scene together; the network's own maps teach where no gaze is known.

    Args:
        network: a network that predicts gaze; it is not changed, but for its options. If it has a
            head of the scene, that learns on, at :data:`CONTINUED` of the rates.
        photos: what to learn from.
        recipe: the recipe of the passes over parts of photos.
        head: the recipe of the head alone; None: its defaults.
        note: called with a line for each epoch.
        keep: called after each pass of all layers with the network as it is then.

    Returns:
        A network with the head of the scene, with the options of the input that it is used at.
    """

    def report(epoch: int, terms: list[float], averaged: SaliencyNetwork) -> None:
        note(f"epoch {epoch + 1}: " + ", ".join(f"{term:.3f}" for term in terms))
        keep(averaged)

    network.options = replace(network.options, pixels=THIRD)
    taught = [
        photo if len(photo.points) else replace(photo, gaze=mirrored_mean(network, photo.image))
        for photo in photos
    ]
    if network.scene is None:
        joined = with_scene_head(network, HEAD)
    else:
        joined = copy.deepcopy(network)
        recipe = slowed(recipe, CONTINUED)
    joined.options = replace(joined.options, pixels=SECOND)
    joined = train_scenes(joined, taught, recipe, report)
    joined.options = replace(joined.options, pixels=THIRD)
    joined = train_scenes(joined, taught, on_whole_photos(recipe), report)
    joined = train_head(joined, taught, head or HeadRecipe(), note)
    joined.options = replace(joined.options, pixels=WHOLE)
    return joined


def on_whole_photos(recipe: SceneRecipe) -> SceneRecipe:
    """Return the recipe of one pass over whole photos, at a third of the rates.

    Parts look larger than whole photos; the network settles on the scale of these (the effect: H.
    Touvron et al., "Fixing the train-test resolution discrepancy", 2019).
    """
    return replace(
        slowed(recipe, 0.3), epochs=1, views=1, crops=False, average=0.98, seed=recipe.seed + 3
    )


def slowed(recipe: SceneRecipe, factor: float) -> SceneRecipe:
    """Return a recipe with all learning rates multiplied by a factor."""
    return replace(
        recipe,
        rate=factor * recipe.rate,
        gaze_rate=factor * recipe.gaze_rate,
        trunk_rate=factor * recipe.trunk_rate,
    )


@torch.inference_mode()
def mirrored_mean(network: SaliencyNetwork, image: Tensor) -> Tensor:
    """Return the mean of the maps of an image and of its mirror image, ``(h, w)``, sum 1."""
    network.eval()
    straight = network.maps([image])[0]
    both = straight + network.maps([image.flip(-1)])[0].flip(-1)
    return (both / both.sum()).clone()

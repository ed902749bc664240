"""The recipe of gaze alone, the first step of the saliency network.

```python
network = train(start(options, imagenet), samples, validation, Recipe())
```

The loop is plain torch; :mod:`.distributed` runs it in Ray Train's workers. Each photo is seen in
a few augmented views that are drawn once, so that the trunk's frozen blocks, which cost most at
full resolution, run once a view and not once an epoch: that makes the recipe short on CPUs.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from deepcrop.networks.precision import inference_dtype
from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions

from .datasets import GazePhoto, density
from .views import Sample, View, augment, correlation, kl_divergence, loss, nearest_shape, shapes


@dataclass(frozen=True)
class Recipe:
    """The recipe of one network.

    Attributes:
        loss: "blog" or "sam", see :func:`jobs.training.views.loss`.
        epochs: passes over the photos; each pass takes another view of a photo in turn.
        views: augmented views drawn of each photo.
        batch: views a step and worker.
        rate: highest learning rate of the new layers (AdamW; warm-up, then a cosine to zero).
        trunk_rate: highest learning rate of the trunk.
        frozen: blocks of the trunk that keep their ImageNet weights.
        decay: weight decay.
        average: decay of the moving average of the weights, which is what is kept.
        patience: epochs without a better validation loss before it stops.
        teacher_weight: share (0..1) of the teacher in the target of photos with fixations.
        crops: views are parts of photos, which look larger there than when photos are predicted.
        bfloat16: compute in bfloat16 where that is faster; weights and loss stay float32.
        seed: seed of the new layers, the views and their order.
    """

    loss: Literal["blog", "sam"] = "blog"
    epochs: int = 12
    views: int = 4
    batch: int = 8
    rate: float = 1e-3
    trunk_rate: float = 2e-4
    frozen: int = 7
    decay: float = 1e-4
    average: float = 0.99
    patience: int = 4
    teacher_weight: float = 0.5
    crops: bool = True
    bfloat16: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """The report of an epoch; KL and CC are averaged over the validation photos."""

    epoch: int
    loss: float
    kl: float
    cc: float


Report = Callable[[Progress, Mapping[str, Tensor]], None]


def start(
    options: SaliencyOptions, imagenet: Mapping[str, Tensor], seed: int = 0
) -> SaliencyNetwork:
    """Build a network with the trunk's ImageNet weights and new layers drawn from ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SaliencyNetwork(options)
    network.trunk.load_torchvision(imagenet)
    return network


def samples_of(photos: Sequence[GazePhoto]) -> list[Sample]:
    """Take the images and fixations of gaze photos."""
    return [Sample(photo.image, photo.points) for photo in photos]


def draw_views(
    network: SaliencyNetwork, samples: Sequence[Sample], recipe: Recipe
) -> list[list[View]]:
    """Draw each sample's views and run the frozen blocks on them: samples x views."""
    random = np.random.default_rng(recipe.seed)
    device = next(network.parameters()).device
    allowed = shapes(network)
    result = []
    for sample in samples:
        shape = nearest_shape(allowed, sample.image)
        drawn = [
            augment(sample, shape, random, teacher_weight=recipe.teacher_weight, crops=recipe.crops)
            for _ in range(recipe.views)
        ]
        batch = torch.stack([view.input for view in drawn]).to(device)
        with torch.no_grad():
            seen = network.trunk.blocks[: recipe.frozen](batch).half().cpu()
        result.append(
            [View(x, view.target, view.fixations) for x, view in zip(seen, drawn, strict=True)]
        )
    return result


def batches(
    views: Sequence[Sequence[View]], epoch: int, size: int, random: np.random.Generator
) -> list[list[View]]:
    """Take one view of each sample, those of one shape together, in a random order."""
    groups: dict[tuple[int, ...], list[View]] = {}
    for index in random.permutation(len(views)):
        view = views[index][(epoch + int(index)) % len(views[index])]
        groups.setdefault(tuple(view.input.shape), []).append(view)
    cut = [
        group[first : first + size]
        for group in groups.values()
        for first in range(0, len(group), size)
    ]
    return [cut[index] for index in random.permutation(len(cut))]


def train(
    network: SaliencyNetwork,
    samples: Sequence[Sample],
    validation: Sequence[GazePhoto],
    recipe: Recipe,
    *,
    report: Report = lambda progress, state: None,
    wrap: Callable[[nn.Module], nn.Module] = lambda module: module,
    rank: int = 0,
    workers: int = 1,
) -> SaliencyNetwork:
    """Train a network; returns the averaged one of the best epoch by validation ``KL - CC``.

    Args:
        network: from :func:`start`; it is changed.
        samples: what to learn from.
        validation: the photos for early stopping.
        recipe: how.
        report: called after each epoch with the figures and the averaged weights.
        wrap: makes the module that is called parallel, such as Ray Train's ``prepare_model``.
        rank: index of this worker; it takes every ``workers``-th batch, from ``rank`` on.
        workers: how many share the batches.
    """
    network.trunk.blocks[: recipe.frozen].requires_grad_(False)
    network.to(memory_format=torch.channels_last)
    model = wrap(network)
    device = next(network.parameters()).device
    views = draw_views(network, samples, recipe)
    optimiser = _optimiser(network, recipe)
    averaged = copy.deepcopy(network).requires_grad_(False)
    random = np.random.default_rng(recipe.seed + 1)
    best, best_state, since, step = math.inf, averaged.state_dict(), 0, 0
    total = recipe.epochs * len(batches(views, 0, recipe.batch, np.random.default_rng(0)))
    for epoch in range(recipe.epochs):
        model.train()
        losses = []
        plan = batches(views, epoch, recipe.batch, random)
        for batch in plan[rank : len(plan) // workers * workers or None : workers]:
            _schedule(optimiser, recipe, min(1.0, step / total))
            losses.append(_step(model, optimiser, batch, recipe, device))
            step += workers
            average(averaged, network, min(recipe.average, (step + 1) / (step + 10)))
        kl, cc = evaluate(averaged, validation)
        report(Progress(epoch, float(np.mean(losses)), kl, cc), averaged.state_dict())
        since += 1
        if kl - cc < best:
            best, best_state, since = kl - cc, copy.deepcopy(averaged.state_dict()), 0
        if since >= recipe.patience:
            break
    averaged.load_state_dict(best_state)
    return averaged.eval()


def _optimiser(network: SaliencyNetwork, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with one rate for the trunk and one for the new layers."""
    trunk = [p for p in network.trunk.parameters() if p.requires_grad]
    known = {id(p) for p in network.trunk.parameters()}
    new = [p for p in network.parameters() if id(p) not in known]
    groups = [
        {"params": new, "highest": recipe.rate},
        {"params": trunk, "highest": recipe.trunk_rate},
    ]
    return torch.optim.AdamW(groups, lr=recipe.rate, weight_decay=recipe.decay)


def _schedule(optimiser: torch.optim.Optimizer, recipe: Recipe, done: float) -> None:
    """Set the rates: up over the first half epoch, then down a cosine."""
    factor = min(1.0, (done * recipe.epochs + 0.02) / 0.5) * (1 + math.cos(math.pi * done)) / 2
    for group in optimiser.param_groups:
        group["lr"] = group["highest"] * factor


def _step(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    batch: Sequence[View],
    recipe: Recipe,
    device: torch.device,
) -> float:
    """Take one step of gradient descent; returns the loss."""
    x, target, fixations = (
        torch.stack([getattr(view, name) for view in batch]).to(device).float()
        for name in ("input", "target", "fixations")
    )
    faster = device.type == "cuda" or inference_dtype(device) == torch.bfloat16
    with torch.autocast(device.type, torch.bfloat16, enabled=recipe.bfloat16 and faster):
        prediction = model(x.contiguous(memory_format=torch.channels_last), recipe.frozen)
    value = loss(recipe.loss, prediction, target, fixations)
    optimiser.zero_grad()
    value.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimiser.step()
    return value.item()


def average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the averaged weights towards the current ones."""
    with torch.no_grad():
        for kept, new in zip(averaged.parameters(), network.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)


def evaluate(network: SaliencyNetwork, photos: Sequence[GazePhoto]) -> tuple[float, float]:
    """Average KL divergence and correlation over whole photos."""
    network.eval()
    figures = []
    for photo in photos:
        prediction = network.maps([photo.image])[0][None].cpu()
        target = density(photo.points, *prediction.shape[1:])[None]
        figures.append((kl_divergence(prediction, target), correlation(prediction, target)))
    kl, cc = torch.tensor(figures).mean(0).tolist()
    return kl, cc

"""The recipe of ``mars``: a head that scores windows learns from crops and votes of people.

```python
head = fit(views, photos, Recipe())         # photos: indices of those that it learns from
network = with_head(sight, head, views.components)
```
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from deepcrop.networks.mars.cells import cover
from deepcrop.networks.mars.window_head import WindowHead
from deepcrop.networks.mars.window_options import WindowOptions
from deepcrop.ops.box_search import iou

from .mars_views import Components, Views

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """The recipe of a training.

    Attributes:
        options: the architecture; the numbers of inputs and guides follow from the views.
        epochs: passes over all photos, with one view of each.
        batch: number of photos in a step.
        rate: highest learning rate (AdamW).
        decay: weight decay.
        average: decay of the moving average of the weights, which is what is kept.
        windows: number of random windows of the chosen crop's ratio in a step.
        pairs: number of voted pairs of each photo in a step.
        whole: probability that a view shows the whole photo.
        temperature: temperature of the target's softmax over the IoU with the chosen crop.
        votes: weight of the loss of votes.
        coverage: weight of the loss of the cropping area.
        seed: seed of weights, order, views and windows.
    """

    options: WindowOptions = field(default_factory=WindowOptions)
    epochs: int = 14
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.01
    average: float = 0.98
    windows: int = 40
    pairs: int = 10
    whole: float = 0.3
    temperature: float = 0.15
    votes: float = 1.0
    coverage: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Losses:
    """The parts of the loss, means over photos.

    The dense and the cells score are trained apart: each alone has to tell which windows people
    choose, because their errors differ more then, and their sum is better.

    Attributes:
        listwise: cross-entropy of the softmax of scores with that of IoUs with the chosen crop.
        votes: logistic loss of the differences of voted pairs, weighed by their margins.
        coverage: binary cross-entropy of the cropping area with the chosen crop (Eq. 8).
    """

    listwise: Tensor
    votes: Tensor
    coverage: Tensor


def losses(
    head: WindowHead, views: Views, chosen: Sequence[int], recipe: Recipe, seed: int
) -> Losses:
    """Return the losses over some views.

    Args:
        head: the head in training.
        views: all views.
        chosen: indices of the views.
        recipe: the recipe.
        seed: seed of the random windows and pairs.
    """
    random = np.random.default_rng(seed)
    deep, guides, shape = (each[chosen].float() for each in (views.deep, views.guides, views.shape))
    crop = views.crop[chosen]
    x = head.features(deep, guides, shape)
    around = windows_like(crop.double().numpy(), recipe.windows, random)
    target = torch.from_numpy(iou(around, crop.double().numpy()[:, None])).float()
    picked = torch.from_numpy(random.permutation(views.pairs.shape[1])[: recipe.pairs])
    pairs, margin = views.pairs[chosen][:, picked], views.margin[chosen][:, picked]
    windows = torch.from_numpy(around).float()
    own = ratio_of(crop, shape)[:, None]
    voted = pairs.flatten(1, 2)
    parts = [
        torch.cat(
            [head.dense(x, windows, own), head.dense(x, voted, ratio_of(voted, shape[:, None]))], 1
        )
    ]
    if head.cells is not None:
        parts.append(head.cells(x, guides, torch.cat([windows, voted], 1), shape))
    wanted = F.softmax(target / recipe.temperature, 1)
    listwise, votes = [], []
    for part in parts:
        scores, both = part.split([windows.shape[1], voted.shape[1]], 1)
        listwise.append(-(wanted * F.log_softmax(scores, 1)).sum(1).mean())
        first, second = both.unflatten(1, (-1, 2)).unbind(-1)
        lost = margin.abs() * F.softplus(-(first - second) * margin.sign())
        votes.append(lost.sum() / margin.abs().sum().clamp_min(1.0))
    rows, columns = (cover(crop[:, k], crop[:, k + 2], x.shape[-1]) for k in (1, 0))
    return Losses(
        listwise=torch.stack(listwise).sum(),
        votes=torch.stack(votes).sum(),
        coverage=F.binary_cross_entropy_with_logits(
            head.logits(x, own)[:, 0], rows[:, :, None] * columns[:, None]
        ),
    )


def ratio_of(boxes: Tensor, shape: Tensor) -> Tensor:
    """Return the aspect ratios in pixels of windows ``(..., 4)`` in 0..1.

    Args:
        boxes: the windows.
        shape: natural logarithm of the images' aspect ratios, which is broadcast.
    """
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    return width / height.clamp_min(1e-3) * shape.exp()


def windows_like(crops: Floats, count: int, random: np.random.Generator) -> Floats:
    """Return each crop, and random windows of its ratio, half of them near it.

    Args:
        crops: ``(B, 4)`` in 0..1.
        count: number of random windows of each crop.
        random: the generator.

    Returns:
        ``(B, 1 + count, 4)``, the crop first.
    """
    shape = (len(crops), count)
    sides = (crops[:, 2:] - crops[:, :2])[:, None]
    largest = 1 / sides.max(-1)
    near = random.uniform(size=shape) < 0.5
    zoom = np.where(
        near, np.exp(random.normal(0, 0.12, shape)), random.uniform(0.5, 1, shape) * largest
    )
    zoom = np.where(random.uniform(size=shape) < 0.15, largest, zoom)
    window = sides * np.clip(zoom, 0.4, largest)[..., None]
    middle = ((crops[:, :2] + crops[:, 2:]) / 2)[:, None] + random.normal(0, 0.08, (*shape, 2))
    room = np.maximum(1 - window, 0)
    corner = np.where(
        near[..., None], middle - window / 2, random.uniform(size=window.shape) * room
    )
    corner = np.clip(corner, 0, room)
    boxes = np.concatenate([corner, np.minimum(corner + window, 1)], -1)
    return np.concatenate([crops[:, None], boxes], 1)


def fit(
    views: Views,
    photos: Sequence[int],
    recipe: Recipe,
    report: Callable[[int, Floats], None] | None = None,
) -> WindowHead:
    """Train a head on components of features.

    Args:
        views: views of all photos.
        photos: indices of the photos that are used.
        recipe: the recipe.
        report: is called after each epoch with its number and the mean losses ``(3,)``.
    """
    random = np.random.default_rng(recipe.seed)
    torch.manual_seed(recipe.seed)
    head = WindowHead(recipe.options)
    kept = copy.deepcopy(head).requires_grad_(False)
    optimiser = torch.optim.AdamW(head.parameters(), weight_decay=recipe.decay)
    whole = {int(photo): np.nonzero((views.photo == photo) & views.whole)[0] for photo in photos}
    parts = {int(photo): np.nonzero((views.photo == photo) & ~views.whole)[0] for photo in photos}
    each_epoch = len(photos) // recipe.batch
    steps = recipe.epochs * each_epoch
    total = np.zeros(3)
    head.train()
    for step in range(steps):
        if step % each_epoch == 0:
            order, total = random.permutation(np.asarray(photos)), np.zeros(3)
        start = step % each_epoch * recipe.batch
        chosen = [
            int(random.choice((whole if random.uniform() < recipe.whole else parts)[photo]))
            for photo in order[start : start + recipe.batch].tolist()
        ]
        for group in optimiser.param_groups:
            cosine = (1 + math.cos(math.pi * step / steps)) / 2
            group["lr"] = recipe.rate * min(1.0, (step + 1) / 40) * cosine
        found = losses(head, views, chosen, recipe, seed=recipe.seed * steps + step)
        loss = found.listwise + recipe.votes * found.votes + recipe.coverage * found.coverage
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimiser.step()
        follow(kept, head, min(recipe.average, (step + 1) / (step + 10)))
        total += [found.listwise.item(), found.votes.item(), found.coverage.item()]
        if report and (step + 1) % each_epoch == 0:
            report((step + 1) // each_epoch, total / each_epoch)
    return kept.eval()


@torch.no_grad()
def follow(kept: nn.Module, network: nn.Module, decay: float) -> None:
    """Move averaged weights a step towards a network's."""
    for mean, new in zip(kept.parameters(), network.parameters(), strict=True):
        mean.lerp_(new, 1 - decay)


@torch.no_grad()
def unfolded(head: WindowHead, components: Components) -> WindowHead:
    """Return an equal head that reads the trunk's features instead of their components."""
    weight = head.reduce.weight.flatten(1)
    options = copy.copy(head.options)
    options = type(options)(**{**vars(options), "inputs": components.weight.shape[1]})
    wide = WindowHead(options)
    state = head.state_dict()
    state["reduce.weight"] = (weight @ components.weight)[:, :, None, None]
    assert head.reduce.bias is not None
    state["reduce.bias"] = head.reduce.bias + weight @ components.bias
    wide.load_state_dict(state)
    return wide.eval()

"""Train the head of the scene alone, on features that the rest of the network computes once.

```python
network = train_head(network, photos, HeadRecipe())
```

The rest of the network is not changed, so that its maps of gaze stay as they are.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from deepcrop.networks.saliency.model import SaliencyNetwork

from .saliency import average
from .scenes import ScenePhoto, SceneRecipe, SceneView, draw_view, rate_factor, scene_terms
from .views import nearest_shape, shapes


@dataclass(frozen=True)
class HeadRecipe:
    """The recipe: AdamW, a warm-up and a cosine to zero, an average of the weights.

    Attributes:
        epochs: passes over all views.
        views: views of each photo; the first is the whole photo.
        batch: views of a step.
        rate: highest learning rate.
        decay: weight decay.
        average: decay of the moving average of the weights, which is what is kept.
        weights: of the losses of subject, text, faces and animals' heads.
        seed: seed of views and their order.
    """

    epochs: int = 7
    views: int = 2
    batch: int = 16
    rate: float = 2e-3
    decay: float = 1e-3
    average: float = 0.99
    weights: tuple[float, float, float, float] = (1.0, 0.5, 0.4, 0.4)
    seed: int = 7


@dataclass(frozen=True)
class HeadView:
    """The labels of a view and what the head reads of it: the trunk's taps, and the context."""

    labels: SceneView
    taps: tuple[Tensor, ...]
    context: Tensor


def train_head(
    network: SaliencyNetwork,
    photos: Sequence[ScenePhoto],
    recipe: HeadRecipe,
    note: Callable[[str], None] = lambda line: None,
) -> SaliencyNetwork:
    """Train the head of a network's scene; returns the network, ready for inference.

    Args:
        network: a network with such a head, which is replaced.
        photos: what to learn from; those without labels of subjects are left out.
        recipe: the recipe.
        note: called with a line for each epoch.
    """
    network.eval().requires_grad_(False)
    random = np.random.default_rng(recipe.seed)
    labelled = [photo for photo in photos if photo.subject is not None]
    views = [view for photo in labelled for view in _views(network, photo, recipe, random)]
    groups: dict[tuple[int, ...], list[HeadView]] = {}
    for view in views:
        groups.setdefault(tuple(view.context.shape), []).append(view)
    head = network.scene
    assert head is not None
    head.requires_grad_(True)
    averaged = copy.deepcopy(head).requires_grad_(False)
    optimiser = torch.optim.AdamW(head.parameters(), recipe.rate, weight_decay=recipe.decay)
    size = recipe.batch
    steps = recipe.epochs * sum(math.ceil(len(group) / size) for group in groups.values())
    step = 0
    for epoch in range(recipe.epochs):
        sums = []
        for batch in _batches(list(groups.values()), size, random):
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * rate_factor(step, steps, 40)
            taps = [
                torch.stack(each).float() for each in zip(*(v.taps for v in batch), strict=True)
            ]
            scene = head(taps, torch.stack([view.context for view in batch]).float())
            terms = scene_terms(scene, [view.labels for view in batch])
            value = torch.stack([w * t for w, t in zip(recipe.weights, terms, strict=True)]).sum()
            optimiser.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 5.0)
            optimiser.step()
            step += 1
            average(averaged, head, min(recipe.average, (step + 1) / (step + 10)))
            sums.append([term.item() for term in terms])
        note(f"epoch {epoch + 1}: " + ", ".join(f"{term:.3f}" for term in np.mean(sums, 0)))
    network.scene = averaged
    return network.eval()


@torch.no_grad()
def _views(
    network: SaliencyNetwork, photo: ScenePhoto, recipe: HeadRecipe, random: np.random.Generator
) -> list[HeadView]:
    """Draw a photo's views and compute what the head reads of them."""
    parts, whole = SceneRecipe(), SceneRecipe(crops=False)
    shape = nearest_shape(shapes(network), photo.image)
    drawn = [
        draw_view(photo, shape, parts if index else whole, random) for index in range(recipe.views)
    ]
    x = torch.stack([view.input for view in drawn])
    taps, context = network.head_inputs(x.contiguous(memory_format=torch.channels_last))
    empty = torch.zeros(0)
    return [
        HeadView(
            replace(view, input=empty, gaze=empty),
            tuple(tap[index].half() for tap in taps),
            context[index].half(),
        )
        for index, view in enumerate(drawn)
    ]


def _batches(
    groups: Sequence[Sequence[HeadView]], size: int, random: np.random.Generator
) -> list[list[HeadView]]:
    """Divide all views, those of one shape together, in a random order."""
    parts = []
    for group in groups:
        order = random.permutation(len(group))
        parts += [
            [group[index] for index in order[first : first + size]]
            for first in range(0, len(group), size)
        ]
    return [parts[index] for index in random.permutation(len(parts))]

"""Train the saliency network to predict gaze and the maps of the scene together.

```python
photos = scene_photos(shared, labels, teacher)         # gaze photos, and photos of animals
network = train_scenes(with_scene_head(network, 48), photos, validation, SceneRecipe())
```

Gaze learns from fixations and from a teacher's maps; the subject, faces and text learn from the
labels of :mod:`.teachers`; the heads of animals from people's annotations. A photo teaches only
what it has labels for.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from deepcrop.networks.saliency.model import SaliencyNetwork
from deepcrop.networks.saliency.scene import SceneMaps

from .datasets import density
from .head_targets import heads_loss, targets
from .saliency import average
from .views import correlation, cut, kl_divergence, nearest_shape, random_crop, recolour, shapes

Floats = NDArray[np.float64]

STRIDE = 8
"""Stride of the scene's maps, in pixels of the input."""


@dataclass(frozen=True)
class ScenePhoto:
    """A training photo and its labels.

    Attributes:
        name: folder and file.
        image: uint8 RGB ``(3, h, w)``.
        points: ``(n, 2)`` fixations (x, y) in 0..1 of the sides; empty if there are none.
        gaze: density ``(h', w')`` of a teacher over the whole photo, or None.
        subject: uint8 mask over the whole photo, or None.
        text: the same of text.
        faces: ``(n, 5)`` x0, y0, x1, y1 in 0..1 and a score; see :func:`.head_targets.targets`.
        animals: the same of the heads of animals.
        animals_weight: weight (0..1) of places without an annotated head as examples without one.
    """

    name: str
    image: Tensor
    points: Floats
    gaze: Tensor | None
    subject: Tensor | None
    text: Tensor | None
    faces: Floats
    animals: Floats
    animals_weight: float


@dataclass(frozen=True)
class SceneRecipe:
    """The recipe: AdamW, a warm-up and a cosine to zero, an average of the weights.

    Attributes:
        epochs: passes over the photos; each takes another view of a photo in turn.
        views: augmented views drawn of each photo.
        batch: views of a step.
        rate: highest learning rate of the heads.
        gaze_rate: highest learning rate of the layers that predict gaze.
        trunk_rate: highest learning rate of the trunk.
        frozen: blocks of the trunk that keep their weights.
        decay: weight decay.
        average: decay of the moving average of the weights, which is what is kept.
        crops: views are parts of photos; else whole photos.
        teacher_weight: share (0..1) of the teacher in the target of photos with fixations.
        weights: of the losses of gaze, subject, text, faces and animals' heads.
        seed: seed of views and their order.
    """

    epochs: int = 4
    views: int = 2
    batch: int = 8
    rate: float = 2e-3
    gaze_rate: float = 5e-4
    trunk_rate: float = 1.5e-4
    frozen: int = 7
    decay: float = 1e-4
    average: float = 0.99
    crops: bool = True
    teacher_weight: float = 0.5
    weights: tuple[float, float, float, float, float] = (1.0, 1.0, 0.5, 0.15, 0.15)
    seed: int = 0


@dataclass(frozen=True)
class SceneView:
    """An augmented view.

    Attributes:
        input: output of the trunk's frozen blocks.
        gaze: density ``(H / 4, W / 4)``; zeros if the photo has no label of gaze.
        subject: uint8 ``(H / 8, W / 8)``.
        text: uint8 ``(H / 8, W / 8)``.
        labelled: whether the photo has labels of subject and text.
        faces: faces as in :class:`ScenePhoto`, in 0..1 of the view.
        animals: heads of animals, in the same form.
        animals_weight: see :class:`ScenePhoto`.
    """

    input: Tensor
    gaze: Tensor
    subject: Tensor
    text: Tensor
    labelled: bool
    faces: Floats
    animals: Floats
    animals_weight: float


def with_scene_head(network: SaliencyNetwork, width: int, seed: int = 0) -> SaliencyNetwork:
    """Return a network with a new scene head, and no other head; the rest is copied."""
    options = replace(network.options, faces=None, scene=width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        joined = SaliencyNetwork(options)
    kept = {k: v for k, v in network.state_dict().items() if not k.startswith(("faces.", "scene."))}
    joined.load_state_dict(kept, strict=False)
    assert joined.scene is not None
    bias = joined.scene.read.bias
    assert bias is not None
    with torch.no_grad():
        bias[0] = bias[5] = -4.0  # heads and text are rare
        bias[11] = -3.0
    return joined


def draw_view(
    photo: ScenePhoto, shape: tuple[int, int], recipe: SceneRecipe, random: np.random.Generator
) -> SceneView:
    """Crop, mirror and recolour one photo; its labels go along."""
    cells, coarse = (shape[0] // 4, shape[1] // 4), (shape[0] // STRIDE, shape[1] // STRIDE)
    zoom, corner = random_crop(random) if recipe.crops else (np.ones(2), np.zeros(2))
    mirrored = bool(random.random() < 0.5)

    def view(x: Tensor, size: tuple[int, int]) -> Tensor:
        part = cut(x, zoom, corner)[None].float()
        part = F.interpolate(part, size, mode="bilinear", antialias=True, align_corners=False)[0]
        return part.flip(-1) if mirrored else part

    def moved(boxes: Floats) -> Floats:
        boxes = boxes.copy()
        boxes[:, [0, 2]] = (boxes[:, [0, 2]] - corner[0]) / zoom[0]
        boxes[:, [1, 3]] = (boxes[:, [1, 3]] - corner[1]) / zoom[1]
        if mirrored:
            boxes[:, [0, 2]] = 1 - boxes[:, [2, 0]]
        return boxes

    points = (photo.points - corner) / zoom
    points = points[((points >= 0) & (points < 1)).all(1)]
    if mirrored:
        points = np.stack([np.nextafter(1 - points[:, 0], 0), points[:, 1]], 1)
    gaze = density(points, *cells) if len(photo.points) else None
    if photo.gaze is not None:
        taught = view(photo.gaze[None], cells)[0].clamp_min(0)
        taught = taught / taught.sum().clamp_min(1e-8)
        gaze = taught if gaze is None else gaze.lerp(taught, recipe.teacher_weight)
    pixels = view(photo.image, shape)
    empty = torch.zeros(coarse, dtype=torch.uint8)

    def mask(label: Tensor | None) -> Tensor:
        return empty if label is None else view(label[None], coarse)[0].round().to(torch.uint8)

    return SceneView(
        recolour(pixels, random),
        torch.zeros(cells) if gaze is None else gaze,
        mask(photo.subject),
        mask(photo.text),
        photo.subject is not None,
        moved(photo.faces),
        moved(photo.animals),
        photo.animals_weight,
    )


def draw_views(
    network: SaliencyNetwork, photos: Sequence[ScenePhoto], recipe: SceneRecipe
) -> list[list[SceneView]]:
    """Draw each photo's views and run the frozen blocks on them: photos x views."""
    random = np.random.default_rng(recipe.seed)
    allowed = shapes(network)
    result = []
    for photo in photos:
        shape = nearest_shape(allowed, photo.image)
        views = [draw_view(photo, shape, recipe, random) for _ in range(recipe.views)]
        batch = torch.stack([view.input for view in views])
        with torch.no_grad():
            seen = network.trunk.blocks[: recipe.frozen](
                batch.contiguous(memory_format=torch.channels_last)
            ).half()
        result.append([replace(view, input=x) for x, view in zip(seen, views, strict=True)])
    return result


def scene_loss(
    network: SaliencyNetwork, views: Sequence[SceneView], recipe: SceneRecipe
) -> tuple[Tensor, list[float]]:
    """Return the weighted loss of a batch, and the value of each of its terms."""
    x = torch.stack([view.input for view in views]).float()
    density, scene = network.joint(x.contiguous(memory_format=torch.channels_last), recipe.frozen)
    target = torch.stack([view.gaze for view in views])
    looked = (target.sum((1, 2)) > 0).float()
    gaze = kl_divergence(density, target) - correlation(density, target)
    terms = [(gaze * looked).sum() / looked.sum().clamp_min(1), *scene_terms(scene, views)]
    total = sum((w * term for w, term in zip(recipe.weights, terms, strict=True)), x.new_zeros(()))
    return total, [term.item() for term in terms]


def scene_terms(scene: SceneMaps, views: Sequence[SceneView]) -> list[Tensor]:
    """Return the losses of a batch's subjects, text, faces and heads of animals."""
    labelled = torch.tensor([float(view.labelled) for view in views])
    cells = (scene.subject.shape[-2], scene.subject.shape[-1])
    people = _targets([view.faces for view in views], cells, [1.0] * len(views))
    animals = _targets(
        [view.animals for view in views], cells, [view.animals_weight for view in views]
    )
    return [
        _mask_loss(scene.subject, [view.subject for view in views], labelled, overlap=True),
        _mask_loss(scene.text, [view.text for view in views], labelled, overlap=False),
        heads_loss(scene.people.float(), *people),
        heads_loss(scene.animals.float(), *animals),
    ]


def _mask_loss(
    logits: Tensor, masks: Sequence[Tensor], labelled: Tensor, *, overlap: bool
) -> Tensor:
    """Binary cross-entropy, plus one minus the soft IoU if ``overlap``, over labelled photos."""
    target = torch.stack(list(masks)).float() / 255
    value = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean((1, 2))
    if overlap:
        p = logits.sigmoid()
        common = (p * target).sum((1, 2))
        union = (p + target - p * target).sum((1, 2))
        value = value + 1 - (common + 1) / (union + 1)
    return (value * labelled).sum() / labelled.sum().clamp_min(1)


def _targets(
    boxes: Sequence[Floats], cells: tuple[int, int], weights: Sequence[float]
) -> tuple[Tensor, Tensor, Tensor]:
    drawn = [targets(each, cells) for each in boxes]
    heat, shape, weight = (torch.stack(each) for each in zip(*drawn, strict=True))
    scale = torch.tensor(weights)[:, None, None]
    return heat, shape, torch.where(heat == 1, weight, weight * scale)


def train_scenes(
    network: SaliencyNetwork,
    photos: Sequence[ScenePhoto],
    recipe: SceneRecipe,
    report: Callable[[int, list[float], SaliencyNetwork], None] = lambda *_: None,
) -> SaliencyNetwork:
    """Train a network; returns the average of its weights, ready for inference.

    Args:
        network: from :func:`with_scene_head`; it is changed.
        photos: what to learn from.
        recipe: how.
        report: called after each epoch with its number, the mean of each term of the loss, and the
            averaged network.
    """
    network.requires_grad_(True)
    network.trunk.blocks[: recipe.frozen].requires_grad_(False)
    network.to(memory_format=torch.channels_last)
    views = draw_views(network, photos, recipe)
    trunk = {id(p) for p in network.trunk.parameters()}
    assert network.scene is not None
    heads = {id(p) for p in network.scene.parameters()}
    groups = [
        {"params": list(network.scene.parameters()), "highest": recipe.rate},
        {
            "params": [p for p in network.parameters() if id(p) not in trunk | heads],
            "highest": recipe.gaze_rate,
        },
        {
            "params": [p for p in network.trunk.parameters() if p.requires_grad],
            "highest": recipe.trunk_rate,
        },
    ]
    optimiser = torch.optim.AdamW(groups, lr=recipe.rate, weight_decay=recipe.decay)
    averaged = copy.deepcopy(network).requires_grad_(False)
    random = np.random.default_rng(recipe.seed + 1)
    steps = recipe.epochs * len(_batches(views, 0, recipe.batch, np.random.default_rng(0)))
    step = 0
    for epoch in range(recipe.epochs):
        network.train()
        sums: list[list[float]] = []
        for batch in _batches(views, epoch, recipe.batch, random):
            for group in optimiser.param_groups:
                group["lr"] = group["highest"] * rate_factor(step, steps, 60)
            value, terms = scene_loss(network, batch, recipe)
            optimiser.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            step += 1
            average(averaged, network, min(recipe.average, (step + 1) / (step + 10)))
            sums.append(terms)
        report(epoch, np.mean(sums, 0).tolist(), averaged.eval())
    return averaged.eval()


def rate_factor(step: int, steps: int, warm_up: int) -> float:
    """Return a step's learning rate relative to the highest one: a warm-up, then a cosine to zero.

    Args:
        step: number of the step, from 0.
        steps: number of all steps.
        warm_up: the most steps of the warm-up, which takes at most a tenth of all.
    """
    warm = min(1.0, (step + 1) / max(1, min(warm_up, steps // 10)))
    return warm * (1 + math.cos(math.pi * min(1.0, step / steps))) / 2


def _batches(
    views: Sequence[Sequence[SceneView]], epoch: int, size: int, random: np.random.Generator
) -> list[list[SceneView]]:
    """Take one view of each photo, those of one shape together, in a random order."""
    groups: dict[tuple[int, ...], list[SceneView]] = {}
    for index in random.permutation(len(views)):
        view = views[index][(epoch + int(index)) % len(views[index])]
        groups.setdefault(tuple(view.input.shape), []).append(view)
    parts = [
        group[first : first + size]
        for group in groups.values()
        for first in range(0, len(group), size)
    ]
    return [parts[index] for index in random.permutation(len(parts))]

"""The recipe of Mars: binary cross-entropy on cropping areas, Adam, warm-up and cosine decay.

```python
views = load_views(rows, folder, network, frozen=7)       # runs the frozen blocks once
fit(network, views, Recipe(epochs=10))
```

The defaults of :class:`Recipe` are the paper's (section 4.1); ours are below and in the model
cards. Blocks of the trunk that are not trained run once over every view and its mirror
image; training then starts from their features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from deepcrop.geometry import Box
from deepcrop.networks.mars.model import Mars
from deepcrop.networks.mobilenet import MobileNetV2

from .croppings import Cropping


@dataclass(frozen=True)
class Recipe:
    """The recipe of a training.

    Attributes:
        epochs: passes over all views.
        warmup: number of the first epochs, in which the rate rises.
        batch: views a step and worker.
        ratios: number of ratios of each view in a step.
        boxes: number of boxes of each ratio in a step; their mean is the target.
        focus: weight of the density term beside Eq. 8; see :class:`Objective`.
        rate: learning rate (Adam).
        trunk_rate: learning rate of the trunk.
        decay: weight decay of the base model.
        meta_decay: weight decay of the meta-learners.
        average: decay of the moving average of the weights, which is what is kept; 0 keeps the
            last ones.
        seed: seed of the order and of the choice of boxes.
    """

    epochs: int = 50
    warmup: float = 5
    batch: int = 32
    ratios: int = 1
    boxes: int = 1
    focus: float = 0.0
    rate: float = 1e-4
    trunk_rate: float = 1e-4
    decay: float = 1e-4
    meta_decay: float = 1e-3
    average: float = 0.0
    seed: int = 0


DEFAULT = Recipe(
    epochs=12,
    warmup=0.5,
    rate=3e-3,
    decay=1e-5,
    meta_decay=1e-5,
    average=0.99,
)
"""Our recipe of the paper's network: few photos, the first blocks of the trunk frozen."""


@dataclass(frozen=True)
class View:
    """One part of an image as features of the frozen blocks, and its boxes.

    Attributes:
        features: float16 ``(C, h, w)``; with no frozen block, the prepared image.
        shape: (height, width) of the part inside the padding, in input pixels.
        ratios: ``(n,)``.
        boxes: for each ratio ``(s, 4)`` x0, y0, x1, y1 in 0..1 of the part.
        density: float16 ``(rows, columns)`` of all boxes, :func:`density`.
    """

    features: Tensor
    shape: tuple[int, int]
    ratios: Tensor
    boxes: Sequence[Tensor]
    density: Tensor


def stem_and_rest(network: Mars, frozen: int) -> tuple[nn.Module, nn.Module]:
    """Divide the trunk after its first ``frozen`` blocks; both parts share its weights."""
    trunk = network.trunk
    blocks = list((trunk.blocks if isinstance(trunk, MobileNetV2) else trunk).children())
    return nn.Sequential(*blocks[:frozen]), nn.Sequential(*blocks[frozen:])


def load_views(
    rows: Sequence[Cropping],
    folder: Path,
    network: Mars,
    *,
    frozen: int,
    mirror: bool = True,
    threads: int = 4,
) -> list[View]:
    """Read each view once, and run the frozen blocks over it and its mirror image.

    Args:
        rows: boxes; those of the same image and view become one :class:`View`.
        folder: that the images' paths are relative to.
        network: whose trunk is used, on its device.
        frozen: how many of its blocks.
        mirror: add the mirror images.
        threads: that decode.
    """
    grouped: dict[tuple[str, Box | None], list[Cropping]] = {}
    for row in rows:
        grouped.setdefault((row.image, row.view), []).append(row)
    by_image: dict[str, list[tuple[Box | None, list[Cropping]]]] = {}
    for (image, view), members in grouped.items():
        by_image.setdefault(image, []).append((view, members))

    def read(image: str) -> list[tuple[Tensor, Tensor, list[Tensor]]]:
        with Image.open(folder / image) as photo:
            picture = photo.convert("RGB")
        return [_view(picture, view, members, network) for view, members in by_image[image]]

    stem = stem_and_rest(network, frozen)[0].eval()
    device = network.reduce.weight.device
    views = []
    with ThreadPoolExecutor(threads) as pool, torch.inference_mode():
        for parts in pool.map(read, by_image):
            for pixels, ratios, boxes in parts:
                shape = (pixels.shape[-2], pixels.shape[-1])
                stride = network.options.stride
                for flipped in (False, True) if mirror else (False,):
                    seen = pixels.flip(-1) if flipped else pixels
                    places = [_flip(each) for each in boxes] if flipped else boxes
                    prepared = network.preprocess(seen.to(device), shape)
                    features = stem(prepared[None])[0].half().cpu().clone()
                    cells = (prepared.shape[-2] // stride, prepared.shape[-1] // stride)
                    dense = density(torch.cat(places), shape, stride, cells).half()
                    views.append(View(features, shape, ratios, places, dense))
    return views


def _flip(boxes: Tensor) -> Tensor:
    """Mirror boxes ``(s, 4)``."""
    return boxes[:, [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1.0]) + torch.tensor([1, 0, 1, 0.0])


def _view(
    picture: Image.Image, view: Box | None, rows: Sequence[Cropping], network: Mars
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Cut a view out of its image; return its pixels, ratios, and boxes in 0..1 of it."""
    view = view or Box(0, 0, *picture.size)
    height, width = network.input_size(view.size.height, view.size.width)
    scaled = picture.resize(
        (width, height), Image.Resampling.BILINEAR, box=view.corners, reducing_gap=2.0
    )
    pixels = torch.from_numpy(np.array(scaled)).permute(2, 0, 1).contiguous()
    corner = torch.tensor([view.x0, view.y0] * 2)
    sides = torch.tensor([view.size.width, view.size.height] * 2)
    by_ratio: dict[float, list[tuple[int, int, int, int]]] = {}
    for row in rows:
        by_ratio.setdefault(row.ratio, []).append(row.box.corners)
    boxes = [(torch.tensor(each).float() - corner) / sides for each in by_ratio.values()]
    return pixels, torch.tensor(list(by_ratio), dtype=torch.float32), boxes


def areas(boxes: Tensor, shapes: Tensor, stride: int, cells: tuple[int, int]) -> Tensor:
    """Draw boxes as cropping areas: each cell holds the share of it that is inside.

    Args:
        boxes: ``(B, R, 4)`` in 0..1 of the view.
        shapes: ``(B, 2)`` height and width of the views in input pixels.
        stride: input pixels for each cell, along a side.
        cells: (rows, columns) of the grid, padding included.

    Returns:
        ``(B, R, rows, columns)``.
    """
    sides = shapes[:, [1, 0, 1, 0]] / stride
    x0, y0, x1, y1 = (boxes * sides[:, None]).unbind(-1)
    return _cover(y0, y1, cells[0])[..., :, None] * _cover(x0, x1, cells[1])[..., None, :]


def density(boxes: Tensor, shape: tuple[int, int], stride: int, cells: tuple[int, int]) -> Tensor:
    """Return the density (sum 1) of boxes ``(n, 4)`` of one view, with more weight on small ones.

    The mass of a box is the inverse of its size, spread evenly: a box of half the size has twice
    the mass in total, and four times the mass in each of its cells.
    """
    each = areas(boxes[None], torch.tensor([shape]), stride, cells)[0]
    size = each.sum((-2, -1), keepdim=True).clamp_min(1e-3)
    total = (each / size**2).sum(0)
    return total / total.sum()


def _cover(low: Tensor, high: Tensor, cells: int) -> Tensor:
    """Return the share (0..1) of each cell that lies between ``low`` and ``high`` (in cells)."""
    edge = torch.arange(cells, device=low.device)
    last = torch.minimum(high[..., None], edge + 1)
    return (last - torch.maximum(low[..., None], edge)).clamp(0, 1)


class Objective(nn.Module):
    """The loss over the trained part of the network, which data parallelism wraps.

    The first term is Eq. 8, the binary cross-entropy with the share of the boxes that contain each
    cell. If boxes disagree, this share is broad and flat, and so are the learned areas: their sums
    hardly distinguish the best of the largest windows from the others. ``focus`` is the weight of a
    second term, which isn't in the paper: it makes the odds of each area proportional to the
    density of the view's boxes (Kullback-Leibler divergence from the softmax of the logits).
    """

    def __init__(self, network: Mars, frozen: int, focus: float = 0.0) -> None:
        super().__init__()
        self.network = network
        self.frozen = frozen
        self.focus = focus

    def forward(
        self, features: Tensor, shapes: Tensor, ratios: Tensor, boxes: Tensor, densities: Tensor
    ) -> Tensor:
        """Return the mean loss over the cells that lie in the views.

        Args:
            features: ``(B, C, h, w)`` of the frozen blocks.
            shapes: ``(B, 2)`` height and width of the views inside the padding, in input pixels.
            ratios: ``(B, R)``.
            boxes: ``(B, R, S, 4)`` in 0..1 of the views.
            densities: ``(B, rows, columns)`` of all boxes of each view.
        """
        network = self.network
        x = stem_and_rest(network, self.frozen)[1](features)
        if network.narrow is not None:
            x = F.relu(network.narrow(x))
        parameters = network.parameters_of(ratios.flatten()).each(len(features))
        logits = network.decode(x, parameters)
        cells = (logits.shape[-2], logits.shape[-1])
        each = areas(boxes.flatten(1, 2), shapes, network.options.stride, cells)
        each = each.unflatten(1, boxes.shape[1:3])  # (B, R, S, h, w)
        whole = boxes.new_tensor([0, 0, 1, 1]).expand(len(boxes), 1, 4)
        inside = areas(whole, shapes, network.options.stride, cells).expand_as(logits)
        target = each.mean(2)
        loss = F.binary_cross_entropy_with_logits(logits, target, weight=inside, reduction="sum")
        loss = loss / inside.sum()
        if self.focus:
            seen = logits.masked_fill(inside == 0, -torch.inf)
            loss = loss + self.focus * _divergence(densities[:, None].expand_as(logits), seen)
        return loss


def _divergence(density: Tensor, logits: Tensor) -> Tensor:
    """Return the mean KL divergence of densities from softmaxes, both ``(B, R, h, w)``."""
    log = logits.flatten(2).log_softmax(-1).clamp_min(-100)  # where the density is 0
    return F.kl_div(log, density.flatten(2), reduction="sum") / log[..., 0].numel()


Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def make_batches(views: Sequence[View], batch: int, random: np.random.Generator) -> list[list[int]]:
    """Yield each view once, in random batches of one padded shape each."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index in random.permutation(len(views)):
        groups.setdefault(tuple(views[index].features.shape), []).append(int(index))
    dealt = [
        members[start : start + batch]
        for members in groups.values()
        for start in range(0, len(members), batch)
    ]
    return [dealt[number] for number in random.permutation(len(dealt))]


def collate(views: Sequence[View], recipe: Recipe, random: np.random.Generator) -> Batch:
    """Join views of one padded shape, with some ratios of each and some boxes of those."""
    picks = [random.integers(0, len(view.ratios), recipe.ratios) for view in views]
    pairs = list(zip(views, picks, strict=True))
    return (
        torch.stack([view.features for view in views]),
        torch.tensor([view.shape for view in views]),
        torch.stack([view.ratios[pick] for view, pick in pairs]),
        torch.stack(
            [
                torch.stack([_some(view.boxes[number], recipe.boxes, random) for number in pick])
                for view, pick in pairs
            ]
        ),
        torch.stack([view.density for view in views]).float(),
    )


def _some(boxes: Tensor, count: int, random: np.random.Generator) -> Tensor:
    """Choose boxes of one ratio ``(s, 4)``: each once before one of them twice."""
    return boxes[np.resize(random.permutation(len(boxes)), count)]


def parameter_groups(network: Mars, recipe: Recipe, frozen: int) -> list[dict[str, object]]:
    """Group the trained parameters by rate and decay; freezes the others."""
    stem, rest = stem_and_rest(network, frozen)
    stem.requires_grad_(False)
    trunk, meta = list(rest.parameters()), list(network.meta.parameters())
    known = {id(parameter) for parameter in [*stem.parameters(), *trunk, *meta]}
    base = [parameter for parameter in network.parameters() if id(parameter) not in known]
    return [
        {"params": trunk, "lr": recipe.trunk_rate, "weight_decay": recipe.decay},
        {"params": base, "lr": recipe.rate, "weight_decay": recipe.decay},
        {"params": meta, "lr": recipe.rate, "weight_decay": recipe.meta_decay},
    ]


def schedule(epoch: float, recipe: Recipe) -> float:
    """Return the factor of the rates: it rises for ``warmup`` epochs, then decays as a cosine."""
    if epoch < recipe.warmup:
        return max(epoch, 0.01) / recipe.warmup
    rest = max(recipe.epochs - recipe.warmup, 1e-9)
    return 0.5 * (1 + math.cos(math.pi * min((epoch - recipe.warmup) / rest, 1)))


def fit(
    network: Mars,
    views: Sequence[View],
    recipe: Recipe,
    *,
    frozen: int,
    rank: int = 0,
    world: int = 1,
    wrap: Callable[[nn.Module], nn.Module] | None = None,
    report: Callable[[int, float], None] | None = None,
) -> float:
    """Train a network in place.

    Args:
        network: on its device.
        views: the result of :func:`load_views` with an equal ``frozen``; equal in all workers.
        recipe: how.
        frozen: first blocks of the trunk, which are not trained.
        rank: number of this worker, which takes its share of each batch.
        world: number of workers.
        wrap: makes the objective data parallel.
        report: is called after each epoch with its number and its mean loss.

    Returns:
        The mean loss of the last epoch.
    """
    device = network.reduce.weight.device
    random = np.random.default_rng(recipe.seed)
    optimizer = torch.optim.Adam(parameter_groups(network, recipe, frozen))
    rates = [group["lr"] for group in optimizer.param_groups]
    objective: nn.Module = Objective(network, frozen, recipe.focus)
    objective = wrap(objective) if wrap else objective
    average = {key: value.clone() for key, value in network.state_dict().items()}
    network.train()
    for epoch in range(recipe.epochs):
        losses: list[float] = []
        dealt = make_batches(views, recipe.batch, random)
        for number, indices in enumerate(dealt):
            factor = schedule(epoch + (number + 1) / len(dealt), recipe)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            mine = [views[index] for index in indices[rank::world] or indices[:1]]
            features, *others = collate(mine, recipe, random)
            loss = objective(features.to(device).float(), *(each.to(device) for each in others))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            _follow(average, network, recipe.average)
        mean = float(np.mean(losses))
        if report:
            report(epoch, mean)
    network.load_state_dict(average)
    network.eval()
    return mean


@torch.no_grad()
def _follow(average: Mapping[str, Tensor], network: nn.Module, decay: float) -> None:
    """Move the averaged weights a step towards the network's."""
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            average[key].lerp_(value, 1 - decay)
        else:
            average[key].copy_(value)

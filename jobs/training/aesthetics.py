"""The recipe of the view ranker: a photo ranks above its sub-crops (Chen et al., ACM MM 2017).

The photographer chose the frame, so a random part of it is the worse composition. Parts are
encoded from their own pixels: windows of the whole photo's features would let the ranker tell a
part by the absence of the padding at its edges.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepcrop.networks.cagic.aesthetics import ViewRanker, ranking_loss
from deepcrop.networks.cagic.model import SIDE

from .captions import read_square

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Recipe:
    """The recipe of the view ranker; the defaults are those of our weights.

    Attributes:
        views: number of sub-crops for each photo.
        epochs: passes over the photos.
        batch: photos in a step.
        rate: learning rate (AdamW, cosine).
        decay: weight decay.
        margin: margin of the hinge loss.
        seed: seed of the weights and the order.
    """

    views: int = 5
    epochs: int = 30
    batch: int = 32
    rate: float = 3e-4
    decay: float = 0.05
    margin: float = 1.0
    seed: int = 0


def _digest(path: Path) -> bytes:
    return hashlib.sha256(f"{path.parent.parent.name}/{path.name}".encode()).digest()


def by_hash(photos: Sequence[Path]) -> list[Path]:
    """Order photos by the SHA-256 of their names; the first tenth is held out."""
    return sorted(photos, key=_digest)


def sub_crops(photo: Path, count: int) -> list[Box]:
    """Draw sub-crops (0..1 of the sides), 50 to 90% wide; a name always gives equal crops."""
    random = np.random.default_rng(int.from_bytes(_digest(photo)[:8], "big"))
    boxes = []
    for _ in range(count):
        width = random.uniform(0.5, 0.9)
        height = float(np.clip(width * random.uniform(0.85, 1.18), 0.45, 0.92))
        x, y = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
        boxes.append((x, y, x + width, y + height))
    return boxes


@torch.no_grad()
def view_features(
    photos: Sequence[Path],
    encode: Callable[[Tensor], Tensor],
    ranker: ViewRanker,
    count: int,
) -> Tensor:
    """Encode each photo and its sub-crops: pooled float16 ``(photos, 1 + count, F)``."""
    rows = []
    for photo in photos:
        boxes: list[Box | None] = [None, *sub_crops(photo, count)]
        squares = torch.stack([read_square(photo, SIDE, box) for box in boxes])
        rows.append(ranker.pool(encode(squares)).half())
    return torch.stack(rows)


def fit(
    ranker: ViewRanker, pooled: Tensor, recipe: Recipe, log: Callable[[str], None] = print
) -> ViewRanker:
    """Train a ranker on pooled features ``(photos, 1 + views, F)``, the whole photo first."""
    torch.manual_seed(recipe.seed)
    random = torch.Generator().manual_seed(recipe.seed)
    model = ViewRanker(ranker.options)
    optimiser = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=recipe.decay)
    batches = -(-len(pooled) // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs * batches)
    for epoch in range(recipe.epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(pooled), generator=random).split(recipe.batch):
            views = pooled[rows].float()
            scores = model.rank(views.flatten(0, 1)).view(views.shape[:2])
            loss = ranking_loss(scores[:, :1], scores[:, 1:], recipe.margin)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        if epoch % 5 == 4:
            log(f"epoch {epoch + 1}: hinge {total / batches:.3f}")
    return copy.deepcopy(model).eval().requires_grad_(False)


@torch.no_grad()
def evaluate(ranker: ViewRanker, pooled: Tensor) -> dict[str, float]:
    """Return how often a photo outranks one of its sub-crops, and how often all of them."""
    scores = ranker.rank(pooled.float().flatten(0, 1)).view(pooled.shape[:2])
    above = scores[:, :1] > scores[:, 1:]
    return {
        "pairs ranked right": float(above.float().mean()),
        "photos above all their sub-crops": float(above.all(1).float().mean()),
        "photos": float(len(pooled)),
    }

"""The recipe of the captioner, over cached features of a frozen trunk.

The photos are few, so everything is done against learning them by heart: dropout on features,
words and the word layer, label smoothing, weight decay, mirrored and cropped copies, the average
of the weights, and early stopping by the validation photos.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deepcrop.networks.cagic.captioner import Captioner, CaptionerOptions

DEFAULT = CaptionerOptions(channels=320, cells=7, embedding=256, hidden=256, attention=256)
"""The architecture of our weights: half of the paper's widths, a quarter of its places."""


@dataclass(frozen=True)
class Recipe:
    """The recipe of the captioner; the defaults are those of our weights.

    Attributes:
        options: the captioner's architecture.
        least: the least number of captions with a word that is in the vocabulary.
        longest: words of a caption that are kept.
        epochs: passes over the captions, at most.
        batch: captions in a step.
        rate: learning rate (AdamW, cosine).
        decay: weight decay.
        smoothing: label smoothing, 0..1.
        forget: share of the words fed in that are replaced by ``<unk>``.
        feature_dropout: share of the feature channels that are zeroed, a caption at a time.
        doubly: weight of the doubly stochastic attention (arXiv 1502.03044, Eq. 14).
        average: decay of the moving average of the weights, which is what is kept.
        patience: epochs without a better validation loss before it stops.
        seed: seed of the weights, the order and the noise.
    """

    options: CaptionerOptions = DEFAULT
    least: int = 3
    longest: int = 18
    epochs: int = 14
    batch: int = 48
    rate: float = 1e-3
    decay: float = 0.02
    smoothing: float = 0.1
    forget: float = 0.1
    feature_dropout: float = 0.2
    doubly: float = 0.5
    average: float = 0.99
    patience: int = 2
    seed: int = 0


@dataclass(frozen=True)
class Captions:
    """The training data of the loop.

    Attributes:
        grids: ``(views, photos, C, H, W)`` features, the plain view first.
        ids: ``(n, T)`` word ids.
        owners: ``(n,)`` the photo of each caption.
    """

    grids: Tensor
    ids: Tensor
    owners: Tensor


def caption_loss(
    logits: Tensor, weights: Tensor, ids: Tensor, *, pad: int, smoothing: float, doubly: float
) -> Tensor:
    """Return the cross-entropy of each next word, plus a penalty on uneven attention to places.

    Args:
        logits: ``(B, T - 1, V)``.
        weights: ``(B, T - 1, P)`` attention.
        ids: ``(B, T)`` the captions.
        pad: the word that doesn't count.
        smoothing: label smoothing, 0..1.
        doubly: weight of the attention's term.
    """
    words = F.cross_entropy(
        logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad, label_smoothing=smoothing
    )
    said = (ids[:, 1:] != pad)[..., None]
    attended = (weights * said).sum(1)
    even = said.sum(1) / weights.shape[-1]
    return words + doubly * ((1 - attended / even) ** 2).mean() * 0.1


def fit(
    words: list[str],
    train: Captions,
    validation: Captions,
    recipe: Recipe,
    log: Callable[[str], None] = print,
) -> Captioner:
    """Train a captioner; returns the average of the weights at the best validation loss."""
    torch.manual_seed(recipe.seed)
    random = torch.Generator().manual_seed(recipe.seed)
    model = Captioner(words, recipe.options)
    kept = copy.deepcopy(model).eval().requires_grad_(False)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    optimiser = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": recipe.decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=recipe.rate,
    )
    pad, unknown = model.vocabulary.index["<pad>"], model.vocabulary.index["<unk>"]
    batches = len(train.ids) // recipe.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=recipe.epochs * batches, pct_start=0.05
    )
    best, best_state, waited = float("inf"), model.state_dict(), 0
    for epoch in range(recipe.epochs):
        model.train()
        order = torch.randperm(len(train.ids), generator=random)
        total = 0.0
        for step in range(batches):
            rows = order[step * recipe.batch : (step + 1) * recipe.batch]
            ids = trim(train.ids[rows], pad)
            view = torch.randint(len(train.grids), (len(rows),), generator=random)
            features = train.grids[view, train.owners[rows]].float()
            features = F.dropout2d(features, recipe.feature_dropout)
            spoken = ids.clone()
            forgotten = torch.rand(ids.shape, generator=random) < recipe.forget
            forgotten[:, 0] = False
            spoken[forgotten] = unknown
            logits, weights = model(model.grid(features), spoken)
            loss = caption_loss(
                logits, weights, ids, pad=pad, smoothing=recipe.smoothing, doubly=recipe.doubly
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += loss.item()
            with torch.no_grad():
                for average, new in zip(kept.parameters(), model.parameters(), strict=True):
                    average.lerp_(new, 1 - recipe.average)
        loss_now = validate(kept, validation)
        log(f"epoch {epoch + 1}: train {total / batches:.3f}, validation {loss_now:.3f} nats/word")
        if loss_now < best:
            best, waited = loss_now, 0
            best_state = copy.deepcopy(kept.state_dict())
        else:
            waited += 1
            if waited > recipe.patience:
                break
    kept.load_state_dict(best_state)
    return kept


@torch.no_grad()
def validate(model: Captioner, data: Captions, batch: int = 64) -> float:
    """Return the cross-entropy of the captions, in nats per word."""
    pad = model.vocabulary.index["<pad>"]
    total, count = 0.0, 0
    for start in range(0, len(data.ids), batch):
        ids = trim(data.ids[start : start + batch], pad)
        features = data.grids[0, data.owners[start : start + batch]].float()
        logits, _ = model(model.grid(features), ids)
        total += F.cross_entropy(
            logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad, reduction="sum"
        ).item()
        count += int((ids[:, 1:] != pad).sum())
    return total / count


def trim(ids: Tensor, pad: int) -> Tensor:
    """Remove the columns that hold only padding."""
    return ids[:, : int((ids != pad).sum(1).max())]

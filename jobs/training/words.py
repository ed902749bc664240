"""Detectors of words, learned from captions of whole photos by multiple-instance learning.

A caption says that an object is in the photo, but not where. A photo is a bag of windows, and its
logit is the soft maximum of its windows' logits, so that a detector may find its word in only one
of the windows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepcrop.networks.cagic.synonyms import FUNCTION_WORDS
from deepcrop.networks.cagic.vocabulary import tokens

from .captions import CaptionedPhoto

HYPONYMS: Mapping[str, str] = {
    "person": """man woman men women boy girl boys girls child children kid kids lady guy baby
        player people person toddler biker skier surfer climber cyclist rider runner swimmer
        couple crowd snowboarder skateboarder he she""",
    "people": "men women boys girls children kids people crowd players couple",
    "child": "boy girl child kid baby toddler boys girls children kids",
    "man": "man men guy",
    "woman": "woman women lady ladies",
    "boy": "boy boys",
    "girl": "girl girls",
    "dog": "dog dogs puppy",
    "ball": "ball football basketball baseball soccer tennis volleyball",
    "bike": "bike bicycle biker cyclist bikes motorcycle",
    "car": "car cars",
    "water": "water ocean lake river pool sea wave waves",
}
"""For each word, the words of captions that imply it."""


@dataclass(frozen=True)
class Recipe:
    """The recipe of the detectors; the defaults are those of our weights.

    Attributes:
        least: the least number of photos with a word that gets a detector.
        sharpness: sharpness of the soft maximum; 0 gives the mean.
        decay: weight decay (L2 on the weights, in the loss).
        epochs: passes over the photos.
        batch: photos in a step.
        rate: learning rate (Adam, cosine).
        seed: seed of the order.
    """

    least: int = 12
    sharpness: float = 1.0
    decay: float = 3e-3
    epochs: int = 5
    batch: int = 64
    rate: float = 3e-3
    seed: int = 0


def window_means(semantic: Tensor) -> Tensor:
    """Means of a 14x14 map's windows: ``(B, C, 14, 14)`` to ``(B, 10, C)``, whole first."""
    whole = semantic.mean((2, 3))[:, None]
    windows = F.avg_pool2d(semantic, 6, 4).flatten(2).transpose(1, 2)
    return torch.cat([whole, windows], 1)


def labels_of(photos: Sequence[CaptionedPhoto], least: int) -> tuple[list[str], Tensor]:
    """Return the words that ``least`` photos have, and :func:`shares` of them."""
    counted = Counter(
        word
        for photo in photos
        for word in {word for text in photo.captions for word in tokens(text)}
    )
    words = sorted(
        word
        for word in {word for word, n in counted.items() if n >= least} | set(HYPONYMS)
        if word not in FUNCTION_WORDS
    )
    return words, shares(photos, words)


def shares(photos: Sequence[CaptionedPhoto], words: Sequence[str]) -> Tensor:
    """Return the share (0..1) of captions that have each word, or a word that implies it.

    Returns:
        ``(photos, words)`` in 0..1: three or more captions of five count as all.
    """
    groups = [{word, *HYPONYMS.get(word, "").split()} for word in words]
    rows = []
    for photo in photos:
        said = [set(tokens(text)) for text in photo.captions]
        rows.append(
            [sum(bool(group & text) for text in said) / (0.6 * len(said)) for group in groups]
        )
    return torch.tensor(rows).clamp_max(1)


def bag_logits(detector: nn.Linear, means: Tensor, sharpness: float) -> Tensor:
    """Return the soft maximum of the windows' logits: ``(B, n, C)`` to ``(B, words)``."""
    logits = detector(means) * sharpness
    return (logits.logsumexp(1) - torch.log(torch.tensor(float(means.shape[1])))) / sharpness


def fit(means: Tensor, labels: Tensor, recipe: Recipe) -> nn.Linear:
    """Train the detectors on bags of windows ``(B, n, C)`` and labels ``(B, words)``."""
    random = torch.Generator().manual_seed(recipe.seed)
    detector = nn.Linear(means.shape[2], labels.shape[1])
    nn.init.zeros_(detector.weight)
    detector.bias.data = torch.logit(labels.mean(0).clamp(1e-3, 1 - 1e-3))
    optimiser = torch.optim.Adam(detector.parameters(), recipe.rate)
    batches = max(1, len(means) // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs * batches)
    for _ in range(recipe.epochs):
        order = torch.randperm(len(means), generator=random)
        for rows in order[: batches * recipe.batch].split(recipe.batch):
            logits = bag_logits(detector, means[rows].float(), recipe.sharpness)
            loss = F.binary_cross_entropy_with_logits(logits, labels[rows], reduction="none")
            penalty = recipe.decay * detector.weight.square().sum()
            optimiser.zero_grad()
            (loss.mean(0).sum() + penalty).backward()
            optimiser.step()
            schedule.step()
    return detector.eval().requires_grad_(False)


def average_precision(scores: Tensor, present: Tensor) -> Tensor:
    """Average precision of each word: scores and presence ``(B, words)`` to ``(words,)``."""
    order = scores.argsort(0, descending=True)
    hits = present.gather(0, order).float()
    ranks = torch.arange(1, len(scores) + 1)[:, None]
    precision = hits.cumsum(0) / ranks
    return (precision * hits).sum(0) / hits.sum(0).clamp_min(1)

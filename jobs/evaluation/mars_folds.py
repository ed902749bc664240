"""Mars' head against the crops and votes of people that it did not see in training.

The photos are divided in five folds by the hash of their names; each fold is judged by a head that
learned from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from deepcrop.geometry import AspectRatio, Box
from deepcrop.methods.mars.area import exact_window, read_area
from deepcrop.methods.mars.choice import Rules, Scorer, choose
from deepcrop.methods.mars.method import probability
from deepcrop.methods.mars.networks import score_weights
from deepcrop.networks.mars.sight import Seen
from deepcrop.networks.mars.window_head import WindowHead
from deepcrop.networks.mars.window_model import Scene
from deepcrop.ops.box_search import SumTable
from jobs.training.fcdb import Edges, HumanCrop, VotedPair, fold_of
from jobs.training.mars_views import Views
from jobs.training.mars_windows import Recipe, fit, ratio_of

Floats = NDArray[np.float64]

FOLDS = 5
"""Number of folds."""
WINDOWS = ("predicted", "largest", "medians")
"""The ways in which a cropping area becomes a window, options of the method."""


@dataclass(frozen=True)
class Judged:
    """The results on photos that were not used in training.

    Attributes:
        overlap: IoU with the crop that people chose, ``(n, 3)``, by :data:`WINDOWS`.
        displacement: mean distance of the four edges, relative to the photo's sides ``(n, 3)``.
        preferred: score of the crop with more votes minus that of the other ``(m,)``, of pairs with
            four or five votes for one.
        one_size: whether both crops of these pairs have one size ``(m,)``.
        differences: score of the first crop minus that of the second ``(k,)``, of all voted pairs
            of one size.
        shares: share (0..1) of the votes for the first crop of these pairs ``(k,)``.
    """

    overlap: Floats
    displacement: Floats
    preferred: Floats
    one_size: NDArray[np.bool_]
    differences: Floats
    shares: Floats

    @classmethod
    def joined(cls, parts: Sequence[Judged]) -> Judged:
        """Return the results of several folds."""
        names = cls.__dataclass_fields__
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    @property
    def votes(self) -> tuple[float, float]:
        """The share of pairs that the score orders as people do: of one size, and of all sizes."""
        right = self.preferred > 0
        return float(right[self.one_size].mean()), float(right.mean())

    def line(self) -> str:
        """Return the means as one line of text."""
        parts = [
            f"{name} {self.overlap[:, k].mean():.4f}/{self.displacement[:, k].mean():.4f}"
            for k, name in enumerate(WINDOWS)
        ]
        same, every = self.votes
        error = self.overlap[:, 0].std() / len(self.overlap) ** 0.5
        parts.append(f"pairs {same:.4f}/{every:.4f}")
        return f"{'  '.join(parts)}  (n={len(self.overlap)} ±{error:.4f})"


@torch.inference_mode()
def judge(
    head: WindowHead,
    views: Views,
    photos: Sequence[int],
    crops: Sequence[HumanCrop],
    pairs: Sequence[Sequence[VotedPair]],
) -> Judged:
    """Judge a head on photos.

    Args:
        head: the head, of the views' components.
        views: the views; the first of each photo shows it whole.
        photos: indices of the photos.
        crops: the crops that people chose, of all photos.
        pairs: the voted pairs of each photo, in the order of the views.
    """
    weights = score_weights(head)
    nobody = torch.zeros(0, 5)
    overlap, displacement, preferred, one_size, differences, shares = [], [], [], [], [], []
    for index in photos:
        crop, view = crops[index], int(np.nonzero(views.photo == index)[0][0])
        seen = Seen(views.deep[view], views.guides[view], nobody, nobody)
        scene = Scene.of(head, seen, float(views.shape[view]))
        aspect = AspectRatio.of(Fraction(crop.box.ratio).limit_denominator(1000))
        [logits] = scene.logits([float(aspect)])
        scorer = Scorer(SumTable.of(logits), weights, None if head.cells is None else scene.cells)
        found = [choose(scorer, aspect, crop.size, Rules(zoom)) for zoom in (0.5, 1.0)]
        found.append(exact_window(read_area(probability(logits), 0.4), aspect, crop.size))
        boxes = [box for box in found if box is not None]
        overlap.append([overlap_of(box, crop.box) for box in boxes])
        displacement.append([displacement_of(box, crop) for box in boxes])
        both = views.pairs[view].flatten(0, 1)
        ratios = ratio_of(both, views.shape[view])
        scores = scene.scores(both.double().numpy(), ratios.double().numpy())
        difference = scores[0::2] - scores[1::2]
        for pair, each in zip(pairs[index], difference, strict=True):
            if pair.agreed:
                preferred.append(each if pair.a_votes > pair.b_votes else -each)
                one_size.append(pair.one_size)
            if pair.one_size:
                differences.append(each)
                shares.append(pair.a_votes / 5)
    return Judged(
        np.array(overlap),
        np.array(displacement),
        np.array(preferred),
        np.array(one_size),
        np.array(differences),
        np.array(shares),
    )


def overlap_of(box: Box, other: Edges) -> float:
    """Return the IoU of a box with a crop."""
    width = min(box.x1, other.x1) - max(box.x0, other.x0)
    height = min(box.y1, other.y1) - max(box.y0, other.y0)
    common = max(width, 0.0) * max(height, 0.0)
    return common / (box.area + other.width * other.height - common)


def displacement_of(box: Box, crop: HumanCrop) -> float:
    """Return the mean distance of the four edges, relative to the photo's sides."""
    sides = np.array([crop.size.width, crop.size.height] * 2)
    return float(np.abs((np.array(box.corners) - np.array(crop.box)) / sides).mean())


def in_folds(
    views: Views,
    crops: Sequence[HumanCrop],
    pairs: Sequence[VotedPair],
    recipe: Recipe,
    report: Callable[[str], None],
    folds: Sequence[int] = range(FOLDS),
) -> Judged:
    """Train a head for each fold and judge it.

    Args:
        views: views of all photos.
        crops: the crops that people chose.
        pairs: the voted pairs.
        recipe: the recipe of each head.
        report: is called with a line after each fold.
        folds: the folds that are judged.
    """
    by_photo: dict[str, list[VotedPair]] = {}
    for pair in pairs:
        by_photo.setdefault(pair.name, []).append(pair)
    voted = [by_photo.get(crop.name, []) for crop in crops]
    fold = np.array([fold_of(crop.name, FOLDS) for crop in crops])
    parts = []
    for number in folds:
        head = fit(views, np.nonzero(fold != number)[0].tolist(), recipe)
        parts.append(judge(head, views, np.nonzero(fold == number)[0].tolist(), crops, voted))
        report(f"fold {number}: {parts[-1].line()}")
    return Judged.joined(parts)

"""Tables 2, 3, 4 and 6 of Mars on crops that people chose, with the dense score alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jobs.training.fcdb import HumanCrop, VotedPair
from jobs.training.mars_views import Views
from jobs.training.mars_windows import Recipe

from .mars_folds import FOLDS, in_folds

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "w/o ARS-FTM & ARS-PWP": {"transform": False, "predictor": False},
    "w/o ARS-FTM": {"transform": False},
    "w/o ARS-PWP": {"predictor": False},
    "Mars": {},
    "w/o embedding vector": {"embedding": False},
    "w/o interpolation": {"interpolation": False},
    "no hidden layer": {"depth": 0},
    "2 hidden layers": {"depth": 2},
    "3 hidden layers": {"depth": 3},
    "16 channels": {"width": 16},
    "64 channels": {"width": 64},
}
"""The options of the variants in Tables 3, 4, 2 (layers) and 6 (channels); "Mars" has one hidden
layer and 32 channels."""


def ablation(
    views: Views,
    crops: Sequence[HumanCrop],
    pairs: Sequence[VotedPair],
    recipe: Recipe,
    report: Callable[[str], None],
    folds: Sequence[int] = range(FOLDS),
) -> None:
    """Train each variant by one recipe, judge it on held-out folds, and report a line for each.

    The cells score isn't used: it knows the windows' aspect ratio without the meta-learners.

    Args:
        views: views of all photos.
        crops: the crops that people chose.
        pairs: the voted pairs.
        recipe: the recipe.
        report: is called with each line.
        folds: the folds that are judged.
    """
    for name, switches in VARIANTS.items():
        options = replace(recipe.options, hidden=0, **switches)
        found = in_folds(
            views, crops, pairs, replace(recipe, options=options), lambda line: None, folds
        )
        report(f"{name:24} {found.line()}")

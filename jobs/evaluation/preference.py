"""How well a score tells which of two crops people prefer: calibration on voted pairs.

```python
factor = fit_factor(differences, shares)           # of pairs that training did not see
bins, brier = reliability(factor * differences, shares)
```
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 10
"""Number of bins of the predicted probability."""


class Bin(NamedTuple):
    """Pairs whose predicted probabilities are similar.

    Attributes:
        pairs: number of pairs.
        predicted: mean predicted probability (0..1) of a vote for the first crop.
        voted: share (0..1) of the votes that the first crops have.
    """

    pairs: int
    predicted: float
    voted: float


def sigmoid(logits: Floats) -> Floats:
    """Return the probabilities of logits."""
    result: Floats = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
    return result


def fit_factor(differences: Floats, shares: Floats) -> float:
    """Return the factor that makes the logit of a vote out of a difference of scores.

    It maximises the likelihood of the votes; the pairs are taken in both orders, so there is no
    constant.

    Args:
        differences: score of the first crop minus that of the second ``(n,)``.
        shares: share (0..1) of the votes that the first crop has ``(n,)``.

    Raises:
        ValueError: there are no differences, or all are 0.
    """
    if not np.any(differences):
        raise ValueError("no pair has a difference of scores; a factor can't be fitted")
    factor = 0.0
    for _ in range(50):  # Newton's method; the likelihood is concave
        predicted = sigmoid(factor * differences)
        slope = float(((shares - predicted) * differences).sum())
        curvature = float((predicted * (1 - predicted) * differences**2).sum())
        step = slope / max(curvature, 1e-12)
        factor += step
        if abs(step) < 1e-9:
            break
    return factor


def reliability(logits: Floats, shares: Floats) -> tuple[list[Bin], float]:
    """Compare predicted probabilities with votes.

    Args:
        logits: logit of a vote for the first crop ``(n,)``.
        shares: share (0..1) of the votes that the first crop has ``(n,)``.

    Returns:
        The bins of equal width that have pairs, each pair in both orders, by ascending probability;
        and the Brier score: the mean square of the difference between the probability and a vote
        (0 or 1). Always predicting one half has .25.
    """
    predicted = np.concatenate([sigmoid(logits), sigmoid(-logits)])
    voted = np.concatenate([shares, 1 - shares])
    place = np.minimum((predicted * BINS).astype(int), BINS - 1)
    bins = [
        Bin(int(chosen.sum()), float(predicted[chosen].mean()), float(voted[chosen].mean()))
        for chosen in (place == number for number in range(BINS))
        if chosen.any()
    ]
    brier = voted * (1 - predicted) ** 2 + (1 - voted) * predicted**2
    return bins, float(brier.mean())

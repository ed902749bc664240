"""The factor that turns a difference of scores to the chance of a vote, on folds of FCDB's photos.

```python
fitted = calibrate(scorer_of(OurMethod("saliency")), shared, fit=0, test=1)
console.print(calibration_table("saliency", fitted))
```
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from jobs.training.fcdb import fold_of, read_pairs

from .box_scores import Scorer, score_pairs
from .preference import Bin, fit_factor, reliability

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A factor that votes on some photos gave, and how well it does on others.

    Attributes:
        fitted: number of pairs that the factor was fitted on.
        factor: growth of the log-odds of a vote for a difference of 1 in the score.
        tested: number of pairs of the other photos.
        bins: predicted and voted shares there; see :func:`.preference.reliability`.
        brier: Brier score there; one half everywhere has .25.
    """

    fitted: int
    factor: float
    tested: int
    bins: list[Bin]
    brier: float


def calibrate(
    scorer: Scorer,
    shared: Path,
    *,
    fit: int,
    test: int,
    report: Callable[[str], None] = lambda line: None,
) -> Calibration:
    """Fit the factor on the pairs of one size of a fold, and test it on another fold's.

    Args:
        scorer: the way of judging.
        shared: folder that holds ``data/crops_fcdb``.
        fit: fold of the photos that the factor is fitted on.
        test: fold of the photos that it is tested on.
        report: called with a line for each 100 photos.
    """
    differences, shares = _votes(scorer, shared, fit, report)
    factor = fit_factor(differences, shares)
    others, voted = _votes(scorer, shared, test, report)
    bins, brier = reliability(factor * others, voted)
    return Calibration(len(shares), factor, len(voted), bins, brier)


def _votes(
    scorer: Scorer, shared: Path, fold: int, report: Callable[[str], None]
) -> tuple[Floats, Floats]:
    """Return the differences of scores and the shares of votes of a fold's pairs of one size."""
    pairs = [pair for pair in read_pairs(shared) if fold_of(pair.name) == fold and pair.one_size]
    ordered, scores = score_pairs(pairs, {"": scorer}, shared, report)
    votes = np.array([(pair.a_votes, pair.b_votes) for pair in ordered], np.float64)
    return scores[""][:, 0] - scores[""][:, 1], votes[:, 0] / votes.sum(1)


def calibration_table(name: str, found: Calibration) -> Table:
    """Tabulate the bins from one half up; those below mirror them."""
    table = Table(
        "predicted",
        "pairs",
        "mean prediction",
        "votes",
        title=f"{name}: factor {found.factor:.2f} of {found.fitted} pairs; on {found.tested} "
        f"others a Brier score of {found.brier:.4f} (.25 knows nothing)",
    )
    for each in found.bins:
        if each.predicted >= 0.5:
            low = int(each.predicted * 10) / 10
            table.add_row(
                f"{low:.1f} to {low + 0.1:.1f}",
                str(each.pairs),
                f"{each.predicted:.3f}",
                f"{each.voted:.3f}",
            )
    return table

"""How well the score of ``saliency`` foretells which crops a person finds bad.

```python
judged = read_judged(JUDGEMENTS)
sliced = what_is_sliced(judged, method, shared)
for table in acceptance_tables(judged, cross_validated(judged, sliced)):
    console.print(table)
```

The judgements are those of one person on the crops of two releases, without knowing which was which
(:mod:`.blind_commands`), as verdicts of :data:`.blind_score.VERDICTS`.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from deepcrop.errors import RequestError
from deepcrop.geometry import Box
from deepcrop.methods.acceptance import Coefficients, Sliced, Slicing, acceptance
from deepcrop.methods.saliency import SaliencyCrop
from deepcrop.methods.scene import Scene, SceneWeights
from deepcrop.ops.windows import Integral
from jobs.training.datasets import read_photo

from .blind_score import VERDICTS
from .croppers import LONGEST
from .preference import sigmoid

Floats = NDArray[np.float64]

JUDGEMENTS = Path(__file__).with_name("judgements.csv")
"""Judged crops: ``release,photo,x0,y0,x1,y1,verdict``; photos relative to ``data/``."""
FOLDS = 10
"""Parts of the photos, of which each is foretold by a fit on the others."""
RIDGE = 0.01
"""Weight of the squared coefficients in the fit, which keeps them finite."""
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Edges of the bins of the foretold chance that a crop is accepted."""


@dataclass(frozen=True)
class JudgedCrop:
    """A crop and a person's verdict on it."""

    release: str
    photo: str
    box: Box
    verdict: str

    @property
    def bad(self) -> bool:
        """Whether the person found it bad."""
        return self.verdict == "bad"

    @property
    def fold(self) -> int:
        """The part of its photo, 0 to :data:`FOLDS` - 1."""
        return int(hashlib.sha256(self.photo.encode()).hexdigest(), 16) % FOLDS


def read_judged(path: Path) -> list[JudgedCrop]:
    """Read judged crops, ordered by photo.

    Raises:
        RequestError: a line is wrong.
    """
    found = []
    with path.open(newline="") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            try:
                x0, y0, x1, y1 = (int(row[each]) for each in ("x0", "y0", "x1", "y1"))
                verdict = VERDICTS[VERDICTS.index(row["verdict"])]
                found.append(JudgedCrop(row["release"], row["photo"], Box(x0, y0, x1, y1), verdict))
            except (KeyError, TypeError, ValueError) as error:
                raise RequestError(
                    f"{path}:{line}: expected a crop box in pixels and as verdict one of "
                    f"{', '.join(VERDICTS)}"
                ) from error
    return sorted(found, key=lambda crop: crop.photo)


def what_is_sliced(
    judged: Sequence[JudgedCrop], method: SaliencyCrop, shared: Path
) -> list[Sliced]:
    """Return what each crop slices, by what a method's network finds on its photo."""
    o = method.options
    weights = SceneWeights(o.subject, o.whole, o.faces, o.animals, o.text)
    found = []
    for photo, crops in groupby(judged, lambda crop: crop.photo):
        image, size = read_photo(shared / "data" / photo, LONGEST)
        output = method.network.predict([image])[0].arrays()
        integral = Integral.of(output.saliency, size)
        slicing = Slicing.of(output, Scene.of(output, integral, weights))
        found += [slicing.by(crop.box) for crop in crops]
    return found


def fit(sliced: Sequence[Sliced], bad: Sequence[bool]) -> Coefficients:
    """Fit the logistic function of what crops slice to verdicts, by Newton's method."""
    x = np.array([[*each, 1.0] for each in sliced])
    y = np.array(bad, np.float64)
    ridge = RIDGE * np.diag([1.0] * (x.shape[1] - 1) + [0.0])
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = sigmoid(x @ w)
        step = np.linalg.solve(
            (x * (p * (1 - p))[:, None]).T @ x + ridge, x.T @ (p - y) + ridge @ w
        )
        w = w - step
        if np.abs(step).max() < 1e-9:
            break
    return Coefficients(*w.tolist())


def cross_validated(judged: Sequence[JudgedCrop], sliced: Sequence[Sliced]) -> Floats:
    """Return the chance that each crop is accepted, by a fit on the other folds' photos."""
    folds = np.array([crop.fold for crop in judged])
    bad = np.array([crop.bad for crop in judged])
    chances = np.ones(len(judged))
    for fold in np.unique(folds):
        held = folds == fold
        others = [each for each, out in zip(sliced, held, strict=True) if not out]
        mine = [each for each, out in zip(sliced, held, strict=True) if out]
        chances[held] = chances_by(fit(others, bad[~held].tolist()), mine)
    return chances


def chances_by(fitted: Coefficients, sliced: Sequence[Sliced]) -> Floats:
    """Return the chance that each crop is accepted."""
    return np.array([acceptance(each, fitted) for each in sliced])


def separation(chances: Floats, bad: NDArray[np.bool_]) -> float:
    """Return the share of the pairs of a bad crop and another whose bad one has the lower chance.

    That is the area under the ROC curve; ties count half.
    """
    worse, better = chances[bad][:, None], chances[~bad][None]
    return float((worse < better).mean() + 0.5 * (worse == better).mean())


def acceptance_tables(judged: Sequence[JudgedCrop], chances: Floats) -> list[Table]:
    """Tabulate how well chances foretell the verdicts, by release, and their calibration."""
    bad = np.array([crop.bad for crop in judged])
    releases = np.array([crop.release for crop in judged])
    table = Table("crops of", "crops", "bad", "AUC", "bad of the 10 worst", "bad of the 30 worst")
    for name in (*sorted(set(releases)), "all"):
        mine = (releases == name) | (name == "all")
        order = np.argsort(chances[mine], kind="stable")
        worst = [f"{bad[mine][order[:count]].sum()}" for count in (10, 30)]
        auc = f"{separation(chances[mine], bad[mine]):.3f}"
        table.add_row(name, str(mine.sum()), str(bad[mine].sum()), auc, *worst)
    brier = float(np.mean((chances - ~bad) ** 2))
    constant = float(np.mean((bad.mean() - bad) ** 2))
    bins = Table(
        "score", "crops", "mean score", "accepted",
        title=f"Brier score {brier:.4f}; one chance for all {constant:.4f}",
    )  # fmt: skip
    for low, high in pairwise(BINS):
        within = (chances >= low) & ((chances < high) | (high == 1))
        if within.any():
            shares = (chances[within].mean(), (~bad[within]).mean())
            row = (f"{share:.3f}" for share in shares)
            bins.add_row(f"{low:g} to {high:g}", str(within.sum()), *row)
    return [table, bins]

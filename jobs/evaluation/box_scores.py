"""Scores of boxes, and how often they agree with people's votes on pairs of crops.

A scorer looks at a photo once and returns its objective, which gives any box of the photo a score:

```python
score = scorer_of(OurMethod("saliency"))(photo)
score(Edges(0, 0, 300, 200)) > score(Edges(100, 0, 400, 200))
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rich.table import Table
from torch import Tensor

from deepcrop.errors import RequestError
from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.mars.choice import Scorer as MarsScorer
from deepcrop.methods.mars.method import MarsCrop
from deepcrop.methods.saliency import SaliencyCrop
from deepcrop.methods.scene import Scene, SceneWeights
from deepcrop.ops.box_search import SumTable
from deepcrop.ops.coverage import coverage
from deepcrop.ops.windows import Integral
from jobs.training.datasets import density, read_photo
from jobs.training.fcdb import FOLDER, Edges, VotedPair

from .croppers import LONGEST, EvaluationPhoto, OurMethod

CENTRE_SIGMA = 0.25
"""Sigma of the centre's density relative to the root of the photo's area."""


class BoxScore(Protocol):
    """The objective of one photo: higher for the better box."""

    def __call__(self, box: Edges) -> float:
        """Return the score of a box in pixels of the photo's file."""
        ...


class Scorer(Protocol):
    """A way of judging the boxes of a photo."""

    def __call__(self, photo: EvaluationPhoto) -> BoxScore:
        """Look at a photo, and return its objective."""
        ...


@runtime_checkable
class HasObjective(Protocol):
    """A method that offers its own objective, which is then used as its score."""

    def objective(self, image: Tensor, size: Size) -> BoxScore:
        """Return the objective of a photo.

        Args:
            image: uint8 RGB ``(3, h, w)``.
            size: size of the file in pixels, which are those of the boxes.
        """
        ...


@dataclass(frozen=True)
class Mass:
    """The objective of a map: the share of its sum that a box holds, 0 to 1."""

    values: np.ndarray
    """``(h, w)``, non-negative; it covers the photo."""
    size: Size

    @classmethod
    def of(cls, values: ArrayLike, size: Size) -> Mass:
        """Scale a map to the sum 1."""
        array = np.asarray(values, np.float64)
        return cls(array / array.sum(), size)

    def __call__(self, box: Edges) -> float:
        """Return the share of the map inside a box, with parts of cells."""
        return float(inside(self.values, box, self.size))


def inside(values: np.ndarray, box: Edges, size: Size) -> float:
    """Return the sum of a map ``(h, w)`` inside a box, with parts of its cells."""
    down = coverage(box.y0 / size.height, box.y1 / size.height, values.shape[0])
    across = coverage(box.x0 / size.width, box.x1 / size.width, values.shape[1])
    return float(down @ values @ across)


def centre_score(photo: EvaluationPhoto) -> BoxScore:
    """Return the mass of a Gaussian at the photo's centre as the objective."""
    cells = photo.size.fit(64)
    middle = density(np.array([[0.5, 0.5]]), cells.height, cells.width, CENTRE_SIGMA)
    return Mass.of(middle.numpy(), photo.size)


def scorer_of(method: OurMethod) -> Scorer:
    """Return a method's own score of boxes.

    That is its ``objective`` if it has one (:class:`HasObjective`), else for ``saliency`` what its
    windows maximise (:meth:`deepcrop.methods.scene.Scene.worth`), and for ``mars`` the score
    by which it compares windows.

    Raises:
        RequestError: the method gives boxes no scores.
    """

    def look(photo: EvaluationPhoto) -> BoxScore:
        found = method.method(photo.name)
        if isinstance(found, HasObjective):
            return found.objective(photo.image, photo.size)
        if isinstance(found, SaliencyCrop):
            return _worth(found, photo)
        if isinstance(found, MarsCrop):
            return _mars(found, photo)
        raise RequestError(f"method {method.text!r}: gives boxes no scores")

    return look


def _worth(method: SaliencyCrop, photo: EvaluationPhoto) -> BoxScore:
    o = method.options
    weights = SceneWeights(o.subject, o.whole, o.faces, o.animals, o.text)
    output = method.network.predict([photo.image], heads=True)[0].arrays()
    integral = Integral.of(output.saliency, photo.size)
    scene = Scene.of(output, integral, weights)
    return lambda box: scene.worth(whole_pixels(box, photo.size), integral)


def whole_pixels(box: Edges, size: Size) -> Box:
    """Round a box to whole pixels inside a photo."""
    x0, y0 = min(max(round(box.x0), 0), size.width - 1), min(max(round(box.y0), 0), size.height - 1)
    x1, y1 = min(round(box.x1), size.width), min(round(box.y1), size.height)
    return Box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))


def _mars(method: MarsCrop, photo: EvaluationPhoto) -> BoxScore:
    weights = method.looker.weights
    sides = np.array([photo.size.width, photo.size.height] * 2, np.float64)

    @cache
    def scorer(ratio: AspectRatio) -> MarsScorer:
        [seen] = method.looker.look([photo.image], [ratio])
        compared = weights._replace(cells=weights.voted_cells)
        return MarsScorer(SumTable.of(seen.logits[0]), compared, seen.cells)

    def score(box: Edges) -> float:
        # Crops of one ratio differ in the third digit, and the network should run once for them.
        ratio = AspectRatio.of(Fraction(round(50 * box.ratio), 50))
        return float(scorer(ratio)(np.array([box]) / sides)[0])

    return score


@dataclass(frozen=True)
class PairAccuracy:
    """How often a score prefers the crop that people prefer.

    Attributes:
        one_size: share (0..1) of the pairs of one size; ties count half.
        every: share of all pairs.
    """

    one_size: float
    every: float


def score_pairs(
    pairs: Sequence[VotedPair],
    scorers: Mapping[str, Scorer],
    shared: Path,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[list[VotedPair], dict[str, NDArray[np.float64]]]:
    """Score both crops of pairs; each photo is read once.

    Args:
        pairs: of :func:`jobs.training.fcdb.read_pairs`.
        scorers: ways of judging by name.
        shared: folder that holds ``data/crops_fcdb``.
        report: called with a line for each 100 photos.

    Returns:
        The pairs in the order of their photos, and for each way the scores ``(n, 2)``.
    """
    by_photo: dict[str, list[VotedPair]] = {}
    for pair in pairs:
        by_photo.setdefault(pair.name, []).append(pair)
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in scorers}
    for number, (name, group) in enumerate(by_photo.items(), 1):
        image, _ = read_photo(shared / FOLDER / "images" / name, LONGEST)
        photo = EvaluationPhoto(name, image, group[0].size)
        for title, scorer in scorers.items():
            score = scorer(photo)
            scores[title] += [(score(pair.a), score(pair.b)) for pair in group]
        if number % 100 == 0:
            report(f"{number} of {len(by_photo)} photos")
    ordered = [pair for group in by_photo.values() for pair in group]
    return ordered, {title: np.array(each) for title, each in scores.items()}


def pair_accuracy(
    pairs: Sequence[VotedPair],
    scorers: Mapping[str, Scorer],
    shared: Path,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[dict[str, PairAccuracy], int, int]:
    """Compare scores with votes, on the pairs on which four or five of five people agree.

    The arguments are those of :func:`score_pairs`.

    Returns:
        The figures of each way, the number of pairs of one size, and the number of all.
    """
    agreed = [pair for pair in pairs if pair.agreed]
    ordered, scores = score_pairs(agreed, scorers, shared, report)
    one_size = np.array([pair.one_size for pair in ordered], bool)
    first = np.array([pair.a_votes > pair.b_votes for pair in ordered])
    figures = {}
    for title, each in scores.items():
        gap = (each[:, 0] - each[:, 1]) * np.where(first, 1, -1)
        right = (gap > 0) + 0.5 * (gap == 0)
        figures[title] = PairAccuracy(float(right[one_size].mean()), float(right.mean()))
    return figures, int(one_size.sum()), len(one_size)


def pair_table(figures: Mapping[str, PairAccuracy], one_size: int, every: int) -> Table:
    """Tabulate the shares of pairs, the best last."""
    table = Table(
        "score", f"one size ({one_size} pairs)", f"all ({every})", title="people's votes on pairs"
    )
    for name, each in sorted(figures.items(), key=lambda item: item[1].one_size):
        table.add_row(name, f"{each.one_size:.3f}", f"{each.every:.3f}")
    return table

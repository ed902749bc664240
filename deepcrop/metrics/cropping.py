"""The share of the fixations that a crop keeps.

The share of the fixations inside a window is measured between two references: the window in the
middle of the image, and the window that a person would choose who had seen where half of the
viewers looked. ``gain = (kept - centre) / (human - centre)`` is 0 for the first, 1 for the second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import AspectRatio, Box, Size
from ..ops.windows import Integral, best_window

Floats = NDArray[np.float64]

ASPECTS = tuple(AspectRatio.parse(text) for text in ("1:1", "16:9", "9:16", "4:5", "3:1", "2:3"))
"""The ratios that the gain is averaged over."""


def kept(box: Box, points: Floats, size: Size) -> float:
    """Return the share of fixations ``(n, 2)``, (x, y) in 0..1 of the sides, inside a box."""
    low = np.array([box.x0, box.y0]) / (size.width, size.height)
    high = np.array([box.x1, box.y1]) / (size.width, size.height)
    return float(((points >= low) & (points < high)).all(1).mean())


def centre_window(aspect: AspectRatio, size: Size) -> Box:
    """Return the largest window of a ratio in the middle of an image."""
    return Box.centred(aspect.largest_window(size), (0.5, 0.5), size)


def best_possible_window(aspect: AspectRatio, points: Floats, size: Size) -> Box:
    """Return the largest window of a ratio that holds the most fixations there are."""
    histogram = np.zeros((size.height, size.width))
    column = np.minimum((points[:, 0] * size.width).astype(int), size.width - 1)
    row = np.minimum((points[:, 1] * size.height).astype(int), size.height - 1)
    np.add.at(histogram, (row, column), 1)
    return best_window(Integral.of(histogram, size), aspect).box


def halves(
    viewers: NDArray[np.int64], rounds: int, seed: int = 0
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Split the viewers of a photo at random into two halves, ``rounds`` times.

    Returns:
        For each round, which fixations are of the first half and which of the second.
    """
    random = np.random.default_rng(seed)
    people = np.unique(viewers)
    result = []
    for _ in range(rounds):
        chosen = np.isin(viewers, random.permutation(people)[: len(people) // 2])
        result.append((chosen, ~chosen))
    return result


def human_share(
    aspect: AspectRatio,
    points: Floats,
    viewers: NDArray[np.int64],
    size: Size,
    estimate: Callable[[Floats, Size], Floats],
    rounds: int = 4,
) -> float:
    """Return what a window keeps of half of the viewers that the other half chose.

    Args:
        aspect: ratio of the window.
        points: ``(n, 2)`` fixations, 0..1.
        viewers: ``(n,)`` who made them.
        size: the photo in pixels.
        estimate: fixations to a saliency map, such as a blur; it sees the first half only.
        rounds: random halvings to average over.
    """
    shares = []
    for first, second in halves(viewers, rounds):
        if not first.any() or not second.any():
            continue
        integral = Integral.of(estimate(points[first], size), size)
        shares.append(kept(best_window(integral, aspect).box, points[second], size))
    return float(np.mean(shares))


def kept_shares(
    boxes: Sequence[Sequence[Box]], points: Sequence[Floats], sizes: Sequence[Size]
) -> Floats:
    """Return the kept share of each photo ``(n,)``, averaged over its boxes.

    Args:
        boxes: of each photo, one a ratio.
        points: fixations ``(m, 2)`` of each photo, 0..1.
        sizes: of the photos in pixels.
    """
    shares = [
        np.mean([kept(box, fixations, size) for box in row])
        for row, fixations, size in zip(boxes, points, sizes, strict=True)
    ]
    return np.array(shares, np.float64)


@dataclass(frozen=True, eq=False)
class Gain:
    """Kept shares between those of the two reference windows, over n photos.

    Attributes:
        kept: ``(n,)`` of each photo, averaged over ratios.
        centre: what the centre windows keep of it.
        human: what the human windows keep of it.
    """

    kept: Floats
    centre: Floats
    human: Floats

    @property
    def gain(self) -> float:
        """0 at the centre window, 1 at the human ceiling."""
        return float((self.kept - self.centre).mean() / (self.human - self.centre).mean())

    @property
    def error(self) -> float:
        """Standard error of the gain over photos, as of a ratio of two means (delta method)."""
        room = self.human - self.centre
        rest = self.kept - self.centre - self.gain * room
        return float(rest.std() / len(rest) ** 0.5 / abs(room.mean()))

    def of(self, chosen: NDArray[np.bool_]) -> Gain:
        """Return the gain over some of the photos ``(n,)``."""
        return Gain(self.kept[chosen], self.centre[chosen], self.human[chosen])

"""Measure the share of the fixations that a crop keeps.

The share of the fixations inside a window is compared with two references: the window at the centre
of the image, and the best window for the fixations of half of the viewers (the human window).
``gain = (kept - centre) / (human - centre)`` is 0 for the first and 1 for the second.
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
"""The aspect ratios over which the gain is averaged."""


def kept(box: Box, points: Floats, size: Size) -> float:
    """Return the share (0..1) of fixations inside a box.

    Args:
        box: the box in pixels of the image.
        points: ``(n, 2)`` fixations (x, y), in 0..1 of the sides.
        size: size of the image in pixels.
    """
    low = np.array([box.x0, box.y0]) / (size.width, size.height)
    high = np.array([box.x1, box.y1]) / (size.width, size.height)
    return float(((points >= low) & (points < high)).all(1).mean())


def centre_window(aspect: AspectRatio, size: Size) -> Box:
    """Return the largest window of a ratio at the centre of an image."""
    return Box.centred(aspect.largest_window(size), (0.5, 0.5), size)


def best_possible_window(aspect: AspectRatio, points: Floats, size: Size) -> Box:
    """Return the largest window of a ratio with the most fixations."""
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
        For each round, the masks of the fixations by the first half and by the second half.
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
    """Return the share of half of the viewers' fixations in the best window of the other half.

    Args:
        aspect: the aspect ratio of the window.
        points: ``(n, 2)`` fixations, in 0..1 of the sides.
        viewers: ``(n,)``, the viewer of each fixation.
        size: size of the photo in pixels.
        estimate: a function from fixations to a saliency map, such as a blur; it gets only the
            first half's fixations.
        rounds: number of random halvings over which the result is averaged.
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
        boxes: the boxes of each photo, one for each aspect ratio.
        points: the fixations ``(m, 2)`` of each photo, in 0..1 of the sides.
        sizes: the sizes of the photos in pixels.
    """
    shares = [
        np.mean([kept(box, fixations, size) for box in row])
        for row, fixations, size in zip(boxes, points, sizes, strict=True)
    ]
    return np.array(shares, np.float64)


@dataclass(frozen=True, eq=False)
class Gain:
    """Kept shares of n photos relative to those of the two reference windows.

    Attributes:
        kept: ``(n,)``, the kept share of each photo, averaged over aspect ratios.
        centre: ``(n,)``, the share of each photo that the centre windows keep.
        human: ``(n,)``, the share of each photo that the human windows keep.
    """

    kept: Floats
    centre: Floats
    human: Floats

    @property
    def gain(self) -> float:
        """The gain: 0 for the centre windows, 1 for the human windows."""
        return float((self.kept - self.centre).mean() / (self.human - self.centre).mean())

    @property
    def error(self) -> float:
        """The standard error of the gain over photos, as a ratio of two means (delta method)."""
        room = self.human - self.centre
        rest = self.kept - self.centre - self.gain * room
        return float(rest.std() / len(rest) ** 0.5 / abs(room.mean()))

    def of(self, chosen: NDArray[np.bool_]) -> Gain:
        """Return the gain over some of the photos ``(n,)``."""
        return Gain(self.kept[chosen], self.centre[chosen], self.human[chosen])

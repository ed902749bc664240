"""Compare two readings of a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .reader import Closeness, Pixels

NEAR_LEVELS = 3
"""The largest difference of two readings that are the same, in levels of 255."""
NEAR_MEAN = 3.0
"""The largest mean difference from a picture that was coded with loss, in levels of 255."""
NEAR_LOOK = 0.9
"""The least correlation of two pictures in grey that look alike, at `_LOOK` pixels."""

_LOOK = (32, 32)


@dataclass(frozen=True)
class Difference:
    """How far two readings are apart.

    Attributes:
        sizes: width and height of both.
        largest: the largest difference of any channel over black or over white, in levels of 255;
            None if the sizes differ.
        mean: the mean difference.
        look: the correlation of the pictures made small and grey.
    """

    sizes: tuple[tuple[int, int], tuple[int, int]]
    largest: int | None
    mean: float | None
    look: float

    def near(self, closeness: Closeness) -> bool:
        """Return whether the readings are as close as they should be."""
        if closeness == "look":
            (width, height), (other_width, other_height) = self.sizes
            shape = width / height / (other_width / other_height)
            return self.look >= NEAR_LOOK and 0.95 < shape < 1.05
        if self.largest is None or self.mean is None:
            return False
        return self.mean <= NEAR_MEAN if closeness == "mean" else self.largest <= NEAR_LEVELS

    def __str__(self) -> str:
        if self.largest is None:
            (width, height), (other_width, other_height) = self.sizes
            return f"{width}x{height} against {other_width}x{other_height}, look {self.look:.2f}"
        return f"{self.largest} levels, mean {self.mean:.2f}, look {self.look:.2f}"


def difference(ours: Pixels, theirs: Pixels) -> Difference:
    """Compare two readings over white, and over black if theirs has transparency."""
    sizes = ((ours.shape[1], ours.shape[0]), (theirs.shape[1], theirs.shape[0]))
    look = _correlation(_small(ours), _small(theirs))
    if sizes[0] != sizes[1]:
        return Difference(sizes, None, None, look)
    grounds = (0, 255) if theirs.shape[2] == 4 else (255,)
    largest, mean = 0, 0.0
    for ground in grounds:
        total = 0.0
        for top in range(0, len(ours), 256):
            rows = slice(top, top + 256)
            apart = np.abs(_over(ours[rows], ground) - _over(theirs[rows], ground))
            largest = max(largest, round(float(apart.max(initial=0))))
            total += float(apart.sum())
        mean = max(mean, total / (sizes[0][0] * sizes[0][1] * 3))
    return Difference(sizes, largest, mean, look)


def _over(pixels: Pixels, ground: int) -> NDArray[np.float32]:
    colours = pixels[..., :3].astype(np.float32)
    if pixels.shape[2] == 3:
        return colours
    alpha = pixels[..., 3:].astype(np.float32) / 255
    over = colours * alpha + ground * (1 - alpha)
    return over.astype(np.float32)


def _small(pixels: Pixels) -> NDArray[np.float64]:
    colours = np.ascontiguousarray(pixels)
    image = Image.fromarray(colours)
    if pixels.shape[2] == 4:
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    small = image.convert("L").resize(_LOOK, Image.Resampling.BOX, reducing_gap=2)
    return np.asarray(small, np.float64)


def _correlation(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    if np.ptp(ours) < 4 or np.ptp(theirs) < 4:
        return float(abs(ours.mean() - theirs.mean()) < 4)
    return float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])

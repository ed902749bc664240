"""The paper's conversion of a cropping area to a window (section 3.4): a threshold and medians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geometry import AspectRatio, Box, Focal, Size

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Area:
    """Centre and size of a cropping area, computed by medians, in 0..1 of the image's sides."""

    centre: Focal
    width: float
    height: float


def read_area(probability: Floats, threshold: float) -> Area:
    """Compute the centre and the size of a cropping area by medians.

    The centre is the median of the coordinates of all cells that reach the threshold. The height
    (width) is the median of the non-zero counts of these cells in the columns (rows). If no cell
    reaches the threshold, the map's maximum is the threshold.

    Args:
        probability: ``(h, w)``, 0..1.
        threshold: theta, 0.4 in the paper.
    """
    mask = probability >= min(threshold, float(probability.max()))
    rows, columns = mask.sum(1), mask.sum(0)
    height, width = mask.shape
    return Area(
        centre=((_middle(columns) + 0.5) / width, (_middle(rows) + 0.5) / height),
        width=_median(rows[rows > 0]) / width,
        height=_median(columns[columns > 0]) / height,
    )


def _median(values: NDArray[np.int64]) -> float:
    """Return the median; for few values a sort takes a tenth of numpy.median's time."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _middle(counts: NDArray[np.int64]) -> float:
    """Return the median of positions, each of which occurs ``counts[position]`` times."""
    below = counts.cumsum()
    total = int(below[-1])
    first, second = np.searchsorted(below, [(total - 1) // 2 + 1, total // 2 + 1])
    return (int(first) + int(second)) / 2


def exact_window(area: Area, aspect: AspectRatio, size: Size, centre: Focal | None = None) -> Box:
    """Reduce the width or the height to the ratio, and shift the window inside the image.

    Args:
        area: the cropping area of the image.
        aspect: the aspect ratio of the window.
        size: size of the image in source pixels.
        centre: centre of the window, 0..1 of the sides; None uses the area's.
    """
    around = Size(
        min(max(round(area.width * size.width), 1), size.width),
        min(max(round(area.height * size.height), 1), size.height),
    )
    return Box.centred(aspect.largest_window(around), centre or area.centre, size)

"""Mars on held-out photos: what its windows keep, and what they cost in area.

A method that may choose a smaller window is judged at the area that it chose: how much would the
saliency method, the centre window, or a person keep in a window of that area?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry import AspectRatio, Box, Size
from ..methods.mars import MarsCrop, exact_window, read_area
from ..methods.saliency import SaliencyCrop
from ..metrics.cropping import ASPECTS, Gain, centre_window, halves, human_share, kept, mean_kept
from ..ops.windows import Integral, best_window
from .datasets import Floats, GazePhoto
from .report import human_estimate

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Of Mars: its curve."""
PARTS = (0.3, 0.5, 0.7, 0.85, 0.95)
"""Of the saliency that the largest window holds: the curve of saliency maps."""


@dataclass(frozen=True)
class Point:
    """One setting of a method, averaged over photos and ratios."""

    setting: float
    area: float
    """Window over image."""
    kept: float
    """Share of the fixations inside."""


def _average(setting: float, pairs: Sequence[tuple[float, float]]) -> Point:
    area, share = np.mean(pairs, 0)
    return Point(setting, float(area), float(share))


def mars_curve(
    maps: Sequence[Floats], photos: Sequence[GazePhoto], aspects: Sequence[AspectRatio]
) -> list[Point]:
    """Follow Mars over thresholds.

    Args:
        maps: for each photo, its cropping areas of all ratios.
        photos: with their fixations.
        aspects: the ratios.
    """
    curve = []
    for threshold in THRESHOLDS:
        pairs = []
        for areas, photo in zip(maps, photos, strict=True):
            for area, aspect in zip(areas, aspects, strict=True):
                box = exact_window(read_area(area, threshold), aspect, photo.size)
                pairs.append((box.area / photo.size.pixels, kept(box, photo.points, photo.size)))
        curve.append(_average(threshold, pairs))
    return curve


def saliency_curve(
    maps: Sequence[Floats],
    points: Sequence[Floats],
    sizes: Sequence[Size],
    aspects: Sequence[AspectRatio],
) -> list[Point]:
    """Follow the smallest windows that hold a part of the saliency, over parts.

    Args:
        maps: a saliency map for each photo.
        points: the fixations that count.
        sizes: of the photos.
        aspects: the ratios.
    """
    curve = []
    for part in PARTS:
        pairs = []
        for saliency, fixations, size in zip(maps, points, sizes, strict=True):
            integral = Integral.of(saliency, size)
            for aspect in aspects:
                box = best_window(integral, aspect, enough=part, minimum_zoom=0.05).box
                pairs.append((box.area / size.pixels, kept(box, fixations, size)))
        curve.append(_average(part, pairs))
    return curve


def human_curve(photos: Sequence[GazePhoto], aspects: Sequence[AspectRatio]) -> list[Point]:
    """Follow windows chosen from half of the viewers, judged on the others."""
    maps, points = [], []
    for photo in photos:
        [(first, second)] = halves(photo.viewers, 1)
        maps.append(human_estimate(photo.points[first], photo.size))
        points.append(photo.points[second])
    return saliency_curve(maps, points, [photo.size for photo in photos], aspects)


def centre_curve(photos: Sequence[GazePhoto], aspects: Sequence[AspectRatio]) -> list[Point]:
    """Follow the centre window over its size."""
    curve = []
    for zoom in np.linspace(0.2, 1, 9):
        pairs = []
        for photo in photos:
            for aspect in aspects:
                whole = aspect.largest_window(photo.size)
                sides = (max(1, round(zoom * side)) for side in (whole.width, whole.height))
                box = Box.centred(Size(*sides), (0.5, 0.5), photo.size)
                pairs.append((box.area / photo.size.pixels, kept(box, photo.points, photo.size)))
        curve.append(_average(float(zoom), pairs))
    return curve


def at_area(curve: Sequence[Point], area: float) -> float:
    """Read a curve at an area, linearly between its points."""
    ordered = sorted(curve, key=lambda point: point.area)
    return float(
        np.interp(area, [point.area for point in ordered], [point.kept for point in ordered])
    )


def gain_at_largest(
    method: MarsCrop, photos: Sequence[GazePhoto], aspects: Sequence[AspectRatio]
) -> Gain:
    """Judge the largest window of each ratio, where the method puts it."""
    sizes = [photo.size for photo in photos]
    points = [photo.points for photo in photos]
    answers = method.boxes([photo.image for photo in photos], aspects, sizes=sizes)
    boxes = [[crop.box for crop in crops] for crops in answers]
    centres = [[centre_window(aspect, size) for aspect in aspects] for size in sizes]
    human = [
        human_share(aspect, photo.points, photo.viewers, photo.size, human_estimate)
        for photo in photos
        for aspect in aspects
    ]
    return Gain(
        kept=mean_kept(boxes, points, sizes),
        centre=mean_kept(centres, points, sizes),
        human=float(np.mean(human)),
    )


def print_gain(method: MarsCrop, photos: Sequence[GazePhoto]) -> None:
    """Print the gain at the largest windows, of each dataset and of all photos."""
    print("largest window, mean of six ratios    photos   centre   kept    human   gain")
    gains, counts = {}, []
    for folder in sorted({photo.name.split("/")[0] for photo in photos}):
        chosen = [photo for photo in photos if photo.name.startswith(folder)]
        gains[folder] = gain_at_largest(method, chosen, ASPECTS)
        counts.append(len(chosen))
    means = np.average([(g.kept, g.centre, g.human) for g in gains.values()], 0, weights=counts)
    gains["all"] = Gain(*(float(mean) for mean in means))
    for (name, g), count in zip(gains.items(), [*counts, len(photos)], strict=True):
        print(f"{name:36}  {count:6}   {g.centre:.4f}  {g.kept:.4f}  {g.human:.4f}  {g.gain:.3f}")


def print_curves(method: MarsCrop, saliency: SaliencyCrop, photos: Sequence[GazePhoto]) -> None:
    """Print what Mars keeps at each threshold, beside the others at the same area."""
    pictures, points = [photo.image for photo in photos], [photo.points for photo in photos]
    sizes = [photo.size for photo in photos]
    maps = [each.double().numpy() for each in saliency.maps(pictures)]
    others = {
        "saliency": saliency_curve(maps, points, sizes, ASPECTS),
        "centre": centre_curve(photos, ASPECTS),
        "human": human_curve(photos, ASPECTS),
    }
    print("\nkept fixations at the same area (mean of six ratios)")
    print("threshold    area    mars" + "".join(f"{name:>10}" for name in others))
    for point in mars_curve(method.maps(pictures, ASPECTS), photos, ASPECTS):
        beside = "".join(f"{at_area(curve, point.area):10.3f}" for curve in others.values())
        print(f"{point.setting:9.2f}   {point.area:.3f}   {point.kept:.3f}{beside}")

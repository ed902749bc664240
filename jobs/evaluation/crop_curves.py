"""Mars on held-out photos: the fixations that its windows keep, by the windows' area.

A method that may choose a smaller window is judged at the area that it chose: how much would the
saliency method, the centre window, or a person keep in a window of that area?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.mars.method import MarsCrop
from deepcrop.methods.saliency import SaliencyCrop
from deepcrop.metrics.cropping import ASPECTS, Gain, halves, kept, kept_shares
from deepcrop.ops.windows import Integral, best_window
from jobs.training.datasets import Floats, GazePhoto

from .report import by_dataset, human_estimate, reference_windows

PARTS = (0.3, 0.5, 0.7, 0.85, 0.95)
"""Shares, 0..1, of the largest window's saliency: the points of saliency's curve."""


@dataclass(frozen=True)
class Point:
    """One setting of a method, averaged over photos and ratios."""

    setting: float
    area: float
    """Area of the window, as a share (0..1) of the image."""
    kept: float
    """Share (0..1) of the fixations inside the window."""


def _average(setting: float, pairs: Sequence[tuple[float, float]]) -> Point:
    area, share = np.mean(pairs, 0)
    return Point(setting, float(area), float(share))


def method_point(method: MarsCrop, photos: Sequence[GazePhoto]) -> Point:
    """Return the mean area of a method's windows, and what they keep.

    Args:
        method: the method.
        photos: with their fixations.
    """
    pairs = []
    sizes = [photo.size for photo in photos]
    answers = method.boxes([photo.image for photo in photos], ASPECTS, sizes=sizes)
    for crops, photo in zip(answers, photos, strict=True):
        for crop in crops:
            share = kept(crop.box, photo.points, photo.size)
            pairs.append((crop.box.area / photo.size.pixels, share))
    return _average(0.0, pairs)


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
        sizes: sizes of the photos in pixels.
        aspects: the ratios.
    """
    curve = []
    for part in PARTS:
        pairs = []
        for saliency, fixations, size in zip(maps, points, sizes, strict=True):
            integral = Integral.of(saliency, size)
            for aspect in aspects:
                box = best_window(integral, aspect, min_saliency=part, minimum_zoom=0.05).box
                pairs.append((box.area / size.pixels, kept(box, fixations, size)))
        curve.append(_average(part, pairs))
    return curve


def human_curve(photos: Sequence[GazePhoto], aspects: Sequence[AspectRatio]) -> list[Point]:
    """Follow windows chosen from half of the viewers and evaluated on the others."""
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


def gain_at_largest(method: MarsCrop, photos: Sequence[GazePhoto]) -> Gain:
    """Evaluate the largest window of each ratio at the method's place."""
    sizes = [photo.size for photo in photos]
    answers = method.boxes([photo.image for photo in photos], ASPECTS, sizes=sizes)
    boxes = [[crop.box for crop in crops] for crops in answers]
    return Gain(
        kept_shares(boxes, [photo.points for photo in photos], sizes), *reference_windows(photos)
    )


def print_gain(methods: Mapping[str, MarsCrop], photos: Sequence[GazePhoto]) -> None:
    """Print each method's gain at the largest windows, of each dataset and of all photos."""
    print("largest window, mean of six ratios    photos   centre   kept    human   gain")
    for title, method in methods.items():
        judged = gain_at_largest(method, photos)
        for name, chosen in by_dataset(photos).items():
            g = judged.of(chosen)
            shares = "  ".join(f"{each.mean():.4f}" for each in (g.centre, g.kept, g.human))
            row = f"{title}, {name}"
            print(f"{row:36}  {chosen.sum():6}   {shares}  {g.gain:.3f} ± {g.error:.3f}")


def print_areas(
    methods: Mapping[str, MarsCrop], saliency: SaliencyCrop, photos: Sequence[GazePhoto]
) -> None:
    """Print the share that each method's windows keep, and that of others at equal area."""
    pictures, points = [photo.image for photo in photos], [photo.points for photo in photos]
    sizes = [photo.size for photo in photos]
    maps = [each.double().numpy() for each in saliency.maps(pictures)]
    others = {
        "saliency": saliency_curve(maps, points, sizes, ASPECTS),
        "centre": centre_curve(photos, ASPECTS),
        "human": human_curve(photos, ASPECTS),
    }
    print("\nkept fixations at the same area (mean of six ratios)")
    print("                     area    mars" + "".join(f"{name:>10}" for name in others))
    for name, method in methods.items():
        point = method_point(method, photos)
        beside = "".join(f"{at_area(curve, point.area):10.3f}" for curve in others.values())
        print(f"{name:17}   {point.area:.3f}   {point.kept:.3f}{beside}")

"""Curves of kept fixations against area."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.base import Crop
from jobs.evaluation.crop_curves import (
    Point,
    at_area,
    centre_curve,
    human_curve,
    method_point,
    saliency_curve,
)
from jobs.training.datasets import GazePhoto

ASPECTS = [AspectRatio(1, 1), AspectRatio(2, 1)]


@pytest.fixture
def photo() -> GazePhoto:
    points = np.clip(np.random.default_rng(0).normal((0.25, 0.5), 0.06, (300, 2)), 0, 0.999)
    image = torch.zeros(3, 30, 60, dtype=torch.uint8)
    return GazePhoto("a/1.jpg", image, Size(600, 300), points, np.arange(300) % 10)


def test_a_curve_is_read_linearly_at_an_area() -> None:
    curve = [Point(2, 0.4, 0.9), Point(1, 0.2, 0.5)]
    assert at_area(curve, 0.3) == pytest.approx(0.7)
    assert at_area(curve, 0.05) == 0.5


def test_looking_where_people_look_keeps_more_than_the_centre(photo: GazePhoto) -> None:
    centre, human = centre_curve([photo], ASPECTS), human_curve([photo], ASPECTS)
    assert at_area(human, 0.2) > 0.8 > 0.4 > at_area(centre, 0.2)
    shares = [point.kept for point in human]
    assert shares == sorted(shares)
    blind = saliency_curve([np.ones((3, 6))], [photo.points], [photo.size], ASPECTS)
    assert at_area(blind, 0.2) < at_area(human, 0.2)


def test_the_point_of_a_method_is_the_mean_over_photos_and_ratios(photo: GazePhoto) -> None:
    """Half of the photo on the left keeps all fixations but few."""

    class Left:
        def boxes(self, images: object, aspects: object, *, sizes: object) -> list[list[Crop]]:
            return [[Crop(Box(0, 0, 300, 300), 0.5, (0.5, 0.5))] * 6]

    point = method_point(Left(), [photo])  # type: ignore[arg-type]
    assert point.area == 0.5
    assert point.kept > 0.99

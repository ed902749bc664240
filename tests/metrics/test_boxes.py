"""IoU, boundary displacement and centre offset, against numbers worked out by hand."""

from __future__ import annotations

import pytest

from deepcrop.geometry import Box, Size
from deepcrop.metrics.boxes import Agreement, boundary_displacement, centre_offset, iou

SIZE = Size(200, 100)
BOX, TRUTH = Box(0, 0, 100, 50), Box(50, 0, 150, 50)


def test_iou() -> None:
    assert iou(BOX, TRUTH) == pytest.approx(1 / 3)
    assert iou(BOX, BOX) == 1
    assert iou(BOX, Box(100, 0, 200, 50)) == 0


def test_boundary_displacement_is_relative_to_each_side() -> None:
    # left and right by 50 of 200, top and bottom by none
    assert boundary_displacement(BOX, TRUTH, SIZE) == pytest.approx((0.25 + 0.25) / 4)
    # top by 10 of 100, the others by none
    assert boundary_displacement(BOX, Box(0, 10, 100, 50), SIZE) == pytest.approx(0.1 / 4)


def test_centre_offset_is_in_pixels() -> None:
    assert centre_offset(BOX, TRUTH) == 50
    assert centre_offset(BOX, Box(60, 80, 160, 130)) == 100


def test_agreement_is_the_mean_over_annotations_and_the_best_of_each_image() -> None:
    images = [[(BOX, BOX), (BOX, TRUTH)], [(BOX, TRUTH)]]
    agreement = Agreement.of(images, [SIZE, SIZE])
    assert agreement.annotations == 3
    assert agreement.iou == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    assert agreement.best_iou == pytest.approx((1 + 1 / 3) / 2)
    assert agreement.displacement == pytest.approx(0.25 / 3)
    assert agreement.best_displacement == pytest.approx(0.125 / 2)
    assert agreement.offset == pytest.approx(100 / 3)

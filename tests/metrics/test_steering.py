"""How crops are held against named objects."""

import pytest

from deepcrop.geometry import Box, Size
from deepcrop.metrics.steering import Steered, share_inside, summarise

SIZE = Size(100, 100)


def test_share_area_lift_and_iou_of_one_crop():
    crop, target = Box(0, 0, 50, 50), Box(25, 25, 75, 50)
    found = summarise([Steered(crop, target, SIZE)])
    assert share_inside(target, crop) == 0.5
    assert (found.share, found.area, found.lift) == (0.5, 0.25, 2.0)
    assert found.iou == pytest.approx(625 / (2500 + 1250 - 625))
    assert found.wins is None


def test_a_crop_wins_where_it_is_nearer_to_its_object_than_its_rival_is():
    target = Box(0, 0, 20, 20)
    right, wrong = Box(0, 0, 30, 30), Box(60, 60, 90, 90)
    found = summarise(
        [Steered(right, target, SIZE, (wrong, right)), Steered(wrong, target, SIZE, (right,))]
    )
    assert found.wins == pytest.approx((1 + 0.5 + 0) / 3)
    assert found.duels == 3


def test_no_crops_is_an_error():
    with pytest.raises(ValueError, match="no crops"):
        summarise([])

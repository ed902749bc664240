"""The bonus of windows, place by place."""

import numpy
import pytest

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.ops.composition import Composition, Thing
from deepcrop.ops.windows import Integral, best_window

SIZE = Size(40, 20)
WINDOW = Size(20, 20)


def places(composition):
    return composition(numpy.array([0]), numpy.arange(SIZE.width - 20 + 1), WINDOW)[0]


def test_a_thing_is_inside_cut_or_outside():
    bonus = places(Composition(things=(Thing(Box(10, 5, 16, 9), inside=0.5, cut=0.25),)))
    for left, found in enumerate(bonus):
        if left <= 10:  # 16 <= left + 20 holds everywhere
            assert found == 0.5
        elif left < 16:
            assert found == -0.25
        else:
            assert found == 0


def test_the_subject_brings_its_share_and_more_if_whole():
    mask = numpy.zeros((20, 40))
    mask[5:15, 8:16] = 1
    bonus = places(Composition(Integral.of(mask, SIZE), share=0.4, whole=0.2))
    shares = [mask[:, left : left + 20].sum() / mask.sum() for left in range(21)]
    for share, found in zip(shares, bonus, strict=True):
        whole = 0.2 if share == 1 else 0.0
        if share == 1 or share < 0.85:
            assert found == pytest.approx(0.4 * share + whole, abs=0.008)
    assert (numpy.diff(bonus[8:]) <= 0).all()


def test_the_window_follows_the_bonus_where_gaze_is_even():
    integral = Integral.of(numpy.ones((10, 20)), SIZE)
    square = AspectRatio(1, 1)
    assert best_window(integral, square).box == Box(10, 0, 30, 20)
    shown = Composition(things=(Thing(Box(33, 2, 38, 8), inside=0.1, cut=0.1),))
    assert best_window(integral, square, bonus=shown).box == Box(18, 0, 38, 20)
    cut = Composition(things=(Thing(Box(28, 2, 33, 8), inside=0.0, cut=0.1),))
    assert best_window(integral, square, bonus=cut).box == Box(8, 0, 28, 20)


def test_no_bonus_is_zero_everywhere():
    assert not places(Composition()).any()

"""The kept share, its two marks and the gain."""

import numpy as np
import pytest

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.metrics.cropping import (
    ASPECTS,
    Gain,
    best_possible_window,
    centre_window,
    halves,
    human_share,
    kept,
    kept_shares,
)

SQUARE = AspectRatio(1, 1)


def test_kept_counts_half_open_windows():
    points = np.array([[0.25, 0.5], [0.5, 0.5], [0.75, 0.5], [0.1, 0.5]])
    assert kept(Box(25, 0, 75, 100), points, Size(100, 100)) == 0.5
    assert kept(Box(0, 0, 100, 100), points, Size(100, 100)) == 1


def test_the_six_ratios():
    assert [str(aspect) for aspect in ASPECTS] == ["1:1", "16:9", "9:16", "4:5", "3:1", "2:3"]


def test_centre_window_is_centred():
    assert centre_window(SQUARE, Size(200, 100)) == Box(50, 0, 150, 100)


def test_best_possible_window_is_the_best_of_all():
    random = np.random.default_rng(0)
    size = Size(60, 30)
    points = random.random((25, 2)) ** 2
    best = kept(best_possible_window(SQUARE, points, size), points, size)
    every = [kept(Box(x, 0, x + 30, 30), points, size) for x in range(31)]
    assert best == max(every)


def test_halves_divide_the_viewers_not_the_fixations():
    viewers = np.array([0, 0, 1, 1, 2, 3, 3, 3])
    for first, second in halves(viewers, 5):
        assert (first ^ second).all()
        assert not set(viewers[first]) & set(viewers[second])
        assert len(set(viewers[first])) == 2


def test_human_window_is_judged_on_the_other_half():
    # Two camps look at opposite ends: a window of one camp keeps nothing of the other.
    points = np.array([[0.05, 0.5], [0.95, 0.5]])
    viewers = np.array([0, 1])
    size = Size(200, 100)

    def histogram(seen, size):
        grid = np.zeros((10, 20))
        np.add.at(grid, ((seen[:, 1] * 10).astype(int), (seen[:, 0] * 20).astype(int)), 1)
        return grid

    assert human_share(SQUARE, points, viewers, size, histogram) == 0
    agreed = np.array([[0.05, 0.5], [0.07, 0.5]])
    assert human_share(SQUARE, agreed, viewers, size, histogram) == 1


def test_gain_is_zero_at_the_centre_and_one_at_the_human():
    centre, human = np.array([0.7, 0.8]), np.array([0.9, 0.9])
    assert Gain(centre, centre, human).gain == 0
    assert Gain(human, centre, human).gain == pytest.approx(1)
    assert Gain(human, centre, human).error == pytest.approx(0, abs=1e-12)


def test_gain_of_some_photos_is_of_these_alone():
    gain = Gain(np.array([0.8, 0.1]), np.array([0.7, 0.8]), np.array([0.9, 0.9]))
    assert gain.of(np.array([True, False])).gain == pytest.approx(0.5)


def test_standard_error_is_the_spread_over_samples_of_photos():
    random = np.random.default_rng(0)

    def sample(count):
        centre = random.uniform(0.5, 0.9, count)
        human = centre + random.uniform(0, 0.2, count)
        return Gain(centre + random.normal(0.06, 0.1, count), centre, human)

    gains = [sample(100) for _ in range(400)]
    spread = np.std([each.gain for each in gains])
    assert np.mean([each.error for each in gains]) == pytest.approx(spread, rel=0.1)


def test_mean_over_ratios_of_each_photo():
    points = [np.array([[0.1, 0.1]]), np.array([[0.9, 0.9]])]
    boxes = [[Box(0, 0, 5, 5), Box(5, 5, 9, 9)], [Box(0, 0, 5, 5), Box(0, 0, 9, 9)]]
    assert kept_shares(boxes, points, [Size(10, 10)] * 2).tolist() == [0.5, 0]

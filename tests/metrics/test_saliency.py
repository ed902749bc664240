"""Saliency metrics against small worked examples and brute force."""

import numpy as np
import pytest
from scipy import stats

from deepcrop.metrics import saliency as metrics


def test_correlation_is_pearsons():
    random = np.random.default_rng(0)
    a, b = random.random((5, 7)), random.random((5, 7))
    assert metrics.correlation(a, b) == pytest.approx(stats.pearsonr(a.ravel(), b.ravel())[0])
    assert metrics.correlation(a, 3 * a + 1) == pytest.approx(1)
    assert metrics.correlation(np.ones((2, 2)), a[:2, :2]) == 0


def test_divergence_of_a_worked_example():
    p, q = [[1.0, 3.0]], [[2.0, 2.0]]  # densities (1/4, 3/4) and (1/2, 1/2)
    expected = 0.5 * np.log(2) + 0.5 * np.log(2 / 3)
    assert metrics.kl_divergence(p, q) == pytest.approx(expected)
    assert metrics.kl_divergence(q, q) == pytest.approx(0, abs=1e-12)


def test_divergence_from_an_impossible_cell_is_large_and_finite():
    value = metrics.kl_divergence([[1.0, 0.0]], [[0.0, 1.0]])
    assert value == pytest.approx(-np.log(2.2204e-16))


def test_similarity_of_a_worked_example():
    assert metrics.similarity([[1.0, 3.0]], [[1.0, 1.0]]) == pytest.approx(0.75)
    assert metrics.similarity([[1.0, 0.0]], [[0.0, 1.0]]) == 0


def test_negative_maps_are_shifted_and_empty_ones_even():
    np.testing.assert_allclose(metrics.density([[-1.0, 1.0]]), [[0, 1]])
    np.testing.assert_allclose(metrics.density(np.zeros((2, 2))), 0.25)


def test_scanpath_of_a_worked_example():
    saliency = np.array([[0.0, 2.0]])  # standardised: -1 and 1
    assert metrics.nss(saliency, np.array([[0, 1]])) == 1
    assert metrics.nss(saliency, np.array([[0, 1], [0, 0]])) == 0
    assert metrics.nss(np.ones((3, 3)), np.array([[0, 1]])) == 0


def brute_auc(positives, negatives):
    wins = [(p > n) + 0.5 * (p == n) for p in positives for n in negatives]
    return float(np.mean(wins))


def test_auc_counts_pairs():
    random = np.random.default_rng(1)
    positives = random.integers(0, 6, 20).astype(float)
    negatives = random.integers(0, 6, 33).astype(float)
    assert metrics.auc(positives, negatives) == pytest.approx(brute_auc(positives, negatives))


def test_judd_compares_with_every_cell():
    saliency = np.array([[0.0, 1.0], [2.0, 3.0]])
    fixations = np.array([[1, 1], [1, 0]])
    expected = brute_auc([3, 2], [0, 1, 2, 3])
    assert metrics.auc_judd(saliency, fixations) == pytest.approx(expected)
    assert metrics.auc_judd(np.ones((4, 4)), fixations) == 0.5


def test_shuffled_takes_the_common_centre_away():
    y, x = np.mgrid[-1:1:21j, -1:1:21j]
    centre = np.exp(-(x**2 + y**2))
    random = np.random.default_rng(2)
    looks = np.clip((random.normal(0.5, 0.15, (4000, 2)) * 21).astype(int), 0, 20)
    assert metrics.auc_judd(centre, looks[:2000]) > 0.8
    assert metrics.auc_shuffled(centre, looks[:2000], looks[2000:]) == pytest.approx(0.5, abs=0.02)


def test_cells_of_points():
    points = [[0.0, 0.0], [0.999, 0.5], [1.0, 1.0]]
    np.testing.assert_array_equal(metrics.cells(points, 2, 4), [[0, 0], [1, 3], [1, 3]])

"""Calibration of scores on votes."""

import numpy as np
import pytest

from jobs.evaluation.preference import fit_factor, reliability, sigmoid


def test_the_factor_of_simulated_votes_is_found() -> None:
    """Shares of votes that follow a logistic law give its factor back."""
    differences = np.random.default_rng(0).normal(size=4000)
    assert fit_factor(differences, sigmoid(0.7 * differences)) == pytest.approx(0.7, abs=1e-6)


def test_votes_against_the_score_give_a_negative_factor() -> None:
    """A score that is worse than chance isn't hidden."""
    assert fit_factor(np.array([1.0, -1.0, 2.0]), np.array([0.2, 0.9, 0.1])) < 0


def test_a_factor_needs_differences() -> None:
    """Equal scores tell nothing."""
    with pytest.raises(ValueError, match="no pair"):
        fit_factor(np.zeros(3), np.ones(3))


def test_bins_hold_each_pair_in_both_orders() -> None:
    """Two pairs at .75 and .25: the bins mirror each other, and the Brier score is as by hand."""
    logit = np.log(3)
    bins, brier = reliability(np.array([logit, logit]), np.array([1.0, 0.6]))
    assert [each.pairs for each in bins] == [2, 2]
    assert bins[1].predicted == pytest.approx(0.75)
    assert bins[1].voted == pytest.approx(0.8)
    assert bins[0].voted == pytest.approx(0.2)
    assert brier == pytest.approx((0.25**2 + (0.6 * 0.25**2 + 0.4 * 0.75**2)) / 2)


def test_one_half_has_a_brier_score_of_a_quarter() -> None:
    """The reference of a score that tells nothing."""
    assert reliability(np.zeros(5), np.array([0, 0.2, 0.4, 0.8, 1.0]))[1] == pytest.approx(0.25)

"""Equivalence and seeds to add against statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from actbench.analysis.settling import MOST_SEEDS, seeds_needed, tost_p

DRAWS = np.random.default_rng(0).standard_normal((40, 6))


def test_equivalence_is_that_of_statsmodels() -> None:
    """The p of the two one-sided tests equals statsmodels' ttost_paired."""
    expected = [ttost_paired(row, np.zeros(6), -0.7, 0.7)[0] for row in DRAWS]
    np.testing.assert_allclose(tost_p(DRAWS, 0.7), expected, rtol=1e-9)


@pytest.mark.parametrize(("mean", "deviation"), [(1.0, 1.0), (0.5, 1.0), (0.3, 1.0), (2.0, 1.5)])
def test_seeds_for_a_difference_are_those_of_statsmodels(mean: float, deviation: float) -> None:
    """Without a margin to reach, the number is that of statsmodels' power of the paired t test, to one seed."""
    row = mean + deviation * np.array([[1.0, -1.0]]) / np.sqrt(2)
    expected = TTestPower().solve_power(effect_size=mean / deviation, alpha=0.05, power=0.8)
    assert abs(seeds_needed(row, 1e-9)[0] - np.ceil(expected)) <= 1


def test_that_many_seeds_settle_in_about_the_stated_share() -> None:
    """Of 400 studies with the seeds for equivalence, 74 to 88 % find it."""
    row = 0.5 * np.array([[1.0, -1.0]]) / np.sqrt(2)
    n = int(seeds_needed(row, 0.4)[0])
    studies = 0.5 * np.random.default_rng(1).standard_normal((400, n))
    assert 0.74 < np.mean(tost_p(studies, 0.4) < 0.05) < 0.88


def test_limits() -> None:
    """A difference at the margin is never settled by the margin; equal values are at once; one seed gives nothing."""
    assert seeds_needed(np.array([[0.01 + 5, 0.01 - 5]]), 0.01)[0] == np.inf > MOST_SEEDS
    assert seeds_needed(np.zeros((1, 3)), 0.01)[0] == 2
    assert tost_p(np.zeros((1, 3)), 0.01)[0] < 1e-6
    assert np.isnan(seeds_needed(np.ones((1, 1)), 0.01)).all()
    assert np.isnan(seeds_needed(np.full((1, 3), np.nan), 0.01)).all(), "without a difference"
    assert np.isnan(tost_p(np.ones((1, 1)), 0.01)).all()


def test_equivalence_is_not_found_beyond_the_margin() -> None:
    """Of 2,000 studies whose true mean lies on the margin, at most about 5 % are called equivalent."""
    studies = 0.2 + np.random.default_rng(2).standard_normal((2000, 5)) * 0.05
    assert 0.03 < np.mean(tost_p(studies, 0.2) < 0.05) < 0.07

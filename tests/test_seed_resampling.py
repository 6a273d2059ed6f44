"""The bootstrap over seeds with remembered multisets, against scipy's own and against the truth."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from actbench.analysis.seed_resampling import RESAMPLES, SeedStatistic, seed_intervals
from actbench.plan.seeds import stream

Array = np.ndarray


def means_of(values_RS: Array) -> SeedStatistic:
    """Make the statistic of the mean of each row."""
    return SeedStatistic(lambda weights_S: values_RS @ weights_S / weights_S.sum(), values_RS.shape[1])


@pytest.mark.parametrize("n_seeds", [3, 5, 8])
def test_intervals_of_means_are_scipys(n_seeds: int) -> None:
    """For a mean, ends are those of scipy.stats.bootstrap on the values themselves with the same draws."""
    values = np.random.default_rng(n_seeds).integers(0, 99, (4, n_seeds)) / 64  # sums are exact
    low, high, kind = seed_intervals(means_of(values))
    draws = np.random.default_rng(stream(0, "seeds"))
    plain = bootstrap((values,), np.mean, axis=1, n_resamples=RESAMPLES, method="BCa", rng=draws).confidence_interval
    assert (kind == "bca").all()
    np.testing.assert_allclose(low, plain.low, atol=1e-9)
    np.testing.assert_allclose(high, plain.high, atol=1e-9)


def test_each_multiset_is_evaluated_once() -> None:
    """Three seeds have ten multisets; leaving one out adds three of two seeds; nothing is evaluated twice."""
    calls: list[bytes] = []

    def evaluate(weights_S: Array) -> Array:
        calls.append(weights_S.tobytes())
        return np.array([weights_S @ np.array([1.0, 2.0, 4.0]) / weights_S.sum()])

    seed_intervals(SeedStatistic(evaluate, 3))
    assert len(calls) == len(set(calls)) == 13


def test_constants_and_single_seeds_have_no_width_or_no_interval() -> None:
    """Equal values give an interval of no width, nan stays nan, one seed gives none."""
    low, high, kind = seed_intervals(means_of(np.array([[0.5, 0.5, 0.5], [np.nan, 1, 2]])))
    assert (low[0], high[0], kind[0]) == (0.5, 0.5, "percentile")
    assert np.isnan(low[1])
    assert kind[1] == ""
    assert seed_intervals(means_of(np.ones((2, 1))))[2].tolist() == ["", ""]


def test_coverage_with_ten_seeds_is_near_the_nominal_rate() -> None:
    """Of 300 normal samples of ten seeds, nominal 95 % intervals hold the mean in 86 to 96 %: few seeds, too short."""
    values = np.random.default_rng(1).standard_normal((300, 10))
    low, high, _ = seed_intervals(means_of(values))
    assert 0.86 < np.mean((low <= 0) & (high >= 0)) < 0.96

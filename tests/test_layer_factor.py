"""The factor from one layer to the one below, of forecasts and of measurements."""

import numpy as np
import pytest
from scipy import stats

from actbench.theory.layer_factor import Factor, forecast_factor, inner_layers, measured_factor


def test_inner_layers_leave_the_ends_out() -> None:
    """A tenth at each end, at least one layer; short networks keep all."""
    assert [inner_layers(depth) for depth in (1, 3, 4, 10, 30, 50)] == [
        (1, 1), (1, 3), (2, 3), (2, 9), (4, 27), (6, 45)
    ]  # fmt: skip


def test_a_geometric_profile_has_its_factor() -> None:
    """Norms that grow by 1.3 towards the input have the factor 1.3; noise at the ends is not seen."""
    norms = [1.3**power for power in range(9, -1, -1)]
    norms[0], norms[-1] = 1e9, 1e-9
    assert forecast_factor(norms) == pytest.approx(1.3)
    assert measured_factor(np.array([norms, norms])).value == pytest.approx(1.3)


def test_what_does_not_exist_is_none() -> None:
    """One layer, a vanished and an overflowed gradient have no factor; one seed has no interval."""
    assert forecast_factor([1.0]) is None
    assert forecast_factor([1.0, 0.0, 0.0]) is None
    assert measured_factor(np.array([[1.0, np.inf, 1.0]])) == Factor(None, None, None)
    assert measured_factor(np.array([[0.0, 1.0, 1.0]])) == Factor(None, None, None)
    single = measured_factor(np.array([[4.0, 2.0, 1.0]]))
    assert single == Factor(pytest.approx(2), None, None)


def test_the_interval_is_that_of_scipy() -> None:
    """Low and high are Student's interval of the seeds' own geometric means, moved to the value."""
    random = np.random.default_rng(0)
    norms = np.exp(random.normal(0, 0.1, (5, 12)).cumsum(1))
    own = np.array([np.log(forecast_factor(list(row))) for row in norms])
    low, high = stats.t.interval(0.95, 4, loc=own.mean(), scale=stats.sem(own))
    factor = measured_factor(norms)
    assert np.log(factor.high / factor.low) == pytest.approx(high - low)
    assert factor.low < factor.value < factor.high


def test_the_value_has_no_bias_of_the_logarithm() -> None:
    """Ratios scattered by 30 % around a mean of 1 give 1 over many seeds; their mean logarithm gives less."""
    random = np.random.default_rng(1)
    ratios = random.gamma(1 / 0.09, 0.09, (4000, 9))
    norms = np.cumprod(np.concatenate([np.ones((4000, 1)), 1 / ratios], axis=1), axis=1)
    assert measured_factor(norms).value == pytest.approx(1, abs=0.005)
    assert np.exp(np.log(ratios).mean()) < 0.97

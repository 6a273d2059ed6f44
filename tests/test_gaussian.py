"""Expectations over a standard normal variable."""

import math

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss

from actbench.theory.gaussian import expectation, variance_preserving_gain


def density(z: float) -> float:
    """Return φ(z), the standard normal density."""
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def cumulative(z: float) -> float:
    """Return Φ(z), its integral up to z."""
    return (1 + math.erf(z / math.sqrt(2))) / 2


@pytest.mark.parametrize("power", range(9))
def test_moments_are_exact(power: int) -> None:
    """The moments of a standard normal variable are 0 or the double factorial of power - 1."""
    exact = 0 if power % 2 else math.prod(range(1, power, 2))
    assert expectation(lambda z: z**power) == pytest.approx(exact, abs=1e-11)


@pytest.mark.parametrize("scale", [1e-12, 0.3, 1.0, 3.0])
def test_smooth_functions_are_exact(scale: float) -> None:
    """E[cos(az)] = exp(-a²/2) and E[exp(az)] = exp(a²/2)."""
    assert expectation(lambda z: np.cos(scale * z)) == pytest.approx(math.exp(-(scale**2) / 2), rel=1e-11)
    assert expectation(lambda z: np.exp(scale * z)) == pytest.approx(math.exp(scale**2 / 2), rel=1e-11)


def test_a_smooth_function_without_a_closed_form_agrees_with_gauss_hermite() -> None:
    """An independent rule gives the same mean square of tanh."""
    nodes, weights = hermegauss(180)
    reference = (weights * np.tanh(nodes) ** 2).sum() / math.sqrt(2 * math.pi)
    assert expectation(lambda z: np.tanh(z) ** 2) == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize("kink", [0.0, 1.0, math.pi / 7, -2.123456789, 5.4321])
@pytest.mark.parametrize("named", [True, False])
def test_kinks_and_jumps_are_exact_named_or_not(kink: float, named: bool) -> None:
    """E[max(0, z - k)] = φ(k) - k·(1 - Φ(k)) and E[z > k] = 1 - Φ(k), wherever the kink is."""
    kinks = (kink,) if named else ()
    upper = cumulative(-kink)
    ramp = expectation(lambda z: np.maximum(z - kink, 0), kinks)
    assert ramp == pytest.approx(density(kink) - kink * upper, rel=1e-9, abs=1e-12)
    assert expectation(lambda z: (z > kink) * 1.0, kinks) == pytest.approx(upper, rel=1e-9, abs=1e-12)


def test_a_sharp_step_is_resolved() -> None:
    """The dip of tanh² within a hundredth of 0 is found by halving as by naming points all over it."""
    fine = expectation(lambda z: np.tanh(100 * z) ** 2, tuple(np.linspace(-0.2, 0.2, 401)))
    assert fine == pytest.approx(1 - 2 * density(0) / 100, abs=1e-6)  # 1 - 2·φ(0)/a, to a³
    assert expectation(lambda z: np.tanh(100 * z) ** 2) == pytest.approx(fine, abs=1e-13)


def test_accuracy_is_relative_to_the_function() -> None:
    """A function of the size 1e-150 is integrated as precisely as one of the size 1."""
    assert expectation(lambda z: 1e-150 * np.maximum(z - 0.3, 0)) == pytest.approx(
        1e-150 * expectation(lambda z: np.maximum(z - 0.3, 0)), rel=1e-12, abs=0
    )


def test_gains_have_their_known_values() -> None:
    """The gain is √2 for ReLU, 1 for the identity, √(2 / (1 + a²)) for a leaky ReLU and 1/c for a multiple c."""
    assert variance_preserving_gain(lambda z: np.maximum(z, 0)) == pytest.approx(math.sqrt(2), rel=1e-13)
    assert variance_preserving_gain(lambda z: z) == pytest.approx(1, rel=1e-13)
    leaky = variance_preserving_gain(lambda z: np.where(z > 0, z, 0.2 * z), (0.0,))
    assert leaky == pytest.approx(math.sqrt(2 / 1.04), rel=1e-13)
    assert variance_preserving_gain(lambda z: 5 * z) == pytest.approx(0.2, rel=1e-13)


NOT_FINITE = {"1/0": lambda z: 1 / (z - z), "infinite": lambda z: np.full_like(z, np.inf), "log": np.log}


@pytest.mark.parametrize("name", list(NOT_FINITE))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_function_that_is_not_finite_is_an_error(name: str) -> None:
    """NaN or infinity anywhere is refused by name, never summed."""
    with pytest.raises(ValueError, match=r"expectation: f\(.*\) is not finite"):
        expectation(NOT_FINITE[name])


def test_a_function_that_does_not_converge_is_an_error() -> None:
    """A function without an integral is refused, with the place of the trouble."""
    with pytest.raises(ValueError, match=r"no convergence near z = "):
        expectation(lambda z: 1 / np.abs(z - 0.3))


def test_a_zero_activation_has_no_gain() -> None:
    """No factor keeps the variance of a signal that vanishes."""
    with pytest.raises(ValueError, match="zero everywhere"):
        variance_preserving_gain(np.zeros_like)

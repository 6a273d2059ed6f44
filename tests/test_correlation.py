"""The correlation map, against the arc-cosine kernel and a brute-force integral."""

import math

import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy import special

from actbench.levels.nonlinearity import nonlinearity
from actbench.plan.registry import known_levels
from actbench.theory import correlation
from actbench.theory.correlation import correlation_slope, next_correlation, pair_moment, settled_correlation
from actbench.theory.fixed_points import fixed_points
from actbench.theory.mean_field import gradient_factor

CORRELATIONS = [-1.0, -0.5, 0.0, 0.3, 0.9, 0.999999, 1.0]


@pytest.mark.parametrize("c", CORRELATIONS)
def test_relu_is_the_arc_cosine_kernel(c: float) -> None:
    """E[φφ] = q·(sin θ + (π - θ)·cos θ)/2π and E[φ′φ′] = (π - θ)/2π (Cho & Saul 2009, eq. 4 and 6), to 1e-10."""
    relu, angle = nonlinearity("relu"), math.acos(c)
    value = (math.sin(angle) + (math.pi - angle) * c) / (2 * math.pi)
    assert pair_moment(relu.function, 2.7, c, relu.kinks) == pytest.approx(2.7 * value, abs=1e-10)
    slope = (math.pi - angle) / (2 * math.pi)
    assert pair_moment(relu.derivative, 2.7, c, relu.kinks) == pytest.approx(slope, abs=1e-10)


@pytest.mark.parametrize("c", CORRELATIONS)
def test_erf_has_its_closed_form(c: float) -> None:
    """E[erf(u₁)erf(u₂)] = (2/π)·arcsin(2qc/(1 + 2q)) (Williams 1997, eq. 10), for q small and large."""
    for q in (0.1, 30.0):
        exact = 2 / math.pi * math.asin(2 * q * c / (1 + 2 * q))
        assert pair_moment(special.erf, q, c) == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize("name", ["tanh", "gelu", "silu", "softplus"])
def test_smooth_activations_agree_with_gauss_hermite(name: str) -> None:
    """A product rule of 120 x 120 nodes gives the same value."""
    nodes, weights = hermegauss(120)
    weights = weights / math.sqrt(2 * math.pi)
    phi, q, c = nonlinearity(name), 0.8, 0.6
    other = c * nodes[:, None] + math.sqrt(1 - c * c) * nodes
    product = phi.function(math.sqrt(q) * nodes)[:, None] * phi.function(math.sqrt(q) * other)
    assert pair_moment(phi.function, q, c) == pytest.approx(weights @ product @ weights, abs=1e-9)


@pytest.mark.parametrize("at_once", [1, 7, 10**6])
def test_the_number_of_inner_integrals_at_once_changes_no_bit(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are parted for the cache of a processor only."""
    phi = nonlinearity("tanh")
    together = pair_moment(phi.function, 3.1, 0.4, phi.kinks)
    monkeypatch.setattr(correlation, "CENTRES_AT_ONCE", at_once)
    assert pair_moment(phi.function, 3.1, 0.4, phi.kinks) == together


@pytest.mark.parametrize("name", known_levels("activation"))
def test_equal_inputs_stay_equal_and_the_slope_there_is_chi(name: str) -> None:
    """C(1) = 1, and near 1 its slope is χ (Poole et al. 2016, eq. 7)."""
    phi = nonlinearity(name)
    assert next_correlation(phi, 0.9, 1, 1.5, 0.1) == pytest.approx(1, rel=1e-12)
    assert correlation_slope(phi, 0.9, 1, 1.5) == pytest.approx(gradient_factor(phi, 0.9, 1.5), rel=1e-11)


def test_the_slope_is_the_derivative_of_the_map() -> None:
    """At a fixed point of the variance dC/dc is the difference quotient of C."""
    phi, step = nonlinearity("tanh"), 1e-4
    (point,) = fixed_points(phi, 3, 0.05).points
    rise = next_correlation(phi, point.q, 0.4 + step, 3, 0.05) - next_correlation(phi, point.q, 0.4 - step, 3, 0.05)
    assert correlation_slope(phi, point.q, 0.4, 3) == pytest.approx(rise / (2 * step), rel=1e-7)


def test_the_settled_correlation_is_where_the_map_arrives() -> None:
    """Ordered: 1. Chaotic: what the map leads to from both sides; 0 for an odd activation without bias."""
    phi = nonlinearity("tanh")
    (point,) = fixed_points(phi, 3, 0.05).points
    c = settled_correlation(phi, point.q, point.chi, 3, 0.05)
    assert 0 < c < 1
    assert next_correlation(phi, point.q, c, 3, 0.05) == pytest.approx(c, abs=1e-11)
    assert c - 0.1 < next_correlation(phi, point.q, c - 0.1, 3, 0.05) < c
    assert c < next_correlation(phi, point.q, c + 0.1, 3, 0.05) < c + 0.1
    assert settled_correlation(phi, 0.3, 0.9, 1.3, 0.05) == 1
    point = fixed_points(phi, 4, 0).points[1]
    assert settled_correlation(phi, point.q, point.chi, 4, 0) == 0

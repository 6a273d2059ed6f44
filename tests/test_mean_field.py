"""Mean-field theory of the variance, against closed forms and an independent integrator."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, special

from actbench.levels.nonlinearity import nonlinearity
from actbench.plan.registry import known_levels
from actbench.theory.gaussian import moment
from actbench.theory.mean_field import (
    batch_norm_factor,
    depth_scale,
    gradient_factor,
    layer_norm_factor,
    mean,
    mean_square,
    mean_square_slope,
    next_variance,
    residual_factor,
    variance_slope,
)
from actbench.theory.profile import Chain, forecast

NAMES = [*known_levels("activation"), "leaky_relu(0.2)", "elu(2)"]
VARIANCES = [0.01, 0.7, 1.0, 9.0, 2500.0]


def by_quad(f, q: float, points: tuple[float, ...]) -> float:
    """Integrate f over N(0, q) by QUADPACK, piece by piece."""
    scale = math.sqrt(q)
    inner = {sign * size / scale for size in (0.5, 1, 3, 8, 20) for sign in (-1, 1)}
    edges = sorted({-12.0, 0.0, 12.0, *inner, *(point / scale for point in points)})
    edges = [edge for edge in edges if abs(edge) <= 12]

    def integrand(z: float) -> float:
        return float(f(np.array([scale * z]))[0]) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    pairs = itertools.pairwise(edges)
    return sum(integrate.quad(integrand, a, b, epsabs=1e-14, epsrel=1e-12, limit=200)[0] for a, b in pairs)


@pytest.mark.parametrize("name", NAMES)
def test_moments_agree_with_an_independent_integrator(name: str) -> None:
    """E[φ], E[φ²] and E[φ′²] of every activation are those of QUADPACK to 1e-9."""
    phi = nonlinearity(name)
    for q in (0.3, 40.0):
        assert mean(phi, q) == pytest.approx(by_quad(phi.function, q, phi.kinks), rel=1e-9, abs=1e-11)
        square = by_quad(lambda u: phi.function(u) ** 2, q, phi.kinks)
        assert mean_square(phi, q) == pytest.approx(square, rel=1e-9)
        slope = by_quad(lambda u: phi.derivative(u) ** 2, q, phi.kinks)
        assert mean_square_slope(phi, q) == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize("q", VARIANCES)
def test_relu_has_its_closed_forms(q: float) -> None:
    """ReLU: E[φ] = √(q/2π), E[φ²] = q/2, E[φ′²] = 1/2; leaky: (1 + a²)/2 of each; hence V and χ."""
    relu, leaky = nonlinearity("relu"), nonlinearity("leaky_relu(0.2)")
    assert mean(relu, q) == pytest.approx(math.sqrt(q / (2 * math.pi)), rel=1e-12)
    assert mean_square(relu, q) == pytest.approx(q / 2, rel=1e-12)
    assert gradient_factor(relu, q, 2) == pytest.approx(1, rel=1e-12)
    assert next_variance(leaky, q, 3, 0.5) == pytest.approx(3 * q * 1.04 / 2 + 0.5, rel=1e-12)
    assert variance_slope(leaky, q, 3) == pytest.approx(3 * 1.04 / 2, rel=1e-11)


@pytest.mark.parametrize("q", VARIANCES)
def test_erf_and_gelu_have_their_closed_forms(q: float) -> None:
    """E[erf²] = (2/π)·arcsin(2q/(1 + 2q)); E[GELU] = q/√(2π(1 + q)); E[GELU²] from Φ² moments."""
    assert moment(lambda u: special.erf(u) ** 2, q) == pytest.approx(
        2 / math.pi * math.asin(2 * q / (1 + 2 * q)), rel=1e-10
    )
    gelu = nonlinearity("gelu")
    assert mean(gelu, q) == pytest.approx(q / math.sqrt(2 * math.pi * (1 + q)), rel=1e-11)
    # E[u²Φ(u)²] by Stein's lemma twice: q·E[Φ²] + q²·(2E[φ_d²] + 2E[Φφ_d′]), each a normal integral
    square = q / 4 + q / (2 * math.pi) * (math.asin(q / (1 + q)) + 2 * q / ((1 + q) * math.sqrt(1 + 2 * q)))
    assert mean_square(gelu, q) == pytest.approx(square, rel=1e-10)


@pytest.mark.parametrize("q", [0.05, 1.0, 30.0])
def test_hardtanh_has_its_closed_form(q: float) -> None:
    """E[φ′²] = P(|u| < 1) and E[φ²] = q·(P - 2·density at the cut) + 1 - P."""
    phi, cut = nonlinearity("hardtanh"), 1 / math.sqrt(q)
    inside = math.erf(cut / math.sqrt(2))
    density = math.exp(-cut * cut / 2) / math.sqrt(2 * math.pi)
    assert mean_square_slope(phi, q) == pytest.approx(inside, rel=1e-12)
    assert mean_square(phi, q) == pytest.approx(q * (inside - 2 * cut * density) + 1 - inside, rel=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_the_slope_of_the_variance_map_is_its_derivative(name: str) -> None:
    """dV/dq is the difference quotient of V."""
    phi, step = nonlinearity(name), 1e-4
    for q in (0.2, 3.0):
        rise = next_variance(phi, q + step, 1.7, 0.1) - next_variance(phi, q - step, 1.7, 0.1)
        assert variance_slope(phi, q, 1.7) == pytest.approx(rise / (2 * step), rel=1e-6)


def test_at_zero_both_sides_of_a_kink_count_half() -> None:
    """At q = 0, χ is σ_w² times the mean of φ′² on both sides, and so is dV/dq."""
    assert mean_square_slope(nonlinearity("relu"), 0) == 0.5
    assert mean_square_slope(nonlinearity("tanh"), 0) == 1
    assert mean_square_slope(nonlinearity("elu(2)"), 0) == 2.5
    assert variance_slope(nonlinearity("gelu"), 0, 4) == 1


def test_wide_variances_overlook_no_narrow_feature() -> None:
    """At √q = 1e4 the step of tanh at 0 is narrower than any fixed panel, and E[φ′²] = 4/3·density(0)/√q."""
    expected = 4 / 3 / math.sqrt(2 * math.pi) / 1e4
    assert mean_square_slope(nonlinearity("tanh"), 1e8) == pytest.approx(expected, rel=1e-7)


def test_factors_under_a_norm() -> None:
    """Batch norm: π/(π - 1) for ReLU, 1 for the identity, more than 1 for all others; layer norm: 1 for ReLU."""
    assert batch_norm_factor(nonlinearity("relu")) == pytest.approx(math.pi / (math.pi - 1), rel=1e-12)
    assert batch_norm_factor(nonlinearity("identity")) == pytest.approx(1, rel=1e-12)
    assert min(batch_norm_factor(nonlinearity(name)) for name in NAMES if name != "identity") > 1.01
    for weight_var in (0.1, 2.0):
        assert layer_norm_factor(nonlinearity("relu"), weight_var) == pytest.approx(1, rel=1e-12)
    assert layer_norm_factor(nonlinearity("relu"), 2, 1) == pytest.approx(0.5, rel=1e-12)


def test_depth_scale() -> None:
    """A factor of 1/e falls by e in one layer; 1 never does; 0 does at once."""
    assert depth_scale(1 / math.e) == pytest.approx(1)
    assert depth_scale(-math.exp(-0.1)) == pytest.approx(10)
    assert depth_scale(1) == math.inf
    assert depth_scale(0) == 0


@pytest.mark.parametrize(("name", "weight_var", "factor"), [("relu", 2.0, 2.0), ("leaky_relu(0.2)", 1.0, 1.52)])
def test_identity_skips_multiply_the_gradient(name: str, weight_var: float, factor: float) -> None:
    """1 + σ_w²·(1 + a²)/2 for slopes a and 1, as the forecast of every inner layer has it."""
    assert residual_factor(nonlinearity(name), weight_var) == pytest.approx(factor, rel=1e-12)
    layers = forecast(nonlinearity(name), Chain(8, 1.0, weight_var, skip=1.0), 1.0)
    norms = [layer.backward_norm2 for layer in layers[1:]]
    assert [low / high for low, high in itertools.pairwise(norms)] == pytest.approx([factor] * 6, rel=1e-9)


def test_only_homogeneous_activations_have_one_residual_factor() -> None:
    """Where the mean squared slope depends on the variance there is no closed form."""
    names = {name for name in NAMES if residual_factor(nonlinearity(name), 1.0) is not None}
    assert names == {"identity", "relu", "leaky_relu", "prelu", "leaky_relu(0.2)"}

"""Fixed points of the variance map and the edge of chaos."""

import math

import pytest

from actbench.levels.nonlinearity import nonlinearity
from actbench.plan.registry import known_levels
from actbench.theory.fixed_points import edges_of_chaos, fixed_points
from actbench.theory.mean_field import gradient_factor, next_variance


@pytest.mark.parametrize("name", known_levels("activation"))
def test_a_settled_variance_is_where_layers_arrive(name: str) -> None:
    """From q = 1 the map itself arrives at the fixed point that is said to be reached, and stays on every other."""
    phi = nonlinearity(name)
    found = fixed_points(phi, 1.3, 0.05)
    for point in found.points:
        assert next_variance(phi, point.q, 1.3, 0.05) == pytest.approx(point.q, rel=1e-10, abs=1e-12)
    q = 1.0
    for _ in range(200):
        q = next_variance(phi, q, 1.3, 0.05)
    if found.settles is None:
        assert q > 1e3 or name == "identity"
    else:
        assert q == pytest.approx(found.points[found.settles].q, rel=1e-6)


def test_relu_has_its_fixed_point_in_closed_form() -> None:
    """q* = σ_b²/(1 - σ_w²/2), stable, with slope and χ σ_w²/2."""
    (point,) = fixed_points(nonlinearity("relu"), 1.3, 0.05).points
    assert point.q == pytest.approx(0.05 / (1 - 0.65), rel=1e-10)
    assert (point.slope, point.chi) == pytest.approx((0.65, 0.65), rel=1e-11)
    assert point.stable


def test_relu_with_he_weights_keeps_every_variance() -> None:
    """At σ_w² = 2 without bias every q is fixed; with bias none is; above 2 only 0, which repels."""
    relu = nonlinearity("relu")
    assert fixed_points(relu, 2, 0).every
    assert fixed_points(relu, 2, 0.1).points == ()
    (point,) = fixed_points(relu, 3, 0).points
    assert (point.q, point.chi, point.stable) == (0, 1.5, False)
    assert fixed_points(relu, 3, 0).settles is None


def test_selu_keeps_one() -> None:
    """SELU with LeCun weights has the stable fixed point q = 1 (Klambauer et al. 2017)."""
    found = fixed_points(nonlinearity("selu"), 1, 0)
    assert found.settles is not None
    point = found.points[found.settles]
    assert point.q == pytest.approx(1, abs=1e-9)
    assert point.stable
    assert 0 < point.slope < 1


def test_stability_where_the_slope_is_one() -> None:
    """Tanh and hardtanh at σ_w² = 1 approach 0 slower than exponentially; GELU at σ_w² = 4 leaves 0."""
    for name in ("tanh", "hardtanh", "elu"):
        found = fixed_points(nonlinearity(name), 1, 0)
        assert [(point.q, point.stable) for point in found.points] == [(0, True)]
    assert not fixed_points(nonlinearity("gelu"), 4, 0).points[0].stable


def test_edges_of_chaos_have_chi_one() -> None:
    """At each edge χ is 1 at a fixed point; tanh with σ_b² = 0.05 has it near σ_w² = 1.76 (Schoenholz et al. 2017)."""
    for name in ("tanh", "hardtanh", "elu", "gelu", "sigmoid"):
        phi = nonlinearity(name)
        edges, every = edges_of_chaos(phi, 0.05)
        assert edges
        assert not every
        for edge in edges:
            assert gradient_factor(phi, edge.q, edge.weight_var) == pytest.approx(1, rel=1e-9)
            assert next_variance(phi, edge.q, edge.weight_var, 0.05) == pytest.approx(edge.q, rel=1e-9)
    assert edges_of_chaos(nonlinearity("tanh"), 0.05)[0][0].weight_var == pytest.approx(1.76, abs=0.005)


def test_edges_without_bias() -> None:
    """Tanh: σ_w² = 1 at q = 0; ReLU: 2 at every q; leaky ReLU: 2/(1 + a²); softplus has none."""
    (edge,), every = edges_of_chaos(nonlinearity("tanh"), 0)
    assert (edge.weight_var, edge.q, edge.stable, every) == (1, 0, True, False)
    (edge,), every = edges_of_chaos(nonlinearity("relu"), 0)
    assert every
    assert edge.weight_var == pytest.approx(2, rel=1e-12)
    (edge,), _ = edges_of_chaos(nonlinearity("leaky_relu(0.2)"), 0)
    assert edge.weight_var == pytest.approx(2 / 1.04, rel=1e-12)
    assert edges_of_chaos(nonlinearity("softplus"), 0) == ((), False)


def test_the_edge_is_between_the_phases() -> None:
    """Just below the edge of tanh χ is below 1 and just above it above 1."""
    phi = nonlinearity("tanh")
    weight_var = edges_of_chaos(phi, 0.05)[0][0].weight_var
    for factor, above in ((0.99, False), (1.01, True)):
        (point,) = fixed_points(phi, weight_var * factor, 0.05).points
        assert (point.chi > 1) is above
        assert math.isfinite(point.q)

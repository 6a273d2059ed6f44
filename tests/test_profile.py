"""What theory expects of each layer: closed forms, and the fixed points it leads to."""

import itertools
import math
from dataclasses import replace

import pytest

from actbench.levels.nonlinearity import nonlinearity
from actbench.theory.fixed_points import fixed_points
from actbench.theory.gaussian import variance_preserving_gain
from actbench.theory.profile import Chain, applies, forecast


def last_factor(phi, chain: Chain) -> float:
    """Return the factor between the first two layers, far below the output."""
    layers = forecast(phi, chain, 1.0)
    return layers[0].backward_norm2 / layers[1].backward_norm2


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_plain_leaky_networks_have_closed_forms(slope: float) -> None:
    """V = (σ_w²(1 + a²)/2)^l and the backward norm has the same factor in the other direction (He et al. 2015)."""
    phi, factor = nonlinearity(f"leaky_relu({slope})"), 1.5 * (1 + slope**2) / 2
    layers = forecast(phi, Chain(6, 3.0, 1.5), 0.5)
    for layer in layers:
        assert layer.forward_variance == pytest.approx(1.5 * factor ** (layer.layer - 1), rel=1e-11)
        assert layer.backward_norm2 == pytest.approx(factor ** (6 - layer.layer), rel=1e-11)


def test_deep_layers_reach_the_fixed_point_and_chi() -> None:
    """Tanh with bias: after 60 layers the variance is q* and the factor χ."""
    phi = nonlinearity("tanh")
    (point,) = fixed_points(phi, 1.3, 0.05).points
    layers = forecast(phi, Chain(60, 1.3, 1.3, 0.05), 1.0)
    assert layers[-1].forward_variance == pytest.approx(point.q, rel=1e-10)
    assert layers[-2].backward_norm2 == pytest.approx(point.chi, rel=1e-10)


def test_batch_norm_explodes_at_its_rate() -> None:
    """ReLU behind batch norm: variance 1 and the factor π/(π - 1) in every layer, whatever the weights."""
    for weight_var in (0.1, 2.0):
        layers = forecast(nonlinearity("relu"), Chain(5, 1.0, weight_var, norm="batchnorm"), 1.0)
        assert [layer.forward_variance for layer in layers] == [1.0] * 5
        assert layers[0].backward_norm2 == pytest.approx((math.pi / (math.pi - 1)) ** 4, rel=1e-11)


def test_layer_norm_takes_the_scale_of_the_weights_away() -> None:
    """Behind layer norm a factor does not depend on σ_w², and ε shows only where the signal is small."""
    phi = nonlinearity("tanh")
    factors = [last_factor(phi, Chain(4, 1.0, var, norm="layernorm")) for var in (0.1, 2.0)]
    assert factors[0] == pytest.approx(factors[1], rel=1e-12)
    layers = forecast(phi, Chain(2, 1e-5, 1.0, norm="rmsnorm", epsilon=1e-5), 1.0)
    assert layers[0].forward_variance == pytest.approx(0.5)


def test_linear_networks_with_skips_have_closed_forms() -> None:
    """Identity activation: both signal and gradient have the factor s² + t²σ_w² a layer."""
    layers = forecast(nonlinearity("identity"), Chain(5, 1.0, 0.7, skip=1.0, branch=0.5), 1.0)
    for before, after in itertools.pairwise(layers):
        assert before.backward_norm2 / after.backward_norm2 == pytest.approx(
            1 + 0.25 * 0.7 if before.layer > 1 else (1 + 0.25 * 0.7) / 0.25, rel=1e-12
        )
        assert after.output_square / before.output_square == pytest.approx(1 + 0.25 * 0.7, rel=1e-12)


def test_the_mean_of_relu_makes_skips_grow_faster_than_twice() -> None:
    """With identity skips and He weights the forward factor tends to the root of r² = 2 + (2/π)/(r - 1), r² = 2.87…"""
    layers = forecast(nonlinearity("relu"), Chain(40, 2.0, 2.0, skip=1.0), 1.0)
    growth = layers[-1].forward_variance / layers[-2].forward_variance
    rate = math.sqrt(growth)
    assert growth == pytest.approx(2 + 2 / math.pi / (rate - 1), rel=1e-9)


def test_finite_width_is_said_to_matter_where_it_does() -> None:
    """At width 512 GELU at its own gain, whose fixed point repels, and ReLU with 30 skips are out of reach."""
    assert applies(forecast(nonlinearity("relu"), Chain(50, 2.0, 2.0), 1.0, 512))
    assert applies(forecast(nonlinearity("tanh"), Chain(50, 2.0, 2.0), 1.0, 512))
    assert applies(forecast(nonlinearity("tanh"), Chain(30, 1.0, 1.0, skip=1.0), 1.0, 512))
    assert not applies(forecast(nonlinearity("relu"), Chain(30, 2.0, 2.0, skip=1.0), 1.0, 512))
    gelu = Chain(50, 1.0, 1 / 0.4252, skip=0.0)
    assert not applies(forecast(nonlinearity("gelu"), gelu, 1.0, 512))
    assert applies(forecast(nonlinearity("gelu"), gelu, 1.0, 1e9))
    silu = Chain(10, 1.0, variance_preserving_gain(nonlinearity("silu").function) ** 2)  # measured: 3 % off at 512
    assert not applies(forecast(nonlinearity("silu"), silu, 1.0, 512))
    assert applies(forecast(nonlinearity("silu"), silu, 1.0, 2048))
    parting = forecast(nonlinearity("gelu"), Chain(50, 2.0, 2.0), 1.0, 512)  # calm at its end, not on the way there
    assert parting[-1].spread < 0.01
    assert not applies(parting)


def test_a_norm_without_theory_is_refused() -> None:
    """The error names the norm."""
    with pytest.raises(ValueError, match="no prediction for norm mynorm"):
        forecast(nonlinearity("relu"), Chain(2, 1.0, 1.0, norm="mynorm"), 1.0)


def test_biases_are_no_part_of_the_signal() -> None:
    """Tanh with biases, whose gradient falls while its variance stays, is within reach; He softplus is not."""
    assert applies(forecast(nonlinearity("tanh"), Chain(30, 1 / 3, 1 / 3, 1 / 1536), 1.0, 512))
    assert not applies(forecast(nonlinearity("softplus"), Chain(50, 2.0, 2.0), 1.0, 512))


@pytest.mark.parametrize("depths", [(4, 30), (30, 4)])
def test_networks_that_differ_in_depth_begin_alike(depths: tuple[int, int]) -> None:
    """What was found for one depth is used for another, and the forecast is to the last bit that of the depth alone."""
    together, chain = nonlinearity("gelu"), Chain(1, 1.0, 2.0, 0.05, skip=1.0)
    found = [forecast(together, replace(chain, depth=depth), 1.0, 512) for depth in depths]
    assert found == [forecast(nonlinearity("gelu"), replace(chain, depth=depth), 1.0, 512) for depth in depths]
    assert [len(layers) for layers in found] == list(depths)


def test_a_layer_without_prediction_has_none_the_second_time() -> None:
    """A variance that leaves the range of numbers stops the forecast, however often it is asked for."""
    phi, chain = nonlinearity("relu"), Chain(80, 1e9, 1e9)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"out of range|layer \d+ has no prediction"):
            forecast(phi, chain, 1.0)
    assert len(forecast(phi, replace(chain, depth=5), 1.0)) == 5

"""actbench.levels.first_layer: a forecast that starts from what the first layer was seen to do."""

import pytest

from actbench.levels.first_layer import predict_from_first
from actbench.levels.initial_pass import chain_of
from actbench.levels.nonlinearity import nonlinearity
from actbench.plan.design import Run
from actbench.theory.profile import forecast
from illness_cases import case


@pytest.mark.parametrize(
    "run",
    [
        case(depth=5, width=256, init="he_normal"),
        case(depth=5, width=256, activation="relu", init="torch_default", residual="identity"),
        case(depth=5, width=256, activation="gelu", norm="layernorm"),
    ],
)
def test_the_forecast_is_that_from_the_inputs(run: Run) -> None:
    """From the first layer's variance on, every layer is predicted as from the inputs that cause that variance."""
    chain = chain_of(run, 40)
    assert chain is not None
    whole = forecast(nonlinearity(run.activation), chain, 1.3, 256.0)
    given = chain.first_var * 1.3 + chain.first_bias_var
    layers, note = predict_from_first(run, given)
    assert layers is not None
    assert note == ""
    for layer, expected in zip(layers, whole, strict=True):
        assert layer.forward_variance == pytest.approx(expected.forward_variance, rel=1e-4)
        assert layer.backward_norm2 == pytest.approx(expected.backward_norm2, rel=1e-4)


def test_a_narrow_network_is_said_to_be_far_from_the_limit() -> None:
    """At a width for which the limit says little the note says so."""
    _, note = predict_from_first(case(depth=16, width=16, activation="relu", residual="identity"), 1.0)
    assert "at width 16 single networks differ much from it" in note

"""The registered activations as theory sees them."""

import numpy as np
import pytest

from actbench.levels.nonlinearity import nonlinearity
from actbench.plan.errors import ConfigError
from actbench.plan.registry import known_levels


@pytest.mark.parametrize("name", known_levels("activation"))
def test_functions_take_and_give_float64_arrays(name: str) -> None:
    """φ and φ′ keep shape and precision, and φ′ is the slope of φ."""
    phi, z, step = nonlinearity(name), np.array([[-2.2, -0.4], [0.7, 4.1]]), 1e-6
    assert phi.function(z).dtype == phi.derivative(z).dtype == np.float64
    rise = (phi.function(z + step) - phi.function(z - step)) / (2 * step)
    assert phi.derivative(z) == pytest.approx(rise, abs=1e-8)


def test_arguments_are_heard_and_learned_parameters_start() -> None:
    """leaky_relu(0.2) has the slope 0.2, PReLU its initial 0.25."""
    assert nonlinearity("leaky_relu(0.2)").function(np.array([-1.0])) == -0.2
    assert nonlinearity("prelu").function(np.array([-1.0])) == -0.25


def test_an_unknown_activation_names_the_nearest() -> None:
    """The error names the argument and the remedy."""
    with pytest.raises(ConfigError, match="--activation: unknown activation 'reluu'; did you mean relu"):
        nonlinearity("reluu", "--activation")

"""Saturation has one definition, and it gives the textbook's answer for each activation."""

import math

import pytest
import torch

from actbench.levels.activations import ACTIVATIONS
from actbench.levels.family import LayerTrace
from actbench.levels.saturation import SATURATED, Derivative, below_steepest, saturated, steepest

Z = torch.tensor([[[-50.0, -4.0, -2.0, -0.1, 0.1, 2.0, 4.0, 50.0]]])


def low_and_high(derivative: Derivative, z_PBD: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what is saturated low and what high."""
    trace = LayerTrace(1, "weight1", z_PBD, derivative=derivative)
    below = below_steepest(trace)
    return saturated(trace) & below, saturated(trace) & ~below


def sides(name: str, *arguments: object) -> tuple[list[float], list[float]]:
    """Return the values of Z that are saturated low and high."""
    entry = ACTIVATIONS[name]
    derivative = lambda z: entry.derivative(z, *arguments)  # noqa: E731
    low, high = low_and_high(derivative, Z)
    return Z[low].tolist(), Z[high].tolist()


@pytest.mark.parametrize(
    ("name", "arguments", "low", "high"),
    [
        ("identity", (), [], []),
        ("sigmoid", (), [-50], [50]),
        ("tanh", (), [-50, -4], [4, 50]),
        ("relu", (), [-50, -4, -2, -0.1], []),
        ("leaky_relu", (0.01,), [-50, -4, -2, -0.1], []),
        ("leaky_relu", (0.2,), [], []),
        ("leaky_relu", (100.0,), [], [0.1, 2, 4, 50]),
        ("elu", (1.0,), [-50, -4], []),
        ("hardtanh", (), [-50, -4, -2], [2, 4, 50]),
        ("softplus", (), [-50, -4], []),
    ],
)
def test_the_flat_side_is_saturated(
    name: str, arguments: tuple[float, ...], low: list[float], high: list[float]
) -> None:
    """Below 5 % of the steepest slope a value counts as saturated, on its side."""
    found = sides(name, *arguments)
    assert found == (pytest.approx(low), pytest.approx(high))


def test_the_limit_of_tanh_is_where_calculus_has_it() -> None:
    """1 - tanh² falls below 0.05 at atanh(√0.95)."""
    limit = math.atanh(math.sqrt(1 - SATURATED))
    z = torch.tensor([[[limit - 1e-3, limit + 1e-3]]])
    derivative = ACTIVATIONS["tanh"].derivative
    assert low_and_high(derivative, z)[1].tolist() == [[[False, True]]]


def test_a_learned_slope_is_each_models_own() -> None:
    """With slopes 0.25, 0.01 and 40 the models are saturated nowhere, below and above 0."""
    slope_P11 = torch.tensor([0.25, 0.01, 40.0])[:, None, None]
    derivative = lambda z: ACTIVATIONS["prelu"].derivative(z, slope_P11)  # noqa: E731
    z_PBD = Z.expand(3, -1, -1)
    low, high = low_and_high(derivative, z_PBD)
    assert low.flatten(1).sum(1).tolist() == [0, 4, 0]
    assert high.flatten(1).sum(1).tolist() == [0, 0, 4]


@pytest.mark.parametrize("name", [name for name, entry in ACTIVATIONS.items() if not entry.learned])
def test_nothing_outside_the_grid_is_steeper(name: str) -> None:
    """The largest slope on the grid is that on a finer and much wider one, to a hundredth: some rise to it slowly."""
    entry = ACTIVATIONS[name]
    derivative = lambda z: entry.derivative(z, *entry.arguments.values())  # noqa: E731
    wide = torch.cat([torch.linspace(-10, 10, 400_001), torch.linspace(-1e4, 1e4, 400_001)]).double()
    assert steepest(derivative)[0].item() == pytest.approx(derivative(wide).abs().max().item(), rel=0.01)

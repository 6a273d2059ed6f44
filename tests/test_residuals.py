"""Laws of the residual connections, over the whole registry.

Letters: P models, B batch, D width.
"""

import math

import pytest
import torch
from torch import Tensor

from actbench.levels.residuals import RESIDUALS

# What each rule does, for h, u and the depth.
DEFINITIONS = {
    "none": lambda h, u, depth: u,
    "identity": lambda h, u, depth: h + u,
    "scaled": lambda h, u, depth: h + u / math.sqrt(depth),
}

every_residual = pytest.mark.parametrize("name", list(RESIDUALS))


def signals(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return a layer's input h and its activation's output u."""
    noise = torch.Generator().manual_seed(1)
    h_PBD, u_PBD = torch.randn(2, 7, 32, 10, generator=noise, dtype=dtype)
    return h_PBD, u_PBD


@every_residual
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("depth", [1, 4, 50])
def test_values_are_the_definition(name: str, dtype: torch.dtype, depth: int) -> None:
    """The output is the formula, in the shape and dtype of its inputs."""
    h_PBD, u_PBD = signals(dtype)
    output = RESIDUALS[name].function(h_PBD, u_PBD, depth)
    torch.testing.assert_close(output, DEFINITIONS[name](h_PBD, u_PBD, depth))


@every_residual
def test_inputs_are_left_alone(name: str) -> None:
    """Neither input is changed: the backward pass needs them."""
    h_PBD, u_PBD = signals()
    kept = h_PBD.clone(), u_PBD.clone()
    RESIDUALS[name].function(h_PBD, u_PBD, 4)
    assert torch.equal(h_PBD, kept[0])
    assert torch.equal(u_PBD, kept[1])


@every_residual
def test_stacked_equals_alone_to_the_last_bit(name: str) -> None:
    """A model's outputs have the same bits alone and among seven."""
    h_PBD, u_PBD = signals()
    together = RESIDUALS[name].function(h_PBD, u_PBD, 3)
    for index in range(7):
        one = slice(index, index + 1)
        assert torch.equal(RESIDUALS[name].function(h_PBD[one].clone(), u_PBD[one].clone(), 3), together[one])


def test_the_scaled_sum_stays_bounded_with_depth() -> None:
    """With independent branches of variance 1, `depth` layers add variance 1 in all, whatever the depth."""
    noise = torch.Generator().manual_seed(1)
    for depth in (2, 32):
        h_PBD = torch.zeros(1, 32, 512)
        for _ in range(depth):
            h_PBD = RESIDUALS["scaled"].function(h_PBD, torch.randn(1, 32, 512, generator=noise), depth)
        assert h_PBD.var() == pytest.approx(1, rel=0.05)

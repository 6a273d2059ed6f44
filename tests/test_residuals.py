"""Laws of the residual connections, over the whole registry.

Letters: P models, B batch, D width.
"""

import pytest
import torch
from torch import Tensor

from actbench.levels.residuals import RESIDUALS
from formulas import evaluate

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
    entry = RESIDUALS[name]
    output = entry.function(h_PBD, u_PBD, depth, *entry.arguments.values())
    assert (output.shape, output.dtype) == (h_PBD.shape, dtype)
    for place in range(0, h_PBD.numel(), 97):
        h, u = (tensor.flatten()[place].item() for tensor in (h_PBD, u_PBD))
        said = evaluate(entry.formula, h=h, u=u, depth=depth, **entry.arguments)
        assert output.flatten()[place].item() == pytest.approx(said, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", [name for name, entry in RESIDUALS.items() if entry.coefficients])
@pytest.mark.parametrize("depth", [1, 4, 50])
def test_coefficients_are_those_of_the_rule(name: str, depth: int) -> None:
    """What the compiled engine and theory are told, s·h + t·u, is what the rule computes."""
    entry, (h_PBD, u_PBD) = RESIDUALS[name], signals(torch.float64)
    skip, branch = entry.coefficients(depth, *entry.arguments.values())
    output = entry.function(h_PBD, u_PBD, depth, *entry.arguments.values())
    torch.testing.assert_close(output, skip * h_PBD + branch * u_PBD)


@every_residual
def test_inputs_are_left_alone(name: str) -> None:
    """Neither input is changed: the backward pass needs them."""
    h_PBD, u_PBD = signals()
    kept = h_PBD.clone(), u_PBD.clone()
    RESIDUALS[name].function(h_PBD, u_PBD, 4, *RESIDUALS[name].arguments.values())
    assert torch.equal(h_PBD, kept[0])
    assert torch.equal(u_PBD, kept[1])


@every_residual
def test_stacked_equals_alone_to_the_last_bit(name: str) -> None:
    """A model's outputs have the same bits alone and among seven."""
    h_PBD, u_PBD = signals()
    entry = RESIDUALS[name]
    together = entry.function(h_PBD, u_PBD, 3, *entry.arguments.values())
    for index in range(7):
        h, u = h_PBD[index : index + 1].clone(), u_PBD[index : index + 1].clone()
        alone = entry.function(h, u, 3, *entry.arguments.values())
        assert torch.equal(alone, together[index : index + 1])


def test_the_scaled_sum_stays_bounded_with_depth() -> None:
    """With independent branches of variance 1, `depth` layers add variance 1 in all, whatever the depth."""
    noise = torch.Generator().manual_seed(1)
    for depth in (2, 32):
        h_PBD = torch.zeros(1, 32, 512)
        for _ in range(depth):
            h_PBD = RESIDUALS["scaled"].function(h_PBD, torch.randn(1, 32, 512, generator=noise), depth)
        assert h_PBD.var() == pytest.approx(1, rel=0.05)

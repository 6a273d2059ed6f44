"""Residual connections: how the input of a hidden layer joins the output of its activation.

Letters: P models, B batch, D width.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Residual:
    """One rule: (h_PBD, u_PBD, depth, *arguments) -> (P, B, D).

    h is the layer's input, u its activation's output, depth the number of hidden layers. coefficients: (depth,
    *arguments) -> s and t when the rule is s·h + t·u: the compiled engine and theory then know it.
    """

    function: Callable[..., Tensor]
    formula: str
    reference: str
    arguments: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    coefficients: Callable[..., tuple[float, float]] | None = None


def none(h_PBD: Tensor, u_PBD: Tensor, depth: int) -> Tensor:
    """Return u: a plain chain of layers."""
    return u_PBD


def identity(h_PBD: Tensor, u_PBD: Tensor, depth: int) -> Tensor:
    """Return h + u. Source: He et al. 2016, eq. 1."""
    return h_PBD + u_PBD


def scaled(h_PBD: Tensor, u_PBD: Tensor, depth: int) -> Tensor:
    """Return h + u/√depth, which bounds the growth of the signal at any depth. Source: Hayou et al. 2021."""
    return torch.add(h_PBD, u_PBD, alpha=depth**-0.5)


RESIDUALS: dict[str, Residual] = {
    "none": Residual(
        none, formula="u", reference="the absence of a residual connection", coefficients=lambda depth: (0.0, 1.0)
    ),
    "identity": Residual(
        identity,
        formula="h + u",
        reference="He, Zhang, Ren & Sun 2016, Deep residual learning for image recognition, CVPR, eq. 1",
        coefficients=lambda depth: (1.0, 1.0),
    ),
    "scaled": Residual(
        scaled,
        formula="h + u / √depth",
        reference="Hayou, Clerico, He, Deligiannidis, Doucet & Rousseau 2021, Stable ResNet, AISTATS",
        coefficients=lambda depth: (1.0, depth**-0.5),
    ),
}

"""Diagnostics: one number per model and layer from a forward and backward pass on the probe.

Letters: P models of a stack, B examples, I rows and O columns of a weight, D units of the layer.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layer:
    """What a diagnostic may look at. The whole network is a layer whose gradient is that of all parameters."""

    gradient_PIO: Tensor
    weight_PIO: Tensor
    z_PBD: Tensor | None = None
    u_PBD: Tensor | None = None


@dataclass(frozen=True)
class Diagnostic:
    """One recorded quantity. `where`: `hidden` layers, `weights` (hidden and output), or `network` (layer 0)."""

    measure: Callable[[Layer], Tensor]
    where: str
    formula: str
    unit: str
    meaning: str
    reference: str


def activation_mean(layer: Layer) -> Tensor:
    """Return the mean of the activations over examples and units, shape (P,)."""
    assert layer.u_PBD is not None
    return layer.u_PBD.flatten(1).mean(1)


def activation_std(layer: Layer) -> Tensor:
    """Return the standard deviation of the activations over examples and units, shape (P,)."""
    assert layer.u_PBD is not None
    u_PN = layer.u_PBD.flatten(1)
    return (u_PN - u_PN.mean(1, keepdim=True)).square().mean(1).sqrt()


def zero_fraction(layer: Layer) -> Tensor:
    """Return the share of activations that are exactly zero, shape (P,)."""
    assert layer.u_PBD is not None
    return (layer.u_PBD == 0).flatten(1).to(torch.float32).mean(1)


def gradient_norm(layer: Layer) -> Tensor:
    """Return the Euclidean norm of the gradient, shape (P,)."""
    return layer.gradient_PIO.flatten(1).square().sum(1).sqrt()


DIAGNOSTICS: dict[str, Diagnostic] = {
    "activation_mean": Diagnostic(
        activation_mean,
        where="hidden",
        formula="mean over examples b and units d of u",
        unit="",
        meaning="centre of the activations; zero-centred activations keep it near 0",
        reference="LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, section 4.3",
    ),
    "activation_std": Diagnostic(
        activation_std,
        where="hidden",
        formula="square root of the mean over b and d of (u - mean)²",
        unit="",
        meaning="strength of the signal; it shrinks or grows with depth when the init does not fit",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep networks, figure 6",
    ),
    "zero_fraction": Diagnostic(
        zero_fraction,
        where="hidden",
        formula="share of u = 0 over b and d",
        unit="fraction",
        meaning="how sparse the layer is; 1 means that no unit answers to any example",
        reference="Glorot, Bordes & Bengio (2011), Deep sparse rectifier networks, section 4",
    ),
    "gradient_norm": Diagnostic(
        gradient_norm,
        where="weights",
        formula="‖∂loss/∂W‖₂ of the layer's weight, mean loss over the probe",
        unit="",
        meaning="size of the learning signal that reaches the layer",
        reference="Glorot & Bengio (2010), figure 7",
    ),
    "global_gradient_norm": Diagnostic(
        gradient_norm,
        where="network",
        formula="‖∂loss/∂θ‖₂ over all parameters, before clipping, mean loss over the probe",
        unit="",
        meaning="what norm clipping compares with its threshold",
        reference="Pascanu, Mikolov & Bengio (2013), On the difficulty of training RNNs, algorithm 1",
    ),
}

"""Normalisations of the pre-activations, with the backward pass written out.

Letters: P models, B batch, D width. Statistics of one model never touch another's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from actbench.levels import loops
from actbench.levels.loops import NormLoops

EPSILON = 1e-5  # added to the variance, as torch does
MOMENTUM = 0.1  # share of the new batch in the running statistics, as torch does
BATCH, WIDTH = 1, 2  # the axes of (P, B, D)

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Normalization:
    """One normalisation.

    function: (z_PBD, parameters, statistics, mode, *arguments) -> (P, B, D).
    mode: `train`, statistics of the batch, running ones updated in place; `probe`, statistics of the batch, nothing
    updated; `eval`, running statistics, where there are any.
    parameters, statistics: name -> initial value of tensors (P, 1, D); the former are trained, the latter are not.
    cancels_bias: an offset that all units share has no effect on the output.
    replaces_bias: no bias at all has an effect, so the layer goes without: its gradient would be rounding noise.
    compiled: the same as loops over one model, for the compiled engine.
    """

    function: Callable[..., Tensor]
    formula: str
    reference: str
    parameters: dict[str, float] = field(default_factory=lambda: {"gain": 1.0, "shift": 0.0})
    statistics: dict[str, float] = field(default_factory=lambda: {"mean": 0.0, "variance": 1.0})
    cancels_bias: bool = False
    replaces_bias: bool = False
    compiled: NormLoops | None = None
    arguments: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)


class _Standardise(torch.autograd.Function):
    """y = gain·x + shift, x = c / √(mean(c²) + ε) along one axis, c = z less its mean where there is a shift.

    Autograd over the same formula makes three times as many full-size temporaries and takes twice the time.
    """

    @staticmethod
    def forward(
        ctx: Any, z_PBD: Tensor, gain_P1D: Tensor, shift_P1D: Tensor | None, axis: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean = z_PBD.mean(axis, keepdim=True) if shift_P1D is not None else z_PBD.new_zeros(())
        centred_PBD = z_PBD - mean if shift_P1D is not None else z_PBD
        variance = (centred_PBD * centred_PBD).mean(axis, keepdim=True)
        scale = torch.rsqrt(variance + EPSILON)
        x_PBD = centred_PBD * scale
        ctx.save_for_backward(x_PBD, scale, gain_P1D)
        ctx.axis, ctx.centred = axis, shift_P1D is not None
        ctx.mark_non_differentiable(mean, variance)
        y_PBD = x_PBD * gain_P1D if shift_P1D is None else torch.addcmul(shift_P1D, x_PBD, gain_P1D)
        return y_PBD, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_PBD: Tensor, *unused: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        """Return gradients: u = gain·g; dz = scale·(u - mean(u) - x·mean(u·x)), dgain = Σ g·x, dshift = Σ g."""
        x_PBD, scale, gain_P1D = ctx.saved_tensors
        product_PBD = g_PBD * x_PBD
        dgain_P1D = product_PBD.sum(BATCH, keepdim=True)
        along = product_PBD.mul_(gain_P1D).mean(ctx.axis, keepdim=True)
        u_PBD = g_PBD * gain_P1D
        if ctx.centred:
            u_PBD.sub_(u_PBD.mean(ctx.axis, keepdim=True))
        dz_PBD = u_PBD.addcmul_(x_PBD, along, value=-1).mul_(scale)
        dshift_P1D = g_PBD.sum(BATCH, keepdim=True) if ctx.centred else None
        return dz_PBD, dgain_P1D, dshift_P1D, None


def _standardise(z_PBD: Tensor, parameters: Tensors, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the output, the mean and the biased variance along the axis."""
    y_PBD, mean, variance = _Standardise.apply(z_PBD, parameters["gain"], parameters.get("shift"), axis)  # type: ignore[no-untyped-call]
    return y_PBD, mean, variance


def none(z_PBD: Tensor, parameters: Tensors, statistics: Tensors, mode: str) -> Tensor:
    """Return z itself."""
    return z_PBD


def batchnorm(z_PBD: Tensor, parameters: Tensors, statistics: Tensors, mode: str) -> Tensor:
    """Standardise each unit over the batch, then scale and shift it.

    y = gain·(z - mean) / √(variance + 1e-5) + shift. The running variance is the unbiased one, as in
    `torch.nn.BatchNorm1d`. z_PBD: B ≥ 2 in mode `train`. Source: Ioffe & Szegedy 2015, algorithm 1.
    """
    if mode == "eval":
        scale_P1D = parameters["gain"] * torch.rsqrt(statistics["variance"] + EPSILON)
        return torch.addcmul(parameters["shift"], z_PBD - statistics["mean"], scale_P1D)
    y_PBD, mean_P1D, variance_P1D = _standardise(z_PBD, parameters, BATCH)
    if mode == "train":
        batch = z_PBD.shape[BATCH]
        with torch.no_grad():
            statistics["mean"].mul_(1 - MOMENTUM).add_(mean_P1D * MOMENTUM)
            statistics["variance"].mul_(1 - MOMENTUM).add_(variance_P1D * (MOMENTUM * batch / (batch - 1)))
    return y_PBD


def layernorm(z_PBD: Tensor, parameters: Tensors, statistics: Tensors, mode: str) -> Tensor:
    """Standardise each example over the units, then scale and shift each unit.

    y = gain·(z - mean) / √(variance + 1e-5) + shift, in every mode. Source: Ba, Kiros & Hinton 2016, eq. 3 and 4.
    """
    return _standardise(z_PBD, parameters, WIDTH)[0]


def rmsnorm(z_PBD: Tensor, parameters: Tensors, statistics: Tensors, mode: str) -> Tensor:
    """Divide each example by its root mean square over the units, then scale each unit.

    y = gain·z / √(mean(z²) + 1e-5), in every mode. Source: Zhang & Sennrich 2019, eq. 4.
    """
    return _standardise(z_PBD, parameters, WIDTH)[0]


NORMALIZATIONS: dict[str, Normalization] = {
    "none": Normalization(
        none,
        formula="z",
        reference="the absence of a normalisation",
        parameters={},
        statistics={},
        compiled=loops.COPY,
    ),
    "batchnorm": Normalization(
        batchnorm,
        formula="gain·(z - mean) / √(variance + 1e-5) + shift over the batch, for each unit",
        reference="Ioffe & Szegedy 2015, Batch normalization: accelerating deep network training by reducing internal "
        "covariate shift, ICML, algorithm 1",
        cancels_bias=True,
        replaces_bias=True,
        compiled=loops.BATCH,
    ),
    "layernorm": Normalization(
        layernorm,
        formula="gain·(z - mean) / √(variance + 1e-5) + shift over the units, for each example",
        reference="Ba, Kiros & Hinton 2016, Layer normalization, arXiv:1607.06450, eq. 3 and 4",
        statistics={},
        cancels_bias=True,
        compiled=loops.LAYER,
    ),
    "rmsnorm": Normalization(
        rmsnorm,
        formula="gain·z / √(mean(z²) + 1e-5) over the units, for each example",
        reference="Zhang & Sennrich 2019, Root mean square layer normalization, NeurIPS, eq. 4",
        parameters={"gain": 1.0},
        statistics={},
        compiled=loops.RMS,
    ),
}

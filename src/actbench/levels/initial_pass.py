"""One forward and one backward pass of networks as they are initialised, in float64, and what theory expects of them.

Letters: P models (1 here), B examples, I inputs, D width, C classes.
"""

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actbench.levels.family import LayerTrace, Network
from actbench.levels.initializers import INITIALIZERS
from actbench.levels.nonlinearity import nonlinearity
from actbench.levels.normalizations import EPSILON
from actbench.levels.residuals import RESIDUALS
from actbench.levels.saturation import saturated
from actbench.plan.design import Run
from actbench.plan.level import parse_level
from actbench.plan.seeds import stream
from actbench.theory.profile import Chain, LayerForecast, forecast

CLASSES = 10  # outputs of a probed network; their number has no part in the factors
GROUPS = 8  # examples of like size for which theory is evaluated once


@dataclass(frozen=True)
class LayerPass:
    """What one hidden layer of one network did: mean squares over units and examples, and sums of squares of gradients.

    forward_variance: mean of z². backward_norm2: sum of (∂loss/∂z)². The rest are statistics of the activations.
    """

    layer: int
    forward_variance: float
    backward_norm2: float
    activation_mean: float
    activation_std: float
    zero_fraction: float
    saturated_fraction: float


def normal_inputs(seed: int, examples: int, features: int) -> Tensor:
    """Draw standard normal inputs from a stream of their own, float64 (B, I)."""
    generator = torch.Generator().manual_seed(stream(seed, "probe/input"))
    return torch.randn(examples, features, generator=generator, dtype=torch.float64)


def measure_initial(run: Run, x_BI: Tensor) -> list[LayerPass]:
    """Initialise the network of a run and pass the examples forward and a random gradient backward.

    The loss is a random linear function of the outputs, its coefficients standard normal and independent for every
    example and output, as theory assumes; ratios between layers do not depend on its size. Float64 throughout, so that
    nothing vanishes by rounding; norms take the statistics of the batch.

    x_BI: float64 inputs, as the network sees them.
    """
    family = importlib.import_module(f"actbench.levels.models.{run.model}")
    network: Network = family.build([run], x_BI.shape[1], CLASSES)
    parameters = {name: tensor[None].double() for name, tensor in network.initialise(run).items()}
    statistics = {
        name: torch.full((1, *shape), value, dtype=torch.float64) for name, (shape, value) in network.statistics.items()
    }
    parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
    trace: list[LayerTrace] = []
    logits_PBC = network.forward(parameters, statistics, run.input_scale * x_BI[None], "probe", trace)
    generator = torch.Generator().manual_seed(stream(run.seed, "probe/gradient"))
    coefficients_PBC = torch.randn(logits_PBC.shape, generator=generator, dtype=torch.float64)
    hidden = [item for item in trace if item.u_PBD is not None]
    gradients = torch.autograd.grad((logits_PBC * coefficients_PBC).sum(), [item.z_PBD for item in hidden])
    return [_measure(item, gradient) for item, gradient in zip(hidden, gradients, strict=True)]


@torch.no_grad()
def _measure(item: LayerTrace, gradient_PBD: Tensor) -> LayerPass:
    assert item.u_PBD is not None
    z, u = item.z_PBD.detach(), item.u_PBD.detach()
    return LayerPass(
        layer=item.layer,
        forward_variance=float(z.square().mean()),
        backward_norm2=float(gradient_PBD.square().sum()),
        activation_mean=float(u.mean()),
        activation_std=float(u.std(correction=0)),
        zero_fraction=float((u == 0).double().mean()),
        saturated_fraction=float(saturated(item).double().mean()),
    )


def chain_of(run: Run, features: int) -> Chain | None:
    """Return a run's network as theory sees it.

    None where it has no eyes for it: a residual rule that is not a weighted sum, biases with a mean.
    """
    level, phi = parse_level("init", run.init), nonlinearity(run.activation)
    entry, link = INITIALIZERS[level.name], parse_level("residual", run.residual)
    coefficients = RESIDUALS[link.name].coefficients
    if coefficients is None or run.bias_offset:
        return None
    skip, branch = coefficients(run.depth, *link.arguments)
    norm = parse_level("norm", run.norm).name
    return Chain(
        depth=run.depth,
        first_var=features * entry.variance(features, run.width, None, *level.arguments),
        weight_var=run.width * entry.variance(run.width, run.width, phi, *level.arguments),
        first_bias_var=entry.bias_variance(features),
        bias_var=entry.bias_variance(run.width),
        norm=norm,
        skip=skip,
        branch=branch,
        epsilon=EPSILON,
    )


def predict_initial(run: Run, x_BI: NDArray[np.float64]) -> list[LayerForecast] | None:
    """Return what theory expects of each hidden layer for these examples, or None where it has no prediction.

    Examples differ in size, so theory is evaluated for groups of like size and averaged.
    """
    chain = chain_of(run, x_BI.shape[1])
    if chain is None:
        return None
    squares = np.sort((run.input_scale * x_BI).astype(np.float64) ** 2 @ np.full(x_BI.shape[1], 1 / x_BI.shape[1]))
    groups = np.array_split(squares, min(GROUPS, len(squares)))
    phi, width = nonlinearity(run.activation), float(run.width)
    try:
        forecasts = [forecast(phi, chain, float(group.mean()), width) for group in groups]
    except ValueError:
        return None
    weights = np.array([len(group) for group in groups]) / len(squares)
    return [_averaged(layers, weights) for layers in zip(*forecasts, strict=True)]


def _averaged(layers: tuple[LayerForecast, ...], weights: NDArray[np.float64]) -> LayerForecast:
    def average(name: str) -> Any:
        return float(weights @ np.array([getattr(layer, name) for layer in layers]))

    return LayerForecast(
        layers[0].layer,
        average("forward_variance"),
        average("backward_norm2"),
        average("output_square"),
        max(layer.spread for layer in layers),
        max(layer.astray for layer in layers),
    )

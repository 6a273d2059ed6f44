"""Multi-layer perceptron: `depth` hidden layers of equal width and a linear output layer.

Hidden layer l:  z = norm(h W + b),  u = φ(z),  h' = residual(h, u)  (from the second layer on; the first changes the
width). Output: h W + b. Every tensor of a stack leads with the model axis.

Letters: P models of a stack, B examples, I inputs, D width, C classes.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from actbench.levels.activation_blocks import activation_of, derivative_of
from actbench.levels.activations import ACTIVATIONS
from actbench.levels.family import LayerTrace, Network, Parameter, Tensors
from actbench.levels.initializers import INITIALIZERS
from actbench.levels.models._mlp_program import compile_mlp
from actbench.levels.normalizations import NORMALIZATIONS, Normalization
from actbench.levels.residuals import RESIDUALS
from actbench.plan.design import Run
from actbench.plan.level import parse_level
from actbench.plan.seeds import stream


def build(runs: Sequence[Run], inputs: int, classes: int) -> Network:
    """Build the network structure that the runs of a stack share.

    Args:
        runs: they may differ in init, lr, bias_offset, input_scale and seed, which `initialise` alone reads, and in
            blocks of neighbours also in activation, as long as their activations learn the same parameters. When all
            have one activation, the network takes any number of models.
        inputs: number of input features.
        classes: number of outputs.
    """
    run, levels = runs[0], [run.activation for run in runs]
    parameters = _parameters(run, inputs, classes)
    norm = NORMALIZATIONS[parse_level("norm", run.norm).name]
    statistics: dict[str, tuple[tuple[int, ...], float]] = {
        f"{name}{layer}": ((1, run.width), value)
        for layer in range(1, run.depth + 1)
        for name, value in norm.statistics.items()
    }
    forward = partial(_forward, run, activation_of(levels), derivative_of(levels))
    mixed = len(set(levels)) > 1
    loops = None if mixed else partial(compile_mlp, run, inputs, classes)
    return Network(parameters, statistics, partial(_initialise, parameters), forward, loops, mixed)


def _parameters(run: Run, inputs: int, classes: int) -> dict[str, Parameter]:
    norm = NORMALIZATIONS[parse_level("norm", run.norm).name]
    activation = ACTIVATIONS[parse_level("activation", run.activation).name]
    parameters = {}
    for layer in range(1, run.depth + 2):
        rows = inputs if layer == 1 else run.width
        columns = run.width if layer <= run.depth else classes
        parameters[f"weight{layer}"] = Parameter((rows, columns), layer, is_weight=True)
        if layer > run.depth or not norm.replaces_bias:
            parameters[f"bias{layer}"] = Parameter((1, columns), layer)
        if layer <= run.depth:
            parameters |= {f"{name}{layer}": Parameter((1, run.width), layer) for name in norm.parameters}
            parameters |= {f"{name}{layer}": Parameter((1, 1), layer) for name in activation.learned}
    return parameters


def _initialise(parameters: dict[str, Parameter], run: Run) -> Tensors:
    norm = NORMALIZATIONS[parse_level("norm", run.norm).name]
    activation = ACTIVATIONS[parse_level("activation", run.activation).name]
    constants = {**norm.parameters, **activation.learned}
    tensors = {}
    for name, parameter in parameters.items():
        kind = name.removesuffix(str(parameter.layer))
        if kind in constants:
            tensors[name] = torch.full(parameter.shape, constants[kind])
        elif parameter.is_weight:
            tensors[name], tensors[f"bias{parameter.layer}"] = _initial_layer(run, parameter)
    return {name: tensors[name] for name in parameters}


def _initial_layer(run: Run, weight: Parameter) -> tuple[Tensor, Tensor]:
    level = parse_level("init", run.init)
    entry = INITIALIZERS[level.name]
    fan_in, fan_out = weight.shape
    phi = None if weight.layer == 1 else _plain_activation(run)
    weight_IO = entry.weight(_generator(run, "weight", weight.layer), fan_in, fan_out, phi, *level.arguments)
    bias_O = entry.bias(_generator(run, "bias", weight.layer), fan_in, fan_out)
    if weight.layer <= run.depth:
        bias_O = bias_O + run.bias_offset
    return weight_IO, bias_O[None, :]


def _generator(run: Run, purpose: str, layer: int) -> torch.Generator:
    return torch.Generator().manual_seed(stream(run.seed, f"{purpose}/{layer}"))


def _plain_activation(run: Run) -> Callable[[Tensor], Tensor]:
    """Return φ as a function of z alone, with learned parameters at their initial values."""
    entry = ACTIVATIONS[parse_level("activation", run.activation).name]
    learned = [torch.tensor(value, dtype=torch.float64) for value in entry.learned.values()]
    return _with_learned(activation_of([run.activation]), learned)


def _with_learned(function: Callable[..., Tensor], learned: Sequence[Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda z: function(z, *learned)


def _forward(
    run: Run,
    phi: Callable[..., Tensor],
    slope: Callable[..., Tensor],
    parameters: Tensors,
    statistics: Tensors,
    x_PBI: Tensor,
    mode: str,
    trace: list[LayerTrace] | None = None,
) -> Tensor:
    activation = ACTIVATIONS[parse_level("activation", run.activation).name]
    norm = NORMALIZATIONS[parse_level("norm", run.norm).name]
    residual, weights = RESIDUALS[parse_level("residual", run.residual).name], _arguments("residual", run)
    h_PBD = x_PBI
    for layer in range(1, run.depth + 1):
        z_PBD = _linear(h_PBD, parameters, layer)
        z_PBD = _normalise(norm, run, layer, z_PBD, parameters, statistics, mode)
        learned = [parameters[f"{name}{layer}"] for name in activation.learned]
        u_PBD = phi(z_PBD, *learned)
        h_PBD = u_PBD if layer == 1 else residual.function(h_PBD, u_PBD, run.depth, *weights)
        if trace is not None:
            own = _with_learned(slope, [tensor.detach() for tensor in learned])
            trace.append(LayerTrace(layer, f"weight{layer}", z_PBD, u_PBD, own))
    output = run.depth + 1
    logits_PBC = _linear(h_PBD, parameters, output)
    if trace is not None:
        trace.append(LayerTrace(output, f"weight{output}", logits_PBC))
    return logits_PBC


def _linear(h_PBD: Tensor, parameters: Tensors, layer: int) -> Tensor:
    weight_PIO, bias_P1O = parameters[f"weight{layer}"], parameters.get(f"bias{layer}")
    return torch.bmm(h_PBD, weight_PIO) if bias_P1O is None else torch.baddbmm(bias_P1O, h_PBD, weight_PIO)


def _normalise(
    norm: Normalization,
    run: Run,
    layer: int,
    z_PBD: Tensor,
    parameters: Tensors,
    statistics: Tensors,
    mode: str,
) -> Tensor:
    own = {name: parameters[f"{name}{layer}"] for name in norm.parameters}
    running = {name: statistics[f"{name}{layer}"] for name in norm.statistics}
    return norm.function(z_PBD, own, running, mode, *_arguments("norm", run))


def _arguments(kind: str, run: Run) -> tuple[float, ...]:
    return parse_level(kind, getattr(run, kind)).arguments

"""Every diagnostic of one ordinary network, by hooks, autograd and torch.linalg: slow, plain, one model at a time."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from actbench.plan.design import Run
from twin import PlainNetwork, plain_clip

Profile = dict[tuple[int, str], float]


@dataclass
class Moment:
    """A plain network now and before its last two updates (newest first), with the data that it learns."""

    run: Run
    network: PlainNetwork
    before: list[PlainNetwork]
    x: Tensor
    y: Tensor
    probe: int

    def linears(self, network: PlainNetwork) -> list[torch.nn.Linear]:
        """Return the linear maps of a network, the output last."""
        return [*(layer.linear for layer in network.layers), network.output]


def ratio(part: float, whole: float) -> float:
    """Return part / whole, NaN where there is no whole."""
    return part / whole if whole else math.nan


def traced(network: PlainNetwork, x: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Return logits, the inputs of the activations and their outputs."""
    z: list[Tensor] = []
    u: list[Tensor] = []

    def keep(_: object, inputs: tuple[Tensor], output: Tensor) -> None:
        z.append(inputs[0])
        u.append(output)

    hooks = [layer.activation.register_forward_hook(keep) for layer in network.layers]
    logits = network(x)
    for hook in hooks:
        hook.remove()
    return logits, z, u


def slopes(activation: torch.nn.Module, z: Tensor) -> Tensor:
    """Return φ′(z) by automatic differentiation."""
    leaf = z.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(activation(leaf).sum(), leaf)
    return slope


def plain_profile(moment: Moment) -> Profile:
    """Compute everything that needs no update and no second moment."""
    network, x, y = moment.network, moment.x[: moment.probe], moment.y[: moment.probe]
    network.zero_grad()
    logits, z, u = traced(network, x)
    loss = functional.cross_entropy(logits, y)
    signals = torch.autograd.grad(loss, [*z, logits], retain_graph=True)
    loss.backward()
    values: Profile = {}
    for number, layer in enumerate(network.layers, 1):
        for name, value in of_hidden(layer.activation, z[number - 1].detach(), u[number - 1].detach()).items():
            values[number, name] = value
        values[number, "dead_fraction"] = dead(moment, network)[number - 1].double().mean().item()
    for number, (linear, signal) in enumerate(zip(moment.linears(network), signals, strict=True), 1):
        for name, value in of_weight(linear.weight.detach(), linear.weight.grad).items():
            values[number, name] = value
        values[number, "backward_norm"] = signal.norm().item()
    return values | of_network(moment, values)


def of_hidden(activation: torch.nn.Module, z: Tensor, u: Tensor) -> dict[str, float]:
    """Compute what is measured on z and u of a hidden layer."""
    grid = torch.linspace(-20, 20, 40001)
    steep = slopes(activation, grid).abs()
    flat = slopes(activation, z).abs() < 0.05 * steep.max()
    place = grid[steep >= steep.max() * (1 - 1e-6)][0]
    covariance = torch.cov(u.double().T, correction=0)
    eigenvalues = torch.linalg.eigvalsh(covariance)
    pairs = functional.cosine_similarity(z[0::2], z[1::2], dim=1)
    return {
        "preactivation_mean": z.mean().item(),
        "preactivation_std": z.std(correction=0).item(),
        "preactivation_min": z.min().item(),
        "preactivation_max": z.max().item(),
        "activation_mean": u.mean().item(),
        "activation_std": u.std(correction=0).item(),
        "activation_min": u.min().item(),
        "activation_max": u.max().item(),
        "zero_centredness": ratio(u.mean().abs().item(), u.std(correction=0).item()),
        "zero_fraction": zeros(activation, z).double().mean().item(),
        "saturated_fraction": flat.double().mean().item(),
        "saturated_low": (flat & (z < place)).double().mean().item(),
        "saturated_high": (flat & (z >= place)).double().mean().item(),
        "effective_rank": ratio(eigenvalues.sum().item() ** 2, eigenvalues.square().sum().item()),
        "input_correlation": pairs.mean().item(),
    }


def zeros(activation: torch.nn.Module, z: Tensor) -> Tensor:
    """Tell where φ(z) is 0 by its formula; GELU, in torch, also rounds to 0 what is 1e-9."""
    exact = {torch.nn.ReLU: z <= 0, torch.nn.Hardswish: (z <= -3) | (z == 0)}
    return exact.get(type(activation), z == 0)


def of_weight(weight: Tensor, gradient: Tensor) -> dict[str, float]:
    """Compute what is measured on a weight (units, inputs) and its gradient."""
    shares = []
    for unit in gradient:
        signs = unit.sign()[unit != 0]
        if len(signs):
            shares.append(max((signs > 0).double().mean().item(), (signs < 0).double().mean().item()))
    return {
        "gradient_norm": gradient.norm().item(),
        "sign_coherence": ratio(sum(shares), len(shares)),
        "weight_norm": torch.linalg.matrix_norm(weight).item(),
        "spectral_norm": torch.linalg.matrix_norm(weight, 2).item(),
    }


def of_network(moment: Moment, values: Profile) -> Profile:
    """Compute what is measured on the whole network; leaves its gradients clipped."""
    network, depth = moment.network, moment.run.depth
    before = torch.cat([p.grad.flatten() for p in network.parameters()]).norm().item()
    plain_clip(moment.run, network)
    after = torch.cat([p.grad.flatten() for p in network.parameters()]).norm().item()
    return {
        (0, "global_gradient_norm"): before,
        (0, "gradient_ratio"): ratio(values[1, "gradient_norm"], values[depth, "gradient_norm"]),
        (0, "backward_ratio"): ratio(values[1, "backward_norm"], values[depth, "backward_norm"]),
        (0, "clip_coefficient"): ratio(after, before),
    }


def dead(moment: Moment, network: PlainNetwork) -> list[Tensor]:
    """Tell for each unit of each hidden layer whether its slope is 0 on all training examples, taken at once."""
    _, z, _ = traced(network, moment.x)
    return [(slopes(layer.activation, one) == 0).all(0) for layer, one in zip(network.layers, z, strict=True)]


def plain_updates(moment: Moment) -> Profile:
    """Compute what is measured on the last two updates."""
    networks = [moment.network, *moment.before]
    values: Profile = {}
    now, then = (moment.linears(network) for network in networks[:2])
    for number, (a, b) in enumerate(zip(now, then, strict=True), 1):
        values[number, "update_ratio"] = ((a.weight - b.weight).norm() / a.weight.norm()).item()
    flat = [torch.cat([p.detach().flatten() for p in network.parameters()]) for network in networks]
    values[0, "update_cosine"] = functional.cosine_similarity(flat[0] - flat[1], flat[1] - flat[2], dim=0).item()
    return values

"""The readable twin: one ordinary `torch.nn` network, one `torch.optim` optimiser, one plain loop."""

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from actbench.levels.family import Tensors
from actbench.plan.design import Run
from actbench.plan.level import parse_level


class Pointwise(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Tensor:
        """Return function(z)."""
        return self.function(z)


ACTIVATIONS = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "softsign": nn.Softsign,
    "hardtanh": nn.Hardtanh,
    "hard_swish": nn.Hardswish,
    "rescaled_sigmoid": lambda: Pointwise(lambda z: 2 * nn.functional.sigmoid(2 * z) - 1),
    "shifted_sigmoid": lambda: Pointwise(lambda z: nn.functional.sigmoid(z) - 0.5),
}
NORMS = {"none": lambda width: nn.Identity(), "batchnorm": nn.BatchNorm1d, "layernorm": nn.LayerNorm}
NORMS["rmsnorm"] = lambda width: nn.RMSNorm(width, eps=1e-5)
PARTS = {
    "weight": ("linear", "weight"),
    "bias": ("linear", "bias"),
    "gain": ("norm", "weight"),
    "shift": ("norm", "bias"),
}


class PlainLayer(nn.Module):
    """Linear map, normalisation, activation."""

    def __init__(self, rows: int, columns: int, norm: str, activation: str) -> None:
        super().__init__()
        self.linear = nn.Linear(rows, columns, bias=norm != "batchnorm")
        self.norm = NORMS[norm](columns)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, h: Tensor) -> Tensor:
        """Return φ(norm(h W + b))."""
        return self.activation(self.norm(self.linear(h)))


class PlainNetwork(nn.Module):
    """The multi-layer perceptron of a run, written as any textbook would."""

    def __init__(self, run: Run, inputs: int, classes: int) -> None:
        super().__init__()
        widths = [inputs] + [run.width] * run.depth
        pairs = itertools.pairwise(widths)
        self.layers = nn.ModuleList(
            [PlainLayer(a, b, parse_level("norm", run.norm).name, run.activation) for a, b in pairs]
        )
        self.output = nn.Linear(widths[-1], classes)
        self.skip = {"none": 0.0, "identity": 1.0, "scaled": run.depth**-0.5}
        self.residual = run.residual

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        h = self.layers[0](x)
        for layer in self.layers[1:]:
            u = layer(h)
            h = {"none": u, "identity": h + u, "scaled": h + u * self.skip["scaled"]}[self.residual]
        return self.output(h)

    def placed(self) -> Iterator[tuple[str, Tensor, bool]]:
        """Yield (name in a stack, parameter, whether it is stored transposed)."""
        for number, layer in enumerate(self.layers, 1):
            for name, (part, attribute) in PARTS.items():
                tensor = getattr(getattr(layer, part), attribute, None)
                if tensor is not None:
                    yield f"{name}{number}", tensor, name == "weight"
            if isinstance(layer.activation, nn.PReLU):
                yield f"slope{number}", layer.activation.weight, False
        last = len(self.layers) + 1
        yield f"weight{last}", self.output.weight, True
        yield f"bias{last}", self.output.bias, False


def plain_network(run: Run, inputs: int, classes: int, views: Tensors, index: int) -> PlainNetwork:
    """Build the plain network with the parameters of model `index` of a stack."""
    network = PlainNetwork(run, inputs, classes)
    with torch.no_grad():
        for name, tensor, transposed in network.placed():
            slice_ = views[name][index]
            tensor.copy_(slice_.T if transposed else slice_.reshape(tensor.shape))
    return network


def plain_optimizer(run: Run, network: nn.Module) -> torch.optim.Optimizer:
    """Return the torch optimiser of a run."""
    level = parse_level("optimizer", run.optimizer)
    if level.name == "sgd":
        return torch.optim.SGD(network.parameters(), lr=run.lr, momentum=level.arguments[0])
    return torch.optim.Adam(network.parameters(), lr=run.lr)


def plain_clip(run: Run, network: nn.Module) -> None:
    """Clip the gradients as torch does."""
    level = parse_level("clip", run.clip)
    if level.name == "norm":
        nn.utils.clip_grad_norm_(network.parameters(), level.arguments[0])
    if level.name == "value":
        nn.utils.clip_grad_value_(network.parameters(), level.arguments[0])


def plain_step(run: Run, network: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
    """Take one ordinary training step and return the loss."""
    optimizer.zero_grad()
    loss = functional.cross_entropy(network(x), y)
    loss.backward()
    plain_clip(run, network)
    optimizer.step()
    return loss.item()

"""The readable twin: one ordinary `torch.nn` network, one `torch.optim` optimiser, one plain loop."""

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from actbench.levels.activations import ACTIVATIONS
from actbench.levels.clipping import CLIPPING
from actbench.levels.family import Tensors
from actbench.levels.normalizations import NORMALIZATIONS
from actbench.levels.residuals import RESIDUALS
from actbench.plan.design import Run
from actbench.plan.level import Level, parse_level


class Pointwise(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Tensor:
        """Return function(z)."""
        return self.function(z)


class OwnActivation(nn.Module):
    """A registered activation that torch has no module of: its own function, differentiated by autograd."""

    def __init__(self, level: Level) -> None:
        super().__init__()
        self.entry, self.arguments = ACTIVATIONS[level.name], level.arguments
        learned = self.entry.learned.items()
        self.own = nn.ParameterDict({name: nn.Parameter(torch.tensor(value)) for name, value in learned})

    def forward(self, z: Tensor) -> Tensor:
        """Return φ(z)."""
        return self.entry.function(z, *self.arguments, *self.own.values())


class OwnNorm(nn.Module):
    """A registered norm that torch has no module of: its own function on a stack of one."""

    def __init__(self, level: Level, width: int) -> None:
        super().__init__()
        self.entry, self.arguments = NORMALIZATIONS[level.name], level.arguments
        full = {name: torch.full((1, 1, width), value) for name, value in self.entry.parameters.items()}
        self.own = nn.ParameterDict({name: nn.Parameter(value) for name, value in full.items()})
        for name, value in self.entry.statistics.items():
            self.register_buffer(f"running_{name}", torch.full((1, 1, width), value))

    def forward(self, z: Tensor) -> Tensor:
        """Return the normalised z of one model, by statistics of the batch in training."""
        running = {name: getattr(self, f"running_{name}") for name in self.entry.statistics}
        mode = "train" if self.training else "eval"
        return self.entry.function(z[None], dict(self.own), running, mode, *self.arguments)[0]


MODULES = {
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


def activation_module(text: str) -> nn.Module:
    """Return an activation as a module: torch's where it has one."""
    level = parse_level("activation", text)
    return MODULES[level.name]() if text in MODULES else OwnActivation(level)


def norm_module(text: str, width: int) -> nn.Module:
    """Return a norm as a module: torch's where it has one."""
    return NORMS[text](width) if text in NORMS else OwnNorm(parse_level("norm", text), width)


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
        self.linear = nn.Linear(rows, columns, bias=not NORMALIZATIONS[parse_level("norm", norm).name].replaces_bias)
        self.norm = norm_module(norm, columns)
        self.activation = activation_module(activation)

    def forward(self, h: Tensor) -> Tensor:
        """Return φ(norm(h W + b))."""
        return self.activation(self.norm(self.linear(h)))


class PlainNetwork(nn.Module):
    """The multi-layer perceptron of a run, written as any textbook would."""

    def __init__(self, run: Run, inputs: int, classes: int) -> None:
        super().__init__()
        widths = [inputs] + [run.width] * run.depth
        pairs = itertools.pairwise(widths)
        self.layers = nn.ModuleList([PlainLayer(a, b, run.norm, run.activation) for a, b in pairs])
        self.output = nn.Linear(widths[-1], classes)
        self.depth, self.residual = run.depth, run.residual

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        h = self.layers[0](x)
        for layer in self.layers[1:]:
            u = layer(h)
            h = self.joined(h, u)
        return self.output(h)

    def joined(self, h: Tensor, u: Tensor) -> Tensor:
        """Return what the skip makes of a layer's input and its activation: a registered rule that is not here, too."""
        known = {"none": u, "identity": h + u, "scaled": h + u * self.depth**-0.5}
        if self.residual in known:
            return known[self.residual]
        level = parse_level("residual", self.residual)
        return RESIDUALS[level.name].function(h[None], u[None], self.depth, *level.arguments)[0]

    def placed(self) -> Iterator[tuple[str, Tensor, bool]]:
        """Yield (name in a stack, parameter, whether it is stored transposed)."""
        for number, layer in enumerate(self.layers, 1):
            for name, (part, attribute) in PARTS.items():
                tensor = getattr(getattr(layer, part), attribute, None)
                if tensor is not None:
                    yield f"{name}{number}", tensor, name == "weight"
            if isinstance(layer.activation, nn.PReLU):
                yield f"slope{number}", layer.activation.weight, False
            for own in (layer.norm, layer.activation):
                if isinstance(own, OwnNorm | OwnActivation):
                    yield from ((f"{name}{number}", tensor, False) for name, tensor in own.own.items())
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
    if level.name not in ("none", "norm", "value"):  # torch has no such rule: the registered one, on a stack of one
        gradients = [parameter.grad for parameter in network.parameters()]
        flat = torch.cat([gradient.flatten() for gradient in gradients])[None]
        CLIPPING[level.name].function(flat, *level.arguments)
        for gradient, own in zip(gradients, flat[0].split([part.numel() for part in gradients]), strict=True):
            gradient.copy_(own.view_as(gradient))


def plain_step(run: Run, network: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
    """Take one ordinary training step and return the loss."""
    optimizer.zero_grad()
    loss = functional.cross_entropy(network(x), y)
    loss.backward()
    plain_clip(run, network)
    optimizer.step()
    return loss.item()

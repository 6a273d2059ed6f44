"""Optimisers: one update of the flat parameters of every model, each with its own learning rate.

Letters: P models, N parameters of one model, flat.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from actbench.levels import loops

BLOCK = 131_072  # numbers; a few tensors of this size stay in a core's cache


@dataclass(frozen=True)
class Optimizer:
    """One update rule: (parameters_PN, gradient_PN, slots, lr_P1, step, *arguments) -> None, in place.

    slots: names of the tensors (P, N) that the rule keeps, zero at the start. step counts from 1; it is a number, or a
    tensor without axes on the device, which a captured step needs.
    """

    update: Callable[..., None]
    slots: tuple[str, ...]
    formula: str
    reference: str
    arguments: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    compiled: Callable[..., None] | None = None


def _blocks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Cut tensors (P, …) into the same groups of models, small enough for the cache; no cut off the CPU."""
    models, size = tensors[0].shape
    together = max(1, BLOCK // size) if tensors[0].device.type == "cpu" else models
    return zip(*(tensor.split(together) for tensor in tensors), strict=True)


@torch.no_grad()
def sgd(
    parameters_PN: Tensor,
    gradient_PN: Tensor,
    slots: dict[str, Tensor],
    lr_P1: Tensor,
    step: int | Tensor,
    momentum: float,
) -> None:
    """Step along the gradient with heavy-ball momentum.

    v ← momentum·v + g; theta ← theta - lr·v, as `torch.optim.SGD`. lr_P1: each model's own.
    Source: Polyak 1964; Sutskever et al. 2013, eq. 1 and 2 (there lr multiplies g).
    """
    velocity_PN = slots["velocity"]
    velocity_PN.mul_(momentum).add_(gradient_PN)
    parameters_PN.addcmul_(velocity_PN, lr_P1, value=-1)


@torch.no_grad()
def adam(
    parameters_PN: Tensor,
    gradient_PN: Tensor,
    slots: dict[str, Tensor],
    lr_P1: Tensor,
    step: int | Tensor,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """Step along the mean gradient over its root mean square, both exponential averages corrected for their start.

    m ← beta1·m + (1 - beta1)·g; v ← beta2·v + (1 - beta2)·g²;
    theta ← theta - lr·(m / (1 - beta1^step)) / (√(v / (1 - beta2^step)) + epsilon), as `torch.optim.Adam`.
    lr_P1: each model's own. Source: Kingma & Ba 2015, algorithm 1.
    """
    stride_P1 = lr_P1 / (1 - beta1**step)
    root = (1 - beta2**step) ** 0.5
    for theta, g, m, v, stride in _blocks(parameters_PN, gradient_PN, slots["mean"], slots["square"], stride_P1):
        m.lerp_(g, 1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        denominator = v.sqrt().div_(root).add_(epsilon)
        theta.addcmul_(torch.div(m, denominator, out=denominator), stride, value=-1)


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer(
        sgd,
        slots=("velocity",),
        formula="v ← momentum·v + g; theta ← theta - lr·v",
        reference="Polyak 1964, Some methods of speeding up the convergence of iteration methods, USSR Computational "
        "Mathematics and Mathematical Physics 4(5)",
        arguments={"momentum": 0.9},
        bounds={"momentum": (0.0, 0.999999)},
        compiled=loops.sgd,
    ),
    "adam": Optimizer(
        adam,
        slots=("mean", "square"),
        formula="m ← beta1·m + (1 - beta1)·g; v ← beta2·v + (1 - beta2)·g²; "
        "theta ← theta - lr·(m / (1 - beta1^t)) / (√(v / (1 - beta2^t)) + epsilon)",
        reference="Kingma & Ba 2015, Adam: a method for stochastic optimization, ICLR, algorithm 1",
        arguments={"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
        bounds={"beta1": (0.0, 0.999999), "beta2": (0.0, 0.999999999), "epsilon": (1e-30, 1e3)},
        compiled=loops.adam,
    ),
}

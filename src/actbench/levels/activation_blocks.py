"""The activations of a stack: one for all its models, or each on its own block of neighbouring models.

Letters: P models of a stack, B examples, D units.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

import torch
from torch import Tensor

from actbench.levels.activations import ACTIVATIONS
from actbench.plan.level import parse_level


def activation_of(levels: Sequence[str]) -> Callable[..., Tensor]:
    """Return φ of a stack, a function of z (P, B, D) and of the activation's learned tensors, (P, 1, 1) each.

    Args:
        levels: the activation of each model, e.g. `leaky_relu(0.2)`, equal ones side by side. When all are equal, φ
            takes any number of models.
    """
    return _of("function", levels)


def derivative_of(levels: Sequence[str]) -> Callable[..., Tensor]:
    """Return φ′ of a stack; arguments as for `activation_of`."""
    return _of("derivative", levels)


def _of(which: str, levels: Sequence[str]) -> Callable[..., Tensor]:
    functions, sizes = zip(
        *((_with_arguments(which, level), len([*same])) for level, same in groupby(levels)), strict=True
    )
    return functions[0] if len(functions) == 1 else partial(_in_blocks, functions, sizes)


def _with_arguments(which: str, word: str) -> Callable[..., Tensor]:
    level = parse_level("activation", word)
    return partial(_apply, getattr(ACTIVATIONS[level.name], which), level.arguments)


def _apply(function: Callable[..., Tensor], arguments: tuple[float, ...], z: Tensor, *learned: Tensor) -> Tensor:
    return function(z, *arguments, *learned)


def _in_blocks(functions: Sequence[Callable[..., Tensor]], sizes: Sequence[int], z: Tensor, *learned: Tensor) -> Tensor:
    """Apply each function to its own models of z, (P, B, D), or of a z that all models share, (D,)."""
    z_PBD = z.expand(sum(sizes), 1, -1) if z.dim() == 1 else z
    parts = [tensor.split(sizes) for tensor in (z_PBD, *learned)]
    return torch.cat([function(*own) for function, *own in zip(functions, *parts, strict=True)])

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
    return _blocks(levels, {level: _with_arguments(level, "function") for level in set(levels)})


def derivative_of(levels: Sequence[str]) -> Callable[..., Tensor]:
    """Return φ′ of a stack; arguments as for `activation_of`."""
    return _blocks(levels, {level: _with_arguments(level, "derivative") for level in set(levels)})


def _with_arguments(word: str, which: str) -> Callable[..., Tensor]:
    level = parse_level("activation", word)
    return partial(_apply, getattr(ACTIVATIONS[level.name], which), level.arguments)


def _apply(function: Callable[..., Tensor], arguments: tuple[float, ...], z: Tensor, *learned: Tensor) -> Tensor:
    return function(z, *arguments, *learned)


def _blocks(levels: Sequence[str], functions: dict[str, Callable[..., Tensor]]) -> Callable[..., Tensor]:
    blocks = [(functions[level], len(list(same))) for level, same in groupby(levels)]
    if len(blocks) == 1:
        return blocks[0][0]
    return partial(_in_blocks, [function for function, _ in blocks], [size for _, size in blocks])


def _in_blocks(functions: list[Callable[..., Tensor]], sizes: list[int], z: Tensor, *learned: Tensor) -> Tensor:
    """Apply each function to its own models of z, (P, B, D), or of a z that all models share, (D,)."""
    z_PBD = z.expand(sum(sizes), 1, -1) if z.dim() == 1 else z
    parts = [tensor.split(sizes) for tensor in (z_PBD, *learned)]
    return torch.cat([function(*own) for function, *own in zip(functions, *parts, strict=True)])

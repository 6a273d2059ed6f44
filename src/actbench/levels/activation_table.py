"""The registered activations and their derivatives as numbers, for drawing without torch."""

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from actbench.levels.activations import ACTIVATIONS, Activation
from actbench.plan.level import parse_level
from actbench.plan.registry import known_levels

LOW, HIGH, STEP = -5.0, 5.0, 0.05
BESIDE = 1e-9  # how far from a kink its one-sided derivatives are taken

Row = tuple[str, float, float, float]  # activation, z, φ(z), φ′(z)


def activation_rows(also: Iterable[str] = ()) -> Iterator[Row]:
    """Tabulate φ and φ′ of every registered activation on a grid, in float64.

    At a kink the derivative is NaN, and the table has a point close by on either side.

    Args:
        also: further levels, e.g. `leaky_relu(0.2)`; a registered name stands in the table once.
    """
    complete = [name for name, arguments in known_levels("activation").items() if None not in arguments.values()]
    for text in dict.fromkeys([*complete, *also]):
        yield from _rows(text)


def _rows(text: str) -> Iterator[Row]:
    level = parse_level("activation", text)
    entry = ACTIVATIONS[level.name]
    learned = [torch.tensor(value, dtype=torch.float64) for value in entry.learned.values()]
    z = _grid(entry)
    value = entry.function(z, *level.arguments, *learned)
    derivative = entry.derivative(z, *level.arguments, *learned)
    for point, height, slope in zip(z.tolist(), value.tolist(), derivative.tolist(), strict=True):
        yield text, point, height, math.nan if point in entry.kinks else slope


def _grid(entry: Activation) -> Tensor:
    count = round((HIGH - LOW) / STEP)
    points = {round(LOW + index * STEP, 10) for index in range(count + 1)}
    points |= {kink + side for kink in entry.kinks for side in (-BESIDE, 0.0, BESIDE)}
    return torch.tensor(sorted(points), dtype=torch.float64)

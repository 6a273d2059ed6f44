"""The registered activations as theory sees them: functions of float64 arrays."""

from collections.abc import Callable

import torch
from torch import Tensor

from actbench.levels.activations import ACTIVATIONS
from actbench.plan.level import parse_level
from actbench.theory.gaussian import Array, Function
from actbench.theory.mean_field import Nonlinearity


def nonlinearity(text: str, where: str = "activation") -> Nonlinearity:
    """Return φ and φ′ of a level such as `leaky_relu(0.2)`, learned parameters at their initial values.

    Raises ConfigError with the nearest names when there is no such activation.
    """
    level = parse_level("activation", text, where)
    entry = ACTIVATIONS[level.name]
    learned = [torch.tensor(value, dtype=torch.float64) for value in entry.learned.values()]
    function = _on_arrays(entry.function, *level.arguments, *learned)
    return Nonlinearity(function, _on_arrays(entry.derivative, *level.arguments, *learned), entry.kinks)


def _on_arrays(function: Callable[..., Tensor], *arguments: float | Tensor) -> Function:
    def applied(z: Array) -> Array:
        with torch.no_grad():
            result: Array = function(torch.from_numpy(z), *arguments).numpy()
        return result

    return applied

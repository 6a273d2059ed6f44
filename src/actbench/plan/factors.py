"""The factors of the design: type, unit, bounds and meaning of every axis on which a run can differ."""

import math
from dataclasses import dataclass
from typing import Any

from actbench.plan.errors import ConfigError
from actbench.plan.level import canonical


@dataclass(frozen=True)
class Factor:
    """One axis of the design. `kind` is `level` for names in a registry, else `int` or `float`."""

    name: str
    kind: str
    unit: str
    meaning: str
    default: str | int | float
    low: float = -math.inf
    high: float = math.inf
    multiple: int = 1


FACTORS: dict[str, Factor] = {
    factor.name: factor
    for factor in (
        Factor("dataset", "level", "", "data set that is learned", "mnist1d"),
        Factor("model", "level", "", "model family", "mlp"),
        Factor("activation", "level", "", "activation function of every hidden layer", "relu"),
        Factor("depth", "int", "layers", "number of hidden layers", 4, 1, 1000),
        Factor("width", "int", "units", "units of each hidden layer", 64, 1, 65536),
        Factor("init", "level", "", "distribution of the initial weights", "he_normal"),
        Factor("norm", "level", "", "normalisation between the linear map and the activation", "none"),
        Factor("residual", "level", "", "skip connection around each hidden layer after the first", "none"),
        Factor("clip", "level", "", "gradient clipping before each update", "none"),
        Factor("optimizer", "level", "", "update rule", "sgd"),
        Factor("lr", "float", "", "learning rate, constant over training", 0.05, 1e-12, 1e6),
        Factor("batch_size", "int", "examples", "examples of one update, a multiple of 32", 64, 32, 65536, 32),
        Factor("steps", "int", "updates", "updates of the parameters", 500, 1, 10_000_000),
        Factor("bias_offset", "float", "", "added to every hidden bias at initialisation", 0.0, -1e6, 1e6),
        Factor("input_scale", "float", "", "factor on every input value", 1.0, 1e-9, 1e9),
        Factor("seed", "int", "", "replication: data order and weight noise", 0, 0, 2**31 - 1),
    )
}


def check_value(name: str, value: Any, where: str) -> str | int | float:
    """Return one level of a factor in canonical form; raise ConfigError on a wrong type, name or range."""
    factor = FACTORS[name]
    if factor.kind == "level":
        if not isinstance(value, str):
            raise ConfigError(where, f"expected a name, found {value!r}")
        return canonical(name, value, where)
    if factor.kind == "int":
        return _check_int(factor, value, where)
    return _check_float(factor, value, where)


def _check_int(factor: Factor, value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(where, f"expected a whole number of {factor.unit or factor.name}, found {value!r}")
    _check_range(factor, value, where)
    if value % factor.multiple:
        raise ConfigError(where, f"{value} is not a multiple of {factor.multiple}")
    return value


def _check_float(factor: Factor, value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(where, f"expected a number, found {value!r}")
    _check_range(factor, value, where)
    return float(value) + 0.0  # -0.0 and 0.0 are one level


def _check_range(factor: Factor, value: float, where: str) -> None:
    if not factor.low <= value <= factor.high:
        raise ConfigError(where, f"{value!r} is outside {factor.low:g} … {factor.high:g}")

"""Mean-field predictions computed once more: variances forward, gradients backward.

The mean square of a data set follows from no run. It is taken from the printed variances of first layers, which must
all give the same one; everything behind the first layer is derived from it.
"""

import re
from collections.abc import Callable, Collection, Iterator
from math import isfinite, sqrt
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.normal_means import SLOPES, moments
from actbench.audit.printed_rows import Numbers, Row, compare
from actbench.audit.raw_rows import Raw

Variances = tuple[float, float]  # of a weight times fan_in, of a bias
INPUTS = {"mnist1d": 40, "spirals": 2, "fashion_mnist": 784}  # features of an example
EPSILON = 1e-5  # what a norm adds to the variance
KEYS = ("dataset", "activation", "depth", "width", "init", "norm", "residual", "bias_offset", "input_scale")
NORMS = ("none", "layernorm", "rmsnorm", "batchnorm")
# Weights of skip and branch, from the second layer on.
SUMS: dict[str, Callable[[int], tuple[float, float]]] = {
    "none": lambda depth: (0.0, 1.0),
    "identity": lambda depth: (1.0, 1.0),
    "scaled": lambda depth: (1.0, 1 / sqrt(depth)),
}
# Variance of one weight, from fan_in, fan_out and the arguments of the level.
WEIGHTS: dict[str, Callable[..., float]] = {
    "xavier_uniform": lambda inward, outward: 2 / (inward + outward),
    "xavier_normal": lambda inward, outward: 2 / (inward + outward),
    "he_uniform": lambda inward, outward: 2 / inward,
    "he_normal": lambda inward, outward: 2 / inward,
    "lecun_normal": lambda inward, outward: 1 / inward,
    "orthogonal": lambda inward, outward: 1 / max(inward, outward),
    "torch_default": lambda inward, outward: 1 / (3 * inward),
    "normal": lambda inward, outward, deviation: deviation**2,
}
KNOWN: dict[str, Collection[str]] = {
    "dataset": INPUTS, "activation": SLOPES, "init": WEIGHTS, "norm": NORMS, "residual": SUMS,
}  # fmt: skip


def audit_theory(raw: Raw, printed: pd.DataFrame) -> tuple[int, list[str]]:
    """Compare every hidden layer of every condition that has a prediction and whose levels this path knows."""
    wanted = raw.runs[raw.runs["model"] == "mlp"].drop_duplicates(list(KEYS))
    wanted = wanted[wanted["bias_offset"] == 0]
    known = [row for row in wanted.to_dict("records") if _known(row)]
    own = printed[np.array([_known(row) for row in printed.to_dict("records")], dtype=bool)]
    squares = {name: _mean_square(str(name), rows) for name, rows in own.groupby("dataset")}
    rows = (layer for row in known for layer in _layers(row, squares.get(row["dataset"], np.nan)))
    return compare("theory", (*KEYS, "layer"), rows, own, {})


def unknown_levels(raw: Raw) -> list[str]:
    """Return the levels that this path does not know, whose conditions it leaves alone."""
    used = {(column, level) for column in KNOWN for level in raw.runs[column].unique()}
    return sorted(level for column, level in used if _name(level) not in KNOWN[column])


def _known(row: dict[Any, Any]) -> bool:
    return all(_name(row[column]) in table for column, table in KNOWN.items())


def _name(level: object) -> str:
    return str(level).partition("(")[0]


def _variances(row: dict[Any, Any]) -> tuple[Variances, Variances]:
    """Return the variance of a weight times fan_in and that of a bias, of the first layer and of all others."""
    width, inputs = int(row["width"]), INPUTS[_name(row["dataset"])]
    numbers = [float(word) for word in re.findall(r"[^(),]+", str(row["init"]).partition("(")[2])]
    variance = WEIGHTS[_name(row["init"])]
    first, other = (1 / (3 * fan) if _name(row["init"]) == "torch_default" else 0.0 for fan in (inputs, width))
    return (inputs * variance(inputs, width, *numbers), first), (width * variance(width, width, *numbers), other)


def _mean_square(dataset: str, rows: pd.DataFrame) -> float:
    """Return the mean square of the inputs that first layers without a norm were given, the median of all."""
    first = rows[(rows["layer"] == 1) & (rows["norm"] == "none")]
    found = []
    for row in first.to_dict("records"):
        (weights, biases), _ = _variances(row)
        found.append((row["forward_variance"] - biases) / weights / row["input_scale"] ** 2)
    return float(np.median(found)) if found else np.nan


def _layers(row: dict[Any, Any], data_square: float) -> Iterator[Row]:
    """Yield each layer's numbers: first all variances forward, then the squared gradient backward."""
    first, other = _variances(row)
    depth, activation = int(row["depth"]), str(row["activation"])
    square, centre = data_square * row["input_scale"] ** 2, 0.0
    passed: list[tuple[float, float, float, float]] = []  # variance, E[φ′²], what the norm divides by, input's square
    for layer in range(depth):
        skip, branch = SUMS[_name(row["residual"])](depth) if layer else (0.0, 1.0)
        variance, divisor = _seen(_name(row["norm"]), other if layer else first, square, centre)
        height, power, rise = moments(activation, variance)
        passed.append((variance, rise, divisor, square))
        square = skip**2 * square + 2 * skip * branch * centre * height + branch**2 * power
        centre = skip * centre + branch * height
    gradients, signal = [0.0] * depth, 1.0
    for layer in reversed(range(depth)):
        skip, branch = SUMS[_name(row["residual"])](depth) if layer else (0.0, 1.0)
        gradients[layer] = signal * branch**2 * passed[layer][1]
        signal *= skip**2 + branch**2 * passed[layer][1] * other[0] / passed[layer][2]
    for layer, (variance, _, _, before) in enumerate(passed):
        share = gradients[layer] / gradients[-1] if gradients[-1] > 0 else 0.0
        found = {"forward_variance": variance, "backward_norm2": share, "weight_gradient": sqrt(before * share)}
        numbers: Numbers = {name: value if isfinite(value) else np.nan for name, value in found.items()}
        yield (*(row[key] for key in KEYS), layer + 1), numbers | {"weight_var": other[0]}


def _seen(norm: str, variances: Variances, square: float, centre: float) -> tuple[float, float]:
    """Return the variance of what the activation sees, and the variance that the norm divides by."""
    weights, biases = variances
    before = weights * square + biases
    if norm == "none":
        return before, 1.0
    if norm == "batchnorm":
        before = weights * max(square - centre**2, 0.0)  # the part in which examples differ
    return before / (before + EPSILON), before + EPSILON

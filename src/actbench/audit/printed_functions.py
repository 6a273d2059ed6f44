"""What was printed of functions and of single networks: activations, exact checks, decision boundaries."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from math import erf, sqrt
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.exact_values import not_exact
from actbench.audit.printed_rows import differing
from actbench.audit.raw_rows import Raw

Array = np.ndarray[Any, np.dtype[np.float64]]
STEP = 1e-5  # of a difference quotient
_erf = np.vectorize(erf, otypes=[float])


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -700, None))))


def _selu(z: Array) -> Array:
    return 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0)))


# As their papers write them; arguments in the order of the level's brackets. One that is not here is not checked.
FORMULAS: dict[str, Callable[..., Array]] = {
    "identity": lambda z: z,
    "sigmoid": _sigmoid,
    "tanh": lambda z: np.sinh(np.clip(z, -40, 40)) / np.cosh(np.clip(z, -40, 40)),
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z, slope=0.01: np.where(z > 0, z, slope * z),
    "prelu": lambda z, slope=0.25: np.where(z > 0, z, slope * z),
    "elu": lambda z, alpha=1.0: np.where(z > 0, z, alpha * (np.exp(np.minimum(z, 0)) - 1)),
    "selu": _selu,
    "gelu": lambda z: z * (1 + _erf(z / sqrt(2))) / 2,
    "silu": lambda z: z * _sigmoid(z),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "softplus": lambda z: np.logaddexp(0, z),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "hardtanh": lambda z: np.clip(z, -1, 1),
    "rescaled_sigmoid": lambda z: 2 * _sigmoid(2 * z) - 1,
    "shifted_sigmoid": lambda z: _sigmoid(z) - 0.5,
    "hard_swish": lambda z: z * np.clip(z + 3, 0, 6) / 6,
}


# Where a slope may be missing: φ has none there, or is said to have none for some arguments.
KINKS = {name: {0.0} for name in ("relu", "leaky_relu", "prelu", "elu", "selu")}
KINKS |= {"hardtanh": {-1.0, 1.0}, "hard_swish": {-3.0, 3.0}}


@cache
def formula(activation: str) -> Callable[[Array], Array] | None:
    """Return an activation by its level, None when this path does not know it."""
    name, _, words = activation.partition("(")
    arguments = [float(word) for word in re.findall(r"[^,()]+", words)]
    known = FORMULAS.get(name)
    return None if known is None else lambda z: known(z, *arguments)


def audit_activations(raw: Raw, printed: pd.DataFrame) -> tuple[int, list[str]]:
    """Compare values with the formulas and slopes with their difference quotients."""
    problems = [
        f"activations: {name} at {z:g}: {column} is {shown:.10g}, the formula gives {value:.10g}"
        for name, rows in printed.groupby("activation")
        for z, column, shown, value in _wrong(str(name), rows)
    ]
    return 2 * sum(formula(str(name)) is not None for name in printed["activation"]), problems


def _wrong(name: str, rows: pd.DataFrame) -> Iterator[tuple[float, str, float, float]]:
    phi, z = formula(name), rows["z"].to_numpy(dtype=float)
    if phi is None:
        return
    slopes = (phi(z + STEP) - phi(z - STEP)) / (2 * STEP)
    sides = [(phi(z + STEP) - phi(z)) / STEP, (phi(z) - phi(z - STEP)) / STEP]
    kinks = np.abs(sides[0] - sides[1]) > 1e-3
    for place, row in enumerate(rows.to_dict("records")):
        if abs(row["value"] - phi(z)[place]) > 1e-9:
            yield z[place], "value", row["value"], phi(z)[place]
        near = [slopes[place]] if not kinks[place] else [sides[0][place], sides[1][place]]
        if np.isnan(row["derivative"]) and row["z"] in KINKS.get(name.partition("(")[0], ()):
            continue
        if not any(abs(row["derivative"] - slope) < 1e-4 for slope in near):
            yield z[place], "derivative", row["derivative"], slopes[place]


def audit_exact(raw: Raw, printed: pd.DataFrame) -> tuple[int, list[str]]:
    """Compare what was found with arithmetic of this path's own, and what holds with tolerance or bound."""
    problems = []
    for row in printed.to_dict("records"):
        wrong = not_exact(str(row["check"]), float(row["value"]))
        problems += [f"exact: {row['check']}: value {wrong}"] if wrong else []
        near = abs(row["value"] - row["expected"]) <= row["tolerance"]
        bounded = row["check"] in BOUNDS and row["value"] <= row["expected"]
        if not np.isnan(row["expected"]) and row["holds"] != int(near or bounded):
            problems.append(f"exact: {row['check']}: holds is {row['holds']}, its numbers say {int(near or bounded)}")
    return len(printed), problems


OF_RUN = ("run_key", "depth", "seed", "test_accuracy", "recorded_accuracy")
BOUNDS = {"ten_layer_bound", "sigmoid_range", "tanh_range"}


def audit_boundaries(raw: Raw, printed: pd.DataFrame) -> tuple[int, list[str]]:
    """Compare the networks whose boundary is drawn, in every row, with their rows of the runs."""
    problems, runs = [], raw.runs.set_index("run_key")
    drawn = printed[printed["kind"] == "grid"].groupby("activation")
    for name, grid in drawn:
        one = grid.iloc[0]
        differ = [column for column in OF_RUN if grid[column].nunique(dropna=False) > 1]
        problems += [f"boundaries: {name}: {column} is not the same in all rows" for column in differ]
        if one["run_key"] not in runs.index:
            problems.append(f"boundaries: {name}: run {one['run_key']} is not in the tables")
            continue
        run = runs.loc[one["run_key"]]
        pairs = [(name, run["activation"]), (one["depth"], run["depth"]), (one["seed"], run["seed"])]
        problems += [f"boundaries: {name}: {shown} is not {own} of its run" for shown, own in pairs if shown != own]
        for column in ("recorded_accuracy", "test_accuracy"):
            if differing(float(run["best_test_accuracy"]), float(one[column]), 1e-6):
                problems.append(
                    f"boundaries: {name}: {column} is {one[column]:.10g}, not {run['best_test_accuracy']:g}"
                )
    return 4 * int((printed["kind"] == "grid").sum()), problems

"""What mean-field theory predicts of the explorer at initialisation, packed once for all cells that share it."""

from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.json_rows import round_digits, spans

CONDITION = [
    "dataset", "activation", "depth", "width", "init", "norm", "residual", "bias_offset", "input_scale"
]  # fmt: skip
# diagnostic -> column of theory.csv, and whether the diagnostic is the root of it
PREDICTED = {
    "preactivation_std": ("forward_variance", True),
    "backward_norm": ("backward_norm2", True),
    "gradient_norm": ("weight_gradient", False),
}
# Theory has these relative to the last hidden layer: they are laid through the measured value there.
RELATIVE = ("backward_norm", "gradient_norm")


def pack_predictions(theory: pd.DataFrame, runs: pd.DataFrame) -> tuple[list[dict[str, Any]], "pd.Series[Any]"]:
    """Return the predictions by hidden layer, and for each row of `runs` the place of its own; null where none is.

    Args:
        theory: stats/theory.csv.
        runs: rows with the columns of CONDITION.

    Returns:
        A list of diagnostic -> values by hidden layer, four digits each, of the conditions that stand in `runs` and
        have a finite prediction of every layer; and places in it, indexed as `runs`.
    """
    wanted = theory.merge(runs[CONDITION].drop_duplicates(), on=CONDITION).sort_values([*CONDITION, "layer"])
    numbers = [column for column, _ in PREDICTED.values()]
    wanted = wanted.astype(dict.fromkeys(numbers, "float64"))  # without rows a file does not tell
    finite = np.isfinite(wanted[numbers].to_numpy()).all(axis=1)
    columns = {name: _values(wanted[column], root) for name, (column, root) in PREDICTED.items()}
    packed: list[dict[str, Any]] = []
    places = {}
    for condition, own in spans(wanted[CONDITION]):
        if finite[own].all():
            places[condition] = len(packed)
            packed.append({name: values[own] for name, values in columns.items()})
    keys = pd.Series(list(runs[CONDITION].itertuples(index=False, name=None)), index=runs.index, dtype="object")
    return packed, keys.map(places).astype("Int64")


def _values(column: "pd.Series[Any]", root: bool) -> list[float]:
    values: list[float] = round_digits(np.sqrt(column) if root else column).tolist()
    return values

"""What networks show in their first updates: each diagnostic of each run as four numbers."""

from typing import Any, cast

import numpy as np
import pandas as pd

from actbench.analysis.hidden_layers import REDUCTIONS
from actbench.analysis.layer_records import Array, LayerRecords

EARLY = 0.02  # share of a run's updates after which nothing is an early warning any more

Early = dict[tuple[str, int], pd.DataFrame]  # by diagnostic and step
Found = dict[tuple[str, int], list[dict[str, Array]]]


def last_early(runs: pd.DataFrame) -> Array:
    """Return the last step of each run that is early: up to EARLY of its updates, 0 among them."""
    return np.asarray(np.floor(EARLY * runs["steps"].to_numpy() + 1e-9))


def early_blocks(records: LayerRecords, runs: pd.DataFrame) -> Array:
    """Tell which blocks of records are early."""
    return np.asarray(records.step_B <= last_early(runs)[records.run_B])


def add_early(found: Found, keys: "pd.Index[Any]", runs: pd.DataFrame, numbers: pd.DataFrame) -> None:
    """Add the early numbers of some runs to those found before.

    Args:
        found: by diagnostic and step, parts with `run`, the place among `keys`, and REDUCTIONS.
        keys: the keys of all runs.
        runs: columns run_key and steps of some of them.
        numbers: their numbers from `hidden_layers.reduce_hidden`; those of later steps are left out.
    """
    place = keys.get_indexer(pd.Index(runs["run_key"])).astype(np.int32)
    early = numbers[numbers["step"] <= last_early(runs)[numbers["run"]]]
    columns = [place[early["run"]], *(early[name].to_numpy() for name in REDUCTIONS)]
    slots = cast(dict[tuple[str, int], Array], early.groupby(["diagnostic", "step"], observed=True).indices)
    for (diagnostic, step), rows in slots.items():
        part = dict(zip(["run", *REDUCTIONS], (column[rows] for column in columns), strict=True))
        found.setdefault((str(diagnostic), int(step)), []).append(part)


def join_early(found: Found) -> Early:
    """Join the parts of each diagnostic and step, in their order: `run`, in its order, and REDUCTIONS."""
    return {slot: _joined(found.pop(slot)) for slot in sorted(found)}


def _joined(parts: list[dict[str, Array]]) -> pd.DataFrame:
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(whole["run"])
    return pd.DataFrame({name: column[order] for name, column in whole.items()})

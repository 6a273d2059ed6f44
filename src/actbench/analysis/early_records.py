"""What networks show in their first updates: each diagnostic of each run as four numbers."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import pandas as pd

from actbench.analysis.hidden_layers import REDUCTIONS
from actbench.analysis.layer_records import Array, LayerRecords
from actbench.analysis.spool import Spool

EARLY = 0.02  # share of a run's updates after which nothing is an early warning any more
ROW = np.dtype([("run", np.int32), *((name, np.float32) for name in REDUCTIONS)])

Slot = tuple[str, int]  # diagnostic and step


def last_early(runs: pd.DataFrame) -> Array:
    """Return the last step of each run that is early: up to EARLY of its updates, 0 among them."""
    return np.asarray(np.floor(EARLY * runs["steps"].to_numpy() + 1e-9))


def early_blocks(records: LayerRecords, runs: pd.DataFrame) -> Array:
    """Tell which blocks of records are early."""
    return np.asarray(records.step_B <= last_early(runs)[records.run_B])


def add_early(early: Spool, place: Array, runs: pd.DataFrame, numbers: pd.DataFrame) -> None:
    """Add the early numbers of some runs to those found before, under their slots.

    Args:
        early: of all runs there are too many numbers for memory.
        place: the place of each run among all runs.
        runs: column steps.
        numbers: their numbers from `hidden_layers.reduce_hidden`; those of later steps are left out.
    """
    own = numbers[numbers["step"] <= last_early(runs)[numbers["run"]]]
    rows = np.empty(len(own), dtype=ROW)
    rows["run"] = place[own["run"]]
    for name in REDUCTIONS:
        rows[name] = own[name]
    slots = cast(dict[Slot, Array], own.groupby(["diagnostic", "step"], observed=True).indices)
    for (diagnostic, step), chosen in slots.items():
        early.add((str(diagnostic), int(step)), rows[chosen].tobytes())


def read_early(early: Spool) -> Iterator[tuple[Slot, Array]]:
    """Yield the rows of each slot, by diagnostic and step: run, its place among all runs, and REDUCTIONS."""
    for slot in sorted(early.parts):
        yield slot, np.frombuffer(b"".join(early.read(slot)), dtype=ROW)

"""The table `layers` as numbers: a run or a diagnostic is its place in a list, so that no text is compared row by row.

Shape letters: R rows, B blocks (one run at one step), D diagnostics and one place more for unknown ones.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from actbench.analysis.row_groups import groups_of, open_table
from actbench.analysis.run_places import RunIndex
from actbench.analysis.tables import RESULTS, table_path
from actbench.plan.config import Config
from actbench.plan.registry import known_levels

COLUMNS = ["run_key", "step", "layer", "diagnostic", "value"]
WORDS = ["run_key", "diagnostic"]
ROWS_AT_ONCE = 250_000  # few calls, and arrays that are soon used again; a row group may be larger

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class LayerRecords:
    """Rows of some runs, those of one run at one step one after another.

    run_B: place of the block's run among those that are looked for, -1 for another. diagnostic_R: place in `names()`.
    """

    run_B: Array
    step_B: Array
    block_R: Array
    layer_R: Array
    diagnostic_R: Array
    value_R: Array

    def cell_R(self) -> Array:
        """Return block · D + diagnostic."""
        return np.asarray(self.block_R * np.int32(len(names()) + 1) + self.diagnostic_R)

    def kept(self, wanted_BD: Array) -> Array:
        """Tell for each row whether its block and diagnostic are wanted, and its run is looked for."""
        wanted_BD = wanted_BD & (self.run_B >= 0)[:, None]
        return np.asarray(wanted_BD.ravel()[self.cell_R()])

    def first_after_start(self) -> Array:
        """Tell for each block and diagnostic (B, D) whether it is the first of its run that has it after step 0.

        Of a run whose blocks do not stand together, it may be one more for each place where they stand.
        """
        has_BD = np.zeros((len(self.run_B), len(names()) + 1), dtype=bool)
        has_BD.ravel()[self.cell_R()] = True
        has_BD &= (self.step_B > 0)[:, None]
        if not len(has_BD):
            return has_BD
        step_BD = np.where(has_BD, self.step_B[:, None], np.iinfo(self.step_B.dtype).max)
        begins = np.append(True, self.run_B[1:] != self.run_B[:-1])
        least_BD = np.minimum.reduceat(step_BD, np.flatnonzero(begins))[np.cumsum(begins) - 1]
        return np.asarray(has_BD & (step_BD == least_BD))


@cache
def names() -> tuple[str, ...]:
    """Return every diagnostic, by name."""
    return tuple(sorted(known_levels("diagnostic")))


def flags_of(wanted: Collection[str]) -> Array:
    """Tell for each of D whether it is one of these diagnostics."""
    return np.array([*(name in wanted for name in names()), False])


def diagnostics_of(places: Array) -> "pd.Categorical[str]":
    """Name diagnostics by their places."""
    return pd.Categorical.from_codes(places, pd.Index(names()))


def read_records(config: Config, keys: "pd.Index[Any]", results: Path = RESULTS) -> Iterator[LayerRecords]:
    """Yield the records of the row groups that hold one of these runs; all of a run come at once."""
    known = RunIndex(keys)
    with open_table(config, "layers", results) as file:
        waiting: list[int] = []
        rows = 0
        for group in groups_of(table_path(config.name, "layers", results), keys):
            waiting.append(group)
            rows += file.metadata.row_group(group).num_rows
            if rows >= ROWS_AT_ONCE:
                yield _numbered(file.read_row_groups(waiting, COLUMNS), known)
                waiting, rows = [], 0
        yield _numbered(file.read_row_groups(waiting, COLUMNS), known)


def records_of(layers: pd.DataFrame, keys: "pd.Index[Any]") -> LayerRecords:
    """Return the records of a table in memory, whatever the order of its rows."""
    coded = layers[COLUMNS].astype(dict.fromkeys(WORDS, "category"))
    order = np.lexsort((coded["layer"], coded["step"], coded["run_key"].cat.codes))
    return _numbered(pa.Table.from_pandas(coded.iloc[order], preserve_index=False), RunIndex(keys))


def _numbered(rows: pa.Table, known: RunIndex) -> LayerRecords:
    rows = rows.unify_dictionaries()
    run, word = (rows[name].combine_chunks() for name in WORDS)
    step, layer, value = (rows[name].to_numpy() for name in ("step", "layer", "value"))
    code = run.indices.to_numpy()
    starts = np.ones(len(code), dtype=bool)
    starts[1:] = (code[1:] != code[:-1]) | (step[1:] != step[:-1])
    run_B = known.places_of(run.dictionary)[code[starts]] if len(code) else np.empty(0, dtype=np.intp)
    assert len({*zip(code[starts].tolist(), step[starts].tolist(), strict=True)}) == len(run_B), "blocks are whole"
    place = {name: index for index, name in enumerate(names())}
    place_D = np.array([place.get(each, len(place)) for each in word.dictionary.to_pylist()], dtype=np.int32)
    diagnostic_R = place_D[word.indices.to_numpy()] if len(code) else np.empty(0, dtype=np.int32)
    block_R = np.cumsum(starts, dtype=np.int32) - np.int32(1)
    return LayerRecords(run_B, step[starts], block_R, layer, diagnostic_R, value)

"""What networks show in their first updates: each diagnostic of each run as four numbers, read by row groups."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.row_groups import open_table
from actbench.analysis.tables import RESULTS
from actbench.plan.config import Config

EARLY = 0.02  # share of a run's updates after which nothing is an early warning any more
REDUCTIONS = ("first", "last", "lowest", "highest")  # of the hidden layers 1 … depth
MEASURED = ["run_key", "step", "layer", "diagnostic", "value"]
WORDS = ["run_key", "diagnostic"]

Early = dict[tuple[str, int], pd.DataFrame]  # by diagnostic and step


def read_early(config: Config, runs: pd.DataFrame, results: Path = RESULTS) -> Early:
    """Read the early rows of the table `layers`, with one row group in memory at a time."""
    return reduce_early(_row_groups(config, results), runs)


def _row_groups(config: Config, results: Path) -> Iterator[pd.DataFrame]:
    with open_table(config, "layers", results) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, MEASURED).to_pandas()


def reduce_early(parts: Iterable[pd.DataFrame], runs: pd.DataFrame) -> Early:
    """Reduce each diagnostic of each run at each early step to its first, last, lowest and highest hidden layer.

    A step is early up to EARLY of the run's updates, 0 among them. Of a diagnostic of the whole network (layer 0) all
    four are the number itself. A run that did not record the diagnostic at the step is missing.

    Args:
        parts: parts of the table `layers`, each with all rows of its runs.
        runs: columns run_key, depth, steps; other runs are left out.

    Returns:
        By diagnostic and step, in their order: `run`, the place in `runs`, and REDUCTIONS, in the order of `run`.
    """
    facts = pd.DataFrame({
        "depth": runs["depth"].to_numpy(),
        "limit": np.floor(EARLY * runs["steps"].to_numpy() + 1e-9),
    })  # fmt: skip
    keys = pd.Index(runs["run_key"])
    found: dict[tuple[str, int], list[pd.DataFrame]] = {}
    for part in parts:
        for slot, own in _slots(part.astype(dict.fromkeys(WORDS, "category")), keys, facts):
            found.setdefault(slot, []).append(own)
    return {slot: pd.concat(found.pop(slot)).sort_values("run", ignore_index=True) for slot in sorted(found)}


def _slots(
    rows: pd.DataFrame, keys: "pd.Index[Any]", facts: pd.DataFrame
) -> Iterator[tuple[tuple[str, int], pd.DataFrame]]:
    """Yield the numbers of each diagnostic and early step of the runs that `keys` names."""
    run = keys.get_indexer(rows["run_key"].cat.categories)[rows["run_key"].cat.codes]
    limit, depth = facts["limit"].to_numpy()[run], facts["depth"].to_numpy()[run]
    kept = (run >= 0) & (rows["step"] <= limit) & (rows["layer"] <= depth) & rows["value"].notna()
    rows, run, depth = rows[kept], run[kept], depth[kept]
    by = ["diagnostic", "step"]
    slots = rows.groupby(by, observed=True).ngroup().to_numpy()
    code, place = np.unique(slots * len(keys) + run, return_inverse=True)
    reduced = pd.DataFrame({"run": (code % len(keys)).astype(np.int32)} | _reduce(rows, depth, place, len(code)))
    names = rows[by].drop_duplicates().sort_values(by)
    ends = np.searchsorted(code, np.arange(len(names) + 1) * len(keys))  # `code` is in order, slot by slot
    for start, end, (diagnostic, step) in zip(ends, ends[1:], names.itertuples(index=False), strict=False):
        yield (str(diagnostic), int(step)), reduced.iloc[start:end]


def _reduce(rows: pd.DataFrame, depth: Any, place: Any, size: int) -> dict[str, Any]:
    value, layer = rows["value"].to_numpy(dtype=np.float32), rows["layer"].to_numpy()
    first, last = (np.full(size, np.nan, dtype=np.float32) for _ in range(2))
    for column, chosen in ((first, layer <= 1), (last, (layer == depth) | (layer == 0))):
        column[place[chosen]] = value[chosen]
    lowest, highest = (np.full(size, end, dtype=np.float32) for end in (np.inf, -np.inf))
    np.minimum.at(lowest, place, value)
    np.maximum.at(highest, place, value)
    return dict(zip(REDUCTIONS, (first, last, lowest, highest), strict=True))

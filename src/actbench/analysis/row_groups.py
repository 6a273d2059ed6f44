"""Few rows of a large table, or counts of all, with one row group of one column in memory at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actbench.analysis.tables import RESULTS, check_made_from, table_path
from actbench.plan.config import Config
from actbench.plan.schema import TABLES

Filter = tuple[str, str, Any]

BATCH = 8192  # runs counted at once

COMPARE: dict[str, Callable[[pa.Array, Any], pa.Array]] = {
    "==": lambda values, value: pc.equal(values, pa.scalar(value, values.type)),
    ">": lambda values, value: pc.greater(values, pa.scalar(value, values.type)),
    "in": lambda values, value: pc.is_in(values, value_set=pa.array(value, values.type)),
}


def read_rows(
    config: Config, table: str, columns: Sequence[str], filters: Sequence[Filter], results: Path = RESULTS
) -> pd.DataFrame:
    """Read the rows that pass every filter, as `tables.read_table` does, but with words as categories.

    The filters are taken in their order and a row group is left at the first that none of its rows passes, so the
    narrowest stands first.

    Args:
        config: the config at hand.
        table: a name of plan.schema.TABLES.
        columns: columns to read.
        filters: column, one of COMPARE, and what to compare with: `[("run_key", "in", keys), ("layer", ">", 0)]`.
        results: folder of all results.

    Raises:
        ConfigError: no such table, or made from another config or another NUMERICS.
    """
    with open_table(config, table, results) as file:
        parts = [file.schema_arrow.empty_table().select(list(columns))]
        for group in range(file.num_row_groups):
            passing = _passing(file, group, filters)
            if passing is not None:
                parts.append(file.read_row_group(group, list(columns)).filter(passing).select(list(columns)))
    frame: pd.DataFrame = pa.concat_tables(parts).unify_dictionaries().to_pandas()
    return frame


def _passing(file: pq.ParquetFile, group: int, filters: Sequence[Filter]) -> pa.Array | None:
    """Tell for each row of a row group whether it passes; None when no row does."""
    passing = pa.array(np.ones(file.metadata.row_group(group).num_rows, dtype=bool))
    for column, relation, value in filters:
        values = file.read_row_group(group, [column])[column].combine_chunks()
        passing = pc.and_(passing, _compare(values, relation, value))
        if not pc.any(passing).as_py():
            return None
    return passing


def _compare(values: pa.Array, relation: str, value: Any) -> pa.Array:
    if isinstance(values, pa.DictionaryArray):  # each word is compared once
        return COMPARE[relation](values.dictionary, value).take(values.indices)
    return COMPARE[relation](values, value)


def count_runs(config: Config, by: Sequence[str], total: Sequence[str] = (), results: Path = RESULTS) -> pd.DataFrame:
    """Count the runs of each combination of columns and add up others, without reading the table at once.

    Returns:
        One row a combination, in the order of `by`: `by`, `total` (sums), n_runs.
    """
    parts = []
    with open_table(config, "runs", results) as file:
        for batch in file.iter_batches(columns=[*by, *total], batch_size=BATCH):
            rows: pd.DataFrame = batch.to_pandas()
            rows = rows.astype({name: "str" for name in by if isinstance(rows[name].dtype, pd.CategoricalDtype)})
            parts.append(_add_up(rows.assign(n_runs=1), by, total))
    return _add_up(pd.concat(parts), by, total)


def _add_up(rows: pd.DataFrame, by: Sequence[str], total: Sequence[str]) -> pd.DataFrame:
    return rows.groupby(list(by), as_index=False)[[*total, "n_runs"]].sum()


def open_table(config: Config, table: str, results: Path) -> pq.ParquetFile:
    """Open a table after comparing the config that it was made from; words are read as categories."""
    path = table_path(config.name, table, results)
    check_made_from(config, path)
    return pq.ParquetFile(path, read_dictionary=[c.name for c in TABLES[table] if c.dtype == "string"])

"""Few rows of a large table, or counts of all, with one row group of one column in memory at a time."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actbench.analysis.run_places import places_of
from actbench.analysis.table_file import GROUP_ROWS
from actbench.analysis.tables import RESULTS, check_made_from, table_path
from actbench.plan.config import Config
from actbench.plan.factors import FACTORS
from actbench.plan.schema import TABLES

Filter = tuple[str, str, Any]

BATCH = 8192  # rows read or runs counted at once

COMPARE: dict[str, Callable[[pa.Array, Any], pa.Array]] = {
    "==": lambda values, value: pc.equal(values, pa.scalar(value, values.type)),
    ">": lambda values, value: pc.greater(values, pa.scalar(value, values.type)),
    "in": lambda values, value: pc.is_in(values, value_set=pa.array(value, values.type)),
}


def read_rows(
    config: Config, table: str, columns: Sequence[str], filters: Sequence[Filter], results: Path = RESULTS
) -> pd.DataFrame:
    """Read the rows that pass every filter, as `tables.read_table` does, but with words that repeat as categories.

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
        for group in _holding(table_path(config.name, table, results), file, filters):
            passing = _passing(file, group, filters)
            if passing is not None:
                parts += _filtered(file, group, columns, passing)
    frame: pd.DataFrame = pa.concat_tables(parts).unify_dictionaries().to_pandas()
    return frame


def iterate_rows(
    config: Config, table: str, columns: Sequence[str], results: Path = RESULTS, n_at_once: int = GROUP_ROWS
) -> Iterator[pd.DataFrame]:
    """Yield all rows of a table, some at a time, with words that repeat as categories."""
    with open_table(config, table, results) as file:
        for batch in file.iter_batches(n_at_once, columns=list(columns)):
            yield batch.to_pandas()


def iterate_rows_of(
    config: Config, table: str, columns: Sequence[str], keys: Any, results: Path = RESULTS
) -> Iterator[pd.DataFrame]:
    """Yield the row groups of `curves` or `layers` that hold one of these runs, beside which there may be others."""
    with open_table(config, table, results) as file:
        for group in groups_of(table_path(config.name, table, results), keys):
            yield file.read_row_group(group, list(columns)).to_pandas()


def _holding(path: Path, file: pq.ParquetFile, filters: Sequence[Filter]) -> list[int]:
    """Return the row groups that hold one of the runs which the first filter names; all when it names none."""
    if not filters or filters[0][:2] != ("run_key", "in"):
        return list(range(file.num_row_groups))
    return groups_of(path, filters[0][2])


def groups_of(path: Path, keys: Any) -> list[int]:
    """Return the row groups of `curves` or `layers` that hold one of these runs."""
    known, group = _keys(path, path.stat().st_mtime_ns)
    return sorted(set(group[places_of(known, keys) >= 0].tolist()))


@lru_cache(maxsize=2)  # of 100,000 runs 4 MB; the tables `curves` and `layers` are read once for each activation
def _keys(path: Path, changed_ns: int) -> "tuple[pa.Array, np.ndarray[Any, np.dtype[np.int64]]]":
    """Return the runs of every row group, and the row group of each."""
    with pq.ParquetFile(path, read_dictionary=["run_key"]) as file:
        groups = (file.read_row_group(group, ["run_key"])["run_key"] for group in range(file.num_row_groups))
        held = [column.combine_chunks().dictionary for column in groups]  # no row's place
    keys = pa.concat_arrays(held) if held else pa.array([], pa.string())
    return keys, np.repeat(np.arange(len(held)), [len(words) for words in held])


def _passing(file: pq.ParquetFile, group: int, filters: Sequence[Filter]) -> pa.Array | None:
    """Tell for each row of a row group whether it passes, None when no row does."""
    passing = pa.array(np.ones(file.metadata.row_group(group).num_rows, dtype=bool))
    for column, relation, value in filters:
        known = file.read_row_group(group, [column])[column]
        passing = pc.and_(passing, _compare(known.combine_chunks(), relation, value))
        if not pc.any(passing).as_py():
            return None
    return passing


def _filtered(file: pq.ParquetFile, group: int, columns: Sequence[str], passing: pa.Array) -> Iterator[pa.Table]:
    """Yield the rows of a row group that pass, BATCH at a time: a row of `runs` has many columns."""
    start = 0
    for batch in file.iter_batches(BATCH, row_groups=[group], columns=list(columns)):
        yield pa.Table.from_batches([batch]).select(list(columns)).filter(passing[start : start + len(batch)])
        start += len(batch)


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
    for rows in iterate_rows(config, "runs", [*by, *total], results, BATCH):
        parts.append(_add_up(in_words(rows).assign(n_runs=1), by, total))
    return _add_up(pd.concat(parts), by, total)


def in_levels(rows: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return rows of `runs` with names of levels as categories: all of the config by name, so that parts can join."""
    named = [name for name, factor in FACTORS.items() if factor.kind == "level" and name in rows]
    return rows.assign(**{name: rows[name].cat.set_categories(config.names(name)) for name in named})


def in_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with categories as the words that they are."""
    return rows.astype(dict.fromkeys(rows.select_dtypes("category"), "str"))


def _add_up(rows: pd.DataFrame, by: Sequence[str], total: Sequence[str]) -> pd.DataFrame:
    return rows.groupby(list(by), as_index=False)[[*total, "n_runs"]].sum()


def open_table(config: Config, table: str, results: Path) -> pq.ParquetFile:
    """Open a table after comparing the config that it was made from; words that repeat are read as categories."""
    path = table_path(config.name, table, results)
    check_made_from(config, path)
    words = {column.name for column in TABLES[table] if column.dtype == "string"}
    return pq.ParquetFile(path, read_dictionary=sorted(words - {"run_key"} if table == "runs" else words))

"""The recorded tables of a grid, as far as they are there: those of a config, or of any folder with the same columns.

A column of plan.schema that a foreign table lacks is empty here, so that what reads it can say `not recorded`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from actbench.analysis.tables import RESULTS, check_made_from, table_path
from actbench.plan.checksums import checksum_path, refuse_damaged
from actbench.plan.config import Config
from actbench.plan.errors import ConfigError
from actbench.plan.factors import FACTORS
from actbench.plan.schema import TABLES

Filter = tuple[str, str, Any]

NEEDED = {
    "runs": ("run_key", "status", "classes"),
    "curves": ("run_key", "step", "split"),
    "layers": ("run_key", "step", "layer", "diagnostic", "value"),
    "studies": ("study", "run_key"),
}
SCORES = ("val_accuracy", "test_accuracy")  # after the last step, or those of the best step, must be there too


@dataclass(frozen=True)
class Recorded:
    """A folder of tables that have been looked at: which of them are there, and whether somebody else wrote them."""

    folder: Path
    tables: tuple[str, ...]
    foreign: bool = False

    def runs(self) -> pd.DataFrame:
        """Return the table `runs` in the columns of plan.schema; one that is not recorded is empty.

        Where only the scores after the last step are recorded they stand for those of the best step too.
        """
        runs, path = self.read("runs"), self.folder / "runs.parquet"
        for score in SCORES:
            for end in ("accuracy", "loss"):
                column = score.replace("accuracy", end)
                if f"best_{column}" not in runs and column in runs:
                    runs[f"best_{column}"] = runs[column]
        runs = runs.reindex(columns=[column.name for column in TABLES["runs"]])
        _check_numbers(runs, path)
        _check_runs(runs, path)
        whole = [c.name for c in TABLES["runs"] if c.nullable and c.dtype == "int64"]
        return runs.astype(dict.fromkeys(whole, "Int64"))

    def records(self, table: str, keys: Sequence[str], also: Sequence[Filter] = ()) -> pd.DataFrame:
        """Return the rows of some runs of `curves`, `layers` or `studies`; none where the table is not there.

        Args:
            table: its name.
            keys: run keys.
            also: further conditions, as pyarrow has them: `("diagnostic", "==", "gradient_norm")`.
        """
        if table not in self.tables or not keys:
            return _empty(table)
        rows = self.read(table, [("run_key", "in", list(keys)), *also])
        rows = rows.reindex(columns=[column.name for column in TABLES[table]])
        if self.foreign:
            _check_records(rows, table, self.folder / f"{table}.parquet")
        return rows

    def read(self, table: str, filters: Any = None) -> pd.DataFrame:
        """Read a table as it lies in the folder; raise ConfigError when it cannot be read."""
        path = self.folder / f"{table}.parquet"
        try:
            frame: pd.DataFrame = pq.read_table(path, filters=filters, partitioning=None).to_pandas()
            return frame
        except (OSError, pa.ArrowException) as error:
            raise ConfigError(str(path), f"cannot be read ({error})") from None


def _check_numbers(runs: pd.DataFrame, path: Path) -> None:
    """Raise ConfigError when a column of numbers holds a word or an infinite number; it may hold no number at all."""
    for column in TABLES["runs"]:
        if column.dtype != "string" and runs[column.name].notna().any():
            numbers = pd.to_numeric(runs[column.name], errors="coerce").astype("float64")
            odd = runs.loc[~np.isfinite(numbers) & runs[column.name].notna(), column.name]
            if len(odd) or not pd.api.types.is_numeric_dtype(runs[column.name]):
                found = repr(odd.iloc[0])[:80] if len(odd) else "words"
                raise ConfigError(str(path), f"column {column.name!r} holds {found} where numbers belong")


def _check_records(rows: pd.DataFrame, table: str, path: Path) -> None:
    """Raise ConfigError when words stand where numbers belong, or a row stands twice."""
    for column in TABLES[table]:
        values = rows[column.name]
        if column.dtype != "string" and values.notna().any() and not pd.api.types.is_numeric_dtype(values):
            raise ConfigError(str(path), f"column {column.name!r} holds words where numbers belong")
    names = [name for name in NEEDED[table] if name != "value"]
    if rows.duplicated(names).any():
        twice = rows.loc[rows.duplicated(names), names].iloc[0]
        said = ", ".join(f"{name} {value}" for name, value in twice.items())
        raise ConfigError(str(path), f"holds two rows of {said}; keep one")


def recorded_by(config: Config, results: Path = RESULTS) -> Recorded:
    """Return the tables of a config; raise ConfigError when one is missing or made from another config."""
    for table in TABLES:
        check_made_from(config, table_path(config.name, table, results))
    return Recorded(table_path(config.name, "runs", results).parent, tuple(TABLES))


def recorded_in(folder: Path) -> Recorded:
    """Return the tables in a folder, whoever wrote them; raise ConfigError when what every reader needs is missing.

    `runs.parquet` must be there; `curves`, `layers` and `studies` may be missing, as may the columns of plan.schema
    that are not in NEEDED.
    """
    found = tuple(table for table in TABLES if (folder / f"{table}.parquet").is_file())
    if "runs" not in found:
        raise ConfigError(str(folder), "holds no runs.parquet; give a folder of tables such as results/<name>/tables")
    for table in found:
        path = folder / f"{table}.parquet"
        if checksum_path(path).is_file():
            refuse_damaged(path, remedy="get it again from where it came from")
        try:
            names = pq.read_schema(path).names
        except (OSError, pa.ArrowException):
            raise ConfigError(str(path), "not a readable table") from None
        missing = [name for name in NEEDED[table] if name not in names]
        if missing:
            raise ConfigError(str(path), f"lacks the column {missing[0]!r}; results/README.md says what it holds")
    return Recorded(folder, found, foreign=True)


def _empty(table: str) -> pd.DataFrame:
    columns = {c.name: pd.Series(dtype="str" if c.dtype == "string" else c.dtype) for c in TABLES[table]}
    return pd.DataFrame(columns)


def _check_runs(runs: pd.DataFrame, path: Path) -> None:
    if runs["run_key"].duplicated().any():
        twice = runs.loc[runs["run_key"].duplicated(), "run_key"].iloc[0]
        raise ConfigError(str(path), f"run_key {twice!r} stands twice; a run is one row")
    for score in SCORES:
        lacking = runs.loc[(runs["status"] == "ok") & runs[f"best_{score}"].isna(), "run_key"]
        if len(lacking):
            raise ConfigError(str(path), f"run {lacking.iloc[0]} is ok and has neither best_{score} nor {score}")


def factors_of(runs: pd.DataFrame) -> list[str]:
    """Return the factors that the table records."""
    return [name for name in FACTORS if runs[name].notna().any()]

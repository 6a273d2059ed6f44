"""The file of a statistic, results/<name>/stats/<statistic>.csv, and its rows in the schema's types."""

from pathlib import Path

import pandas as pd

from actbench.analysis.claims_schema import COST
from actbench.analysis.stats_schema import STATS
from actbench.analysis.tables import RESULTS
from actbench.plan.checksums import refuse_damaged
from actbench.plan.config import Config
from actbench.plan.errors import ConfigError, nearest
from actbench.plan.schema import Column


def stats_path(name: str, statistic: str, results: Path = RESULTS) -> Path:
    """Return results/<name>/stats/<statistic>.csv."""
    return results / name / "stats" / f"{statistic}.csv"


def read_statistic(config: Config, statistic: str, results: Path = RESULTS) -> pd.DataFrame:
    """Read one of results/<name>/stats/*.csv in the types of stats_schema; raise ConfigError when it is not there."""
    if statistic not in STATS:
        raise ConfigError("statistic", f"unknown statistic {statistic!r}; {nearest(statistic, list(STATS))}")
    path = stats_path(config.name, statistic, results)
    refuse_damaged(path, remedy="run `actbench stats` with this config")
    return read_typed(path, STATS[statistic], "run `actbench stats` with this config")


def read_rounds(path: Path) -> pd.DataFrame:
    """Read stats/cost.csv, the rounds of timing; no rows where it was not made."""
    return read_if_made(path, COST)


def read_if_made(path: Path, columns: tuple[Column, ...]) -> pd.DataFrame:
    """Read what the verb of the file's name writes into stats; no rows where it was not made."""
    if not path.exists():
        return pd.DataFrame(columns=[column.name for column in columns])
    remedy = f"run `actbench {path.stem}` with this config"
    refuse_damaged(path, remedy=remedy)
    return read_typed(path, columns, remedy)


def read_typed(path: Path, columns: tuple[Column, ...], remedy: str) -> pd.DataFrame:
    """Read a CSV file of ours in the types of its columns; raise ConfigError when it is absent or has others."""
    text = {column.name: "str" for column in columns if column.dtype == "string"}
    numbers = [column.name for column in columns if column.dtype != "string"]
    try:
        frame = pd.read_csv(path, dtype=text, keep_default_na=False, na_values={name: [""] for name in numbers})
        return in_types(frame, columns)
    except FileNotFoundError:
        raise ConfigError(str(path), f"no such file; {remedy}") from None
    except (KeyError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())[:200]
        raise ConfigError(str(path), f"its columns are others than those of this version ({said}); {remedy}") from None


def in_types(frame: pd.DataFrame, columns: tuple[Column, ...]) -> pd.DataFrame:
    """Return the named columns in the schema's order and types; whole numbers that may be null are `Int64`."""
    whole = {column.name: "Int64" for column in columns if column.nullable and column.dtype == "int64"}
    types = {column.name: "str" if column.dtype == "string" else column.dtype for column in columns}
    chosen = frame.reindex(columns=list(types)) if frame.empty else frame[list(types)]
    return chosen.astype(types | whole).reset_index(drop=True)

"""What a figure may read: the tables and statistics that it declares, and nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from actbench.analysis.tables import RESULTS, read_table
from actbench.plan.checksums import refuse_damaged
from actbench.plan.config import Config
from actbench.plan.errors import ConfigError

REMEDY = "run snakemake with this config"
ROWS_AT_ONCE = 50_000  # of a CSV file that is read in parts


@dataclass(frozen=True)
class Inputs:
    """The declared tables and statistics, by name."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    stats: dict[str, pd.DataFrame] = field(default_factory=dict)


def read_inputs(config: Config, tables: Iterable[str], stats: Iterable[str], results: Path = RESULTS) -> Inputs:
    """Read tables and statistics of a config; raise ConfigError when one is missing or made from another config."""
    return Inputs(
        {name: read_table(config, name, results=results) for name in tables},
        {name: read_csv(results / config.name / "stats" / f"{name}.csv") for name in stats},
    )


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file of ours that is as it was written; raise ConfigError when it is absent or damaged."""
    refuse_damaged(path, remedy=REMEDY)
    return parse_csv(path)


def iterate_csv(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows of a CSV file as `read_csv` reads them, at most ROWS_AT_ONCE at a time."""
    refuse_damaged(path, remedy=REMEDY)
    yield from _parsed(path, ROWS_AT_ONCE)


def parse_csv(path: Path) -> pd.DataFrame:
    """Parse a CSV file of ours: numbers to the last digit; an empty field is a missing value, `none` is a word."""
    (whole,) = _parsed(path, None)
    return whole


def _parsed(path: Path, rows: int | None) -> Iterator[pd.DataFrame]:
    try:
        with pd.read_csv(path, keep_default_na=False, na_values=[""], iterator=True, chunksize=rows) as parts:
            yield from parts if rows else [parts.read()]
    except FileNotFoundError:
        raise ConfigError(str(path), f"no such file; {REMEDY}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), f"cannot be read ({error}); delete it and {REMEDY}") from None

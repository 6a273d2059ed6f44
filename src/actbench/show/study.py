"""Which rows a figure draws when a config holds several studies and levels."""

import pandas as pd

from actbench.analysis.largest_study import largest_study

PLAIN = "none"


def main_study(studies: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of the study with the most runs among those that have rows; the first in the config if tied."""
    kept: pd.DataFrame = rows[rows["study"] == largest_study(studies, rows["study"])]
    return kept.reset_index(drop=True)


def plainest(rows: pd.DataFrame, factor: str) -> pd.DataFrame:
    """Keep the rows at level `none` of a factor, or at its first level by name where `none` is not in the study."""
    levels = sorted(rows[factor].unique())
    kept = PLAIN if PLAIN in levels or not levels else levels[0]
    return rows[rows[factor] == kept].reset_index(drop=True)


def count(number: float, singular: str, plural: str = "") -> str:
    """Write a number with its noun: `1 run`, `8,640 runs`."""
    return f"{int(number):,} {singular if number == 1 else plural or singular + 's'}"


def seeds_behind(rows: pd.DataFrame) -> str:
    """Write the number of seeds behind estimates: `3 seeds`, or `2 to 5 seeds` where they differ."""
    low, high = int(rows["n_seeds"].min()), int(rows["n_seeds"].max())
    return count(high, "seed") if low == high else f"{low} to {high} seeds"

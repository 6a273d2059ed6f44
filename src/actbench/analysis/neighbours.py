"""The runs that differ from a run in exactly one factor, with the same seed, and how they fared."""

from typing import Any

import pandas as pd

from actbench.analysis.recorded import factors_of
from actbench.plan.factors import FACTORS

COLUMNS = ["factor", "level", "run_key", "status", "score", "difference", "seconds"]


def neighbours(runs: pd.DataFrame, run: "pd.Series[Any]") -> pd.DataFrame:
    """Return the neighbours of a run, factor by factor in the order of the design, the best of each first.

    Args:
        runs: the table `runs` with the column `score` (metrics.add_metrics).
        run: one row of it.

    Returns:
        Columns COLUMNS: the factor that differs, the neighbour's level of it, its score less that of the run.
    """
    others = runs[_differing(runs, run).sum(axis=1) == 1]
    others = others[others["seed"] == run["seed"]] if "seed" in factors_of(runs) else others
    differing = _differing(others, run)
    rows = others.assign(
        factor=differing.idxmax(axis=1) if len(others) else "", difference=others["score"] - run["score"]
    )
    rows = rows.assign(level=[row[row["factor"]] for _, row in rows.iterrows()])
    places = {name: place for place, name in enumerate(FACTORS)}
    rows = rows.assign(place=rows["factor"].map(places))
    return rows.sort_values(["place", "score"], ascending=[True, False], kind="stable", ignore_index=True)[COLUMNS]


def same_condition(runs: pd.DataFrame, run: "pd.Series[Any]") -> pd.DataFrame:
    """Return the runs with the levels of a run and other seeds, and the run itself, in the order of their seeds."""
    differing = _differing(runs, run).drop(columns="seed", errors="ignore")
    return runs[~differing.any(axis=1)].sort_values("seed", ignore_index=True)


def _differing(runs: pd.DataFrame, run: "pd.Series[Any]") -> pd.DataFrame:
    """Tell for each run and factor whether the level differs from that of a run; two that are missing are equal."""
    differing = {}
    for name in factors_of(runs):
        both_missing = runs[name].isna() & pd.isna(run[name])
        differing[name] = (runs[name] != run[name]).astype(bool) & ~both_missing
    return pd.DataFrame(differing, index=runs.index)

"""Intervals: Wilson's for shares, bootstrap over seeds for means. The seed is the unit of replication.

Shape letters: G groups, S seeds.
"""

import warnings
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import DegenerateDataWarning, bootstrap
from statsmodels.stats.proportion import proportion_confint

from actbench.plan.seeds import stream

Array = np.ndarray[Any, np.dtype[np.float64]]

CONFIDENCE = 0.95
RESAMPLES = 9999
KINDS: dict[Literal["BCa", "percentile"], str] = {"BCa": "bca", "percentile": "percentile"}  # first choice first
ROUNDING = 1e-12  # differences below it come from the order of summation
ROWS_AT_ONCE = 64  # rows of one bootstrap; their resampled means take 5 MB
NUMBERS_AT_ONCE = 500_000  # numbers drawn at once
# Means of few seeds often tie with the estimate, and BCa counts ties. On a grid of powers of two the sums are exact,
# so that neither the order of the seeds nor the machine breaks a tie.
GRID = 2.0**-36
TOO_SMALL = "n too small"
CONSTANT = "constant values"


def wilson(successes: Any, n: Any) -> tuple[Array, Array]:
    """Return Wilson's 95 % score interval of a share (Wilson 1927); nan where n is 0.

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with p = successes / n and z the normal quantile.
    """
    successes, n = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    known = np.where(n > 0, n, 1.0)
    low, high = proportion_confint(np.where(n > 0, successes, 0.0), known, alpha=1 - CONFIDENCE, method="wilson")
    low, high = np.where(successes == 0, 0.0, low), np.where(successes == n, 1.0, high)  # exact, without rounding
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def bootstrap_means(values_GS: Array) -> tuple[Array, Array, "np.ndarray[Any, np.dtype[np.object_]]"]:
    """Return low, high and kind of the 95 % bootstrap interval of each row's mean.

    BCa (Efron 1987) where it exists, else the percentile interval. Every row is resampled with the same draws, so
    a row's interval does not depend on the others.
    """
    low, high = np.full(len(values_GS), np.nan), np.full(len(values_GS), np.nan)
    kind = np.full(len(values_GS), "", dtype=object)
    if values_GS.shape[1] < 2:
        return low, high, kind
    values_GS = np.round(values_GS / GRID) * GRID
    todo = np.arange(len(values_GS))
    for method, word in KINDS.items():
        for rows in np.split(todo, range(ROWS_AT_ONCE, len(todo), ROWS_AT_ONCE)) if len(todo) else ():
            low[rows], high[rows] = _interval(values_GS[rows], method)
        kind[todo] = word
        todo = np.flatnonzero(np.isnan(low) | np.isnan(high))
    return low, high, kind


def _interval(values_GS: Array, method: Literal["BCa", "percentile"]) -> tuple[Array, Array]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)  # the percentile interval then takes its place
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = bootstrap(
            (values_GS,),
            np.mean,
            axis=1,
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=max(1, NUMBERS_AT_ONCE // values_GS.size),
            confidence_level=CONFIDENCE,
            method=method,
            rng=np.random.default_rng(stream(0, "bootstrap")),
        ).confidence_interval
    return np.asarray(interval.low), np.asarray(interval.high)


def over_seeds(values: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Estimate the mean of `value` in each group, with a bootstrap interval over seeds.

    For values that hang on no choice of learning rates; those that do have their intervals from `rate_choice`.

    Args:
        values: one row for each group and seed, columns `by`, `seed` and `value`.
        by: columns that name the groups.
        value: column to average.

    Returns:
        One row a group as `mean_over_seeds` has them, with low, high and interval (bca, percentile or empty).
    """
    found = mean_over_seeds(values, by, value)
    low, high = np.full(len(found), np.nan), np.full(len(found), np.nan)
    kind = np.full(len(found), "", dtype=object)
    for rows, values_GS in _of_each_size(values, by, value):
        low[rows], high[rows], kind[rows] = bootstrap_means(values_GS)
    return found.drop(columns="note").assign(low=low, high=high, interval=kind, note=found["note"])


def mean_over_seeds(values: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Average `value` over the seeds of each group.

    Returns:
        One row a group in the order of `by`: `by`, n_seeds, mean and note (`n too small` with one seed, `constant
        values` when all seeds agree).
    """
    groups = values[by].drop_duplicates().sort_values(by, ignore_index=True)
    n, mean = np.zeros(len(groups), dtype=np.int64), np.full(len(groups), np.nan)
    note = np.full(len(groups), "", dtype=object)
    for rows, values_GS in _of_each_size(values, by, value):
        n[rows], mean[rows] = values_GS.shape[1], values_GS.mean(axis=1)
        still = np.ptp(values_GS, axis=1) <= ROUNDING
        note[rows] = np.where(still, CONSTANT, "") if values_GS.shape[1] > 1 else TOO_SMALL
    return groups.assign(n_seeds=n, mean=mean, note=note)


def _of_each_size(
    values: pd.DataFrame, by: list[str], value: str
) -> "Iterator[tuple[np.ndarray[Any, np.dtype[np.intp]], Array]]":
    """Yield, for each number of seeds, the places of the groups that have so many, and their values (G, S)."""
    ordered = values.sort_values([*by, "seed"], ignore_index=True)
    n = ordered.groupby(by, sort=True).size().to_numpy()
    starts = np.concatenate([[0], np.cumsum(n)[:-1]]) if len(n) else np.zeros(0, dtype=int)
    column = ordered[value].to_numpy(dtype=np.float64)
    for size in np.unique(n):
        rows = np.flatnonzero(n == size)
        yield rows, column[starts[rows][:, None] + np.arange(size)]


def shares(flags: pd.DataFrame, by: list[str], flag: str, name: str) -> pd.DataFrame:
    """Estimate the share of rows of each group with a flag, with Wilson's interval.

    Returns:
        One row a group in the order of `by`: `by`, n_runs, n_<flag>, <name>, <name>_low, <name>_high.
    """
    counted = flags.groupby(by, sort=True)[flag].agg(["size", "sum"]).reset_index()
    low, high = wilson(counted["sum"], counted["size"])
    counted[name] = counted["sum"] / counted["size"]
    counted[f"{name}_low"], counted[f"{name}_high"] = low, high
    return counted.rename(columns={"size": "n_runs", "sum": f"n_{flag}"})


def join_notes(*notes: Any) -> list[str]:
    """Join the notes of each row with semicolons, leaving out the empty ones."""
    return ["; ".join(note for note in row if note) for row in zip(*notes, strict=True)]

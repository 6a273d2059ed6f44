"""The choice of learning rates on validation data, made again in every resample of seeds.

What an experiment reports at a chosen rate owes part of its spread over seeds to the choice: other seeds would have
chosen other rates. A resample therefore draws seeds, in common for all conditions, which share random numbers by seed;
every condition takes the rate that the drawn seeds choose; and the scores of the drawn seeds at that rate count.

Shape letters: C conditions, L learning rates, S seeds, G groups, N conditions of any axes, x and y any other axes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.metrics import ROUNDED
from actbench.analysis.seed_resampling import mean_intervals

Array = np.ndarray[Any, np.dtype[np.float64]]
Places = np.ndarray[Any, np.dtype[np.intp]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
BELOW_ALL = -1.0  # the place of failed runs where scores are ranked
WORST, BEST = 0.0, 1.0  # scores
SIDES = ["condition", "condition_reference"]


@dataclass(frozen=True)
class Validation:
    """Validation scores, prepared for one choice of rates after another: 1 and the score, or 0 and 0 without a run."""

    known_xLS: Array
    score_xLS: Array

    @classmethod
    def of(cls, val_xLS: Array) -> "Validation":
        """Prepare validation scores, failed runs with the worst; nan where there is no run."""
        known = ~np.isnan(val_xLS)
        return cls(known.astype(np.float64), np.where(known, val_xLS, 0.0))

    def best(self, weights_S: Array, allowed_L: "Flags | None" = None) -> Places:
        """Return the place of the rate with the highest mean over the drawn seeds; -1 without a run.

        The first of equals, which is the smallest rate, as in `metrics.choose_lr`.

        Args:
            weights_S: how often each seed is drawn.
            allowed_L: rates to choose among; all when None.
        """
        drawn = self.known_xLS @ weights_S
        mean = np.round(self.score_xLS @ weights_S / np.where(drawn > 0, drawn, 1.0), ROUNDED)
        mean = np.where(drawn > 0, mean, -np.inf)
        if allowed_L is not None:
            mean[..., ~allowed_L] = -np.inf
        return np.where(np.isneginf(mean.max(axis=-1)), -1, mean.argmax(axis=-1))


def at_rates(values_yLS: Array, best_xy: Places) -> Array:
    """Return the values (x, y, S) at the rates with these places; nan where there is no rate."""
    flat_NLS = values_yLS.reshape(-1, *values_yLS.shape[-2:])
    best_xN = best_xy.reshape(*best_xy.shape[: best_xy.ndim - values_yLS.ndim + 2], -1)
    picked_xNS = flat_NLS[np.arange(len(flat_NLS)), np.maximum(best_xN, 0)]
    picked_xNS[best_xN < 0] = np.nan
    return picked_xNS.reshape(*best_xy.shape, -1)


@dataclass(frozen=True)
class RateGrid:
    """All runs by condition, rate and seed; nan where there is none, and for rates that a study does not try.

    chooser_C: where several rows of scores choose alike, the row of val_CLS by which each does; else its own.
    """

    val_CLS: Array
    score_CLS: Array
    ordered_CLS: Array  # the score, failed runs below all others
    chooser_C: "Places | None" = None

    @property
    def n_seeds(self) -> int:
        """Return S."""
        return int(self.val_CLS.shape[2])

    @cached_property
    def _validation(self) -> Validation:
        return Validation.of(self.val_CLS)

    def scores(self, weights_S: Array) -> Array:
        """Return the scores (C, S) at the rates that the drawn seeds choose."""
        return at_rates(self.score_CLS, self.best(weights_S))

    def ordered(self, weights_S: Array) -> Array:
        """Return the same for ranking: failed runs below every run that is ok."""
        return at_rates(self.ordered_CLS, self.best(weights_S))

    def best(self, weights_S: Array) -> Places:
        """Return the place of the rate that the drawn seeds choose for each row of scores."""
        best = self._validation.best(weights_S)
        return best if self.chooser_C is None else best[self.chooser_C]


def rate_grid(rows: pd.DataFrame) -> RateGrid:
    """Lay out runs; of rows at one rate for each condition the grid leaves nothing to choose.

    Args:
        rows: columns condition (whole numbers), lr, seed, val_score, score, failed; one row a run.
    """
    rates, lr = np.unique(rows["lr"].to_numpy(), return_inverse=True)
    seeds, seed = np.unique(rows["seed"].to_numpy(), return_inverse=True)
    where = rows["condition"].to_numpy(), lr, seed
    columns = rows["val_score"], rows["score"], rows["score"].where(~rows["failed"].astype(bool), BELOW_ALL)
    parts = [np.full((int(where[0].max(initial=-1)) + 1, len(rates), len(seeds)), np.nan) for _ in columns]
    for part, column in zip(parts, columns, strict=True):
        part[where] = column
    return RateGrid(*parts)


def chosen_again(grid: RateGrid, members: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Estimate the interval of the mean over seeds of the mean over the members of each group.

    Args:
        grid: all runs.
        members: `by` and `condition`; with `condition_reference` each member is the difference of two conditions.
            Repeated rows count once.
        by: columns that name the groups.

    Returns:
        One row a group: `by`, low, high, interval (student or empty).
    """
    if members.empty:
        return members[by].assign(low=np.nan, high=np.nan, interval="")
    sides = [name for name in SIDES if name in members]
    once = members[list(dict.fromkeys([*by, *sides]))].drop_duplicates().sort_values(by, ignore_index=True)
    groups = once[by].drop_duplicates(ignore_index=True)
    group = np.asarray(once.groupby(by, sort=True).ngroup(), dtype=np.intp)
    first, *second = (once[name].to_numpy() for name in sides)

    def per_seed(weights_S: Array) -> Array:
        scores_CS = grid.scores(weights_S)
        return group_means(scores_CS[first] - scores_CS[second[0]] if second else scores_CS[first], group, len(groups))

    low, high, kind = mean_intervals(per_seed, grid.n_seeds)
    if not second:  # a mean of scores has their bounds
        low, high = np.maximum(low, WORST), np.minimum(high, BEST)
    return groups.assign(low=low, high=high, interval=kind)


def group_means(values_xKS: Array, group_K: Places, n: int) -> Array:
    """Return the mean of each of n groups in each seed (x, G, S) over the members with a value; nan where none has."""
    found = np.full((*values_xKS.shape[:-2], n, values_xKS.shape[-1]), np.nan)
    order = np.argsort(group_K, kind="stable")
    groups, starts = np.unique(group_K[order], return_index=True)
    if not len(groups):
        return found
    ordered = values_xKS[..., order, :]
    known = ~np.isnan(ordered)
    counts = np.add.reduceat(known, starts, axis=-2, dtype=np.int64)
    sums = np.add.reduceat(np.where(known, ordered, 0.0), starts, axis=-2)
    found[..., groups, :] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return found

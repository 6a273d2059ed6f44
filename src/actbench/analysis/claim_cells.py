"""The runs of a test of a claim as arrays, so that learning rates can be chosen again in every resample of seeds.

A cell is a condition, or with `rates: each` a condition and a rate. Shape letters: C cells, L learning rates, S seeds,
M resamples, U choices of rates that differ, x resamples or nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench.analysis.metrics import CONDITION, varying
from actbench.analysis.rate_choice import Array, Flags, Places, Validation, at_rates
from actbench.analysis.seed_resampling import resamples

NUMBERS_AT_ONCE = 500_000  # of one kind


@dataclass(frozen=True)
class Cells:
    """What each seed showed in each cell: value, nan where there is none; failed and trained, nan without a run."""

    levels: pd.DataFrame  # C rows: the factors
    value_xCS: Array
    failed_xCS: Array
    trained_xCS: Array

    @property
    def run_xCS(self) -> Flags:
        """Tell where there is a run."""
        return ~np.isnan(self.failed_xCS)


@dataclass(frozen=True)
class Tried:
    """The same at every rate among which a condition chooses, and what it chooses by: the highest mean."""

    levels: pd.DataFrame
    merit_CLS: Array
    value_CLS: Array
    failed_CLS: Array
    trained_CLS: Array

    def chosen(self) -> Cells:
        """Return the cells at the rates that all seeds choose."""
        return self._at(Validation.of(self.merit_CLS).best(np.ones(self.merit_CLS.shape[2])))

    def chosen_again(self) -> "tuple[Iterator[Cells], Places] | None":
        """Return the cells (U) at the rates that resamples choose, and the place among these of each resample.

        Of all U there are too many numbers for memory: some come at a time, about NUMBERS_AT_ONCE.

        None where every resample chooses as all seeds do: one choice, and the interval is that of the seeds alone.
        """
        n_seeds = self.merit_CLS.shape[2]
        if self.merit_CLS.shape[1] < 2 or n_seeds < 2:
            return None
        merit = Validation.of(self.merit_CLS)
        best_MC = np.stack([merit.best(counts_S) for counts_S in resamples(n_seeds)[0]])
        distinct_UC, place_M = np.unique(best_MC, axis=0, return_inverse=True)
        if len(distinct_UC) < 2:
            return None
        n_at_once = max(1, NUMBERS_AT_ONCE // self.value_CLS[:, 0].size)
        starts = range(0, len(distinct_UC), n_at_once)
        return (self._at(distinct_UC[start : start + n_at_once]) for start in starts), place_M.ravel()

    def _at(self, best_xC: Places) -> Cells:
        parts = (self.value_CLS, self.failed_CLS, self.trained_CLS)
        return Cells(self.levels, *(at_rates(part, best_xC) for part in parts))

    def of(self, kept_C: "Flags | Places") -> "Tried":
        """Return some of the conditions."""
        arrays = (self.merit_CLS, self.value_CLS, self.failed_CLS, self.trained_CLS)
        return Tried(self.levels.iloc[kept_C].reset_index(drop=True), *(part[kept_C] for part in arrays))


def tried(rows: pd.DataFrame, rates_are_levels: bool) -> Tried:
    """Lay out runs.

    Args:
        rows: one row a run: the factors, value, failed, trained, and `merit` where a rate is to be chosen.
        rates_are_levels: every rate is a cell of its own, and nothing is chosen.
    """
    names = [*CONDITION, *(["lr"] if rates_are_levels else [])]
    by = varying(rows, names)
    numbers = rows.groupby(by, sort=True).ngroup().to_numpy() if by else np.zeros(len(rows), dtype=np.intp)
    _, first, cell = np.unique(numbers, return_index=True, return_inverse=True)
    levels = rows[names].iloc[first].reset_index(drop=True)
    seeds, seed = np.unique(rows["seed"].to_numpy(), return_inverse=True)
    rates, lr = np.unique(rows["lr"].to_numpy(), return_inverse=True)
    if rates_are_levels:
        rates, lr = rates[:1], np.zeros_like(lr)
    merit = rows["failed"] if rates_are_levels else rows["merit"]
    parts = [np.full((len(levels), len(rates), len(seeds)), np.nan) for _ in range(4)]
    for part, column in zip(parts, (merit, rows["value"], rows["failed"], rows["trained"]), strict=True):
        part[cell, lr, seed] = column.to_numpy(dtype=np.float64)
    return Tried(levels, *parts)

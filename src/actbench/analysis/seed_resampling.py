"""Bootstrap over seeds of statistics that look at all seeds at once, the choice of learning rates among them.

A resample of S seeds is a multiset; with few seeds there are few of them (10 of three, 126 of five), and each is
evaluated once. Shape letters: R rows of the statistic, B resamples, S seeds.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import DegenerateDataWarning, bootstrap

from actbench.analysis.intervals import CONFIDENCE, KINDS
from actbench.plan.seeds import stream

Array = np.ndarray[Any, np.dtype[np.float64]]
RESAMPLES = 999
GRID = 2.0**-40  # values are rounded to it, so that ties do not hang on the order of summation


class SeedStatistic:
    """A statistic of R numbers as a function of how often each seed counts, evaluated once for each multiset."""

    def __init__(self, evaluate: Callable[[Array], Array], n_seeds: int) -> None:
        self.evaluate, self.n_seeds = evaluate, n_seeds
        self.known: dict[bytes, Array] = {}

    def of(self, weights_S: Array) -> Array:
        """Return the R numbers for one multiset of seeds."""
        key = np.asarray(weights_S, dtype=np.int64).tobytes()
        if key not in self.known:
            self.known[key] = np.round(self.evaluate(weights_S) / GRID) * GRID
        return self.known[key]

    def along(self, coded_RBS: Array, axis: int = -1) -> Array:
        """Return (R, B) numbers, or (R,), of resamples in which seed s of row r is coded r·S + s."""
        assert axis == -1
        seeds = (coded_RBS[0] % self.n_seeds).astype(np.int64)
        counts = (np.atleast_2d(seeds)[:, :, None] == np.arange(self.n_seeds)).sum(axis=1)
        distinct, place = np.unique(counts, axis=0, return_inverse=True)
        values_RB = np.stack([self.of(row.astype(np.float64)) for row in distinct], axis=1)[:, place.ravel()]
        return values_RB if seeds.ndim > 1 else values_RB[:, 0]


def seed_intervals(statistic: SeedStatistic) -> tuple[Array, Array, "np.ndarray[Any, np.dtype[np.object_]]"]:
    """Return low, high and kind of the 95 % bootstrap interval over seeds of each of the R numbers.

    BCa (Efron 1987) where it exists, else percentile; nan and an empty kind with fewer than two seeds.
    """
    rows, s = len(statistic.of(np.ones(statistic.n_seeds))), statistic.n_seeds
    low, high, kind = np.full(rows, np.nan), np.full(rows, np.nan), np.full(rows, "", dtype=object)
    if s < 2 or not rows:
        return low, high, kind
    coded_RS = np.arange(rows * s, dtype=np.float64).reshape(rows, s)
    for method, word in KINDS.items():
        todo = np.isnan(low) | np.isnan(high)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateDataWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            found = bootstrap(
                (coded_RS,),
                statistic.along,
                axis=-1,
                vectorized=True,
                n_resamples=RESAMPLES,
                confidence_level=CONFIDENCE,
                method=method,
                rng=np.random.default_rng(stream(0, "seeds")),
            ).confidence_interval
        low[todo], high[todo] = np.asarray(found.low)[todo], np.asarray(found.high)[todo]
        kind[todo & ~(np.isnan(low) | np.isnan(high))] = word
    return low, high, kind

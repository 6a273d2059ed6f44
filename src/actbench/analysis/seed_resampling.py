"""Bootstrap over seeds of statistics that look at all seeds at once, the choice of learning rates among them.

A resample of S seeds is a multiset; with few seeds there are few of them (10 of three, 126 of five), and each is
evaluated once. Shape letters: R rows of the statistic, B resamples, S seeds, M multisets, G numbers of each seed, x any
axes before the others.
"""

import warnings
from collections.abc import Callable
from functools import cache
from itertools import combinations_with_replacement
from math import factorial
from typing import Any

import numpy as np
from scipy.stats import DegenerateDataWarning, bootstrap, t

from actbench.analysis.intervals import CONFIDENCE, KINDS
from actbench.plan.seeds import stream

Array = np.ndarray[Any, np.dtype[np.float64]]
RESAMPLES = 999
GRID = 2.0**-40  # values are rounded to it, so that ties do not hang on the order of summation
LISTED = 7  # seeds; of eight there are 6,435 multisets
STUDENT = "student"  # kind of interval
PerSeed = Callable[[Array], Array]  # how often each seed counts (S) -> numbers of each seed (G, S)


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


def mean_intervals(per_seed: PerSeed, n_seeds: int) -> tuple[Array, Array, "np.ndarray[Any, np.dtype[np.object_]]"]:
    """Return low, high and kind of Student's 95 % interval of the mean over seeds of each of G numbers.

    mean ± t · error, S - 1 degrees of freedom, with the error of `mean_errors`. Quantiles of resamples (percentile,
    BCa) are not used where learning rates are chosen: each resample chooses the luckier rates once more, which shifts
    them from the mean by up to an error and more, and BCa's correction for bias takes the shift for one of the mean.

    Args:
        per_seed: the numbers of each seed, which may hang on what is drawn: learning rates are chosen on it. A number
            that is nan in some seeds of the sample itself is resampled over the others.
        n_seeds: S.
    """
    once_GS = per_seed(np.ones(n_seeds))
    n_G = (~np.isnan(once_GS)).sum(axis=1)
    mean_G = mean_of_seeds(once_GS, np.ones(n_seeds))
    half_G = t.ppf((1 + CONFIDENCE) / 2, np.maximum(n_G - 1, 1)) * mean_errors(per_seed, n_seeds)
    return mean_G - half_G, mean_G + half_G, np.where(n_G > 1, STUDENT, "").astype(object)


def mean_errors(per_seed: PerSeed, n_seeds: int) -> Array:
    """Return the standard error of the mean over seeds of each of G numbers; nan with fewer than two seeds.

    That of `resampled_error`, which of numbers that hang on no choice is s / √S, as in Student's interval (Efron &
    Tibshirani 1993, chapter 12; Hesterberg 2015 on the factor √(S / (S - 1))). Arguments as in `mean_intervals`.
    """
    own_GS = ~np.isnan(per_seed(np.ones(n_seeds)))
    found = np.full(len(own_GS), np.nan)
    for own_S in np.unique(own_GS, axis=0):
        rows, seeds = np.flatnonzero((own_GS == own_S).all(axis=1)), np.flatnonzero(own_S)
        if len(seeds) < 2:
            continue
        counts_MS = np.zeros((len(resamples(len(seeds))[0]), n_seeds))
        counts_MS[:, seeds] = resamples(len(seeds))[0]
        means_RM = np.stack([mean_of_seeds(per_seed(counts_S)[rows], counts_S) for counts_S in counts_MS], axis=1)
        found[rows] = resampled_error(means_RM, len(seeds))
    return found


def mean_of_seeds(values_xS: Array, counts_xS: Array) -> Array:
    """Return the mean over the drawn seeds that have a value; nan where none has."""
    known = ~np.isnan(values_xS)
    drawn = (known * counts_xS).sum(axis=-1)
    sums = (np.where(known, values_xS, 0.0) * counts_xS).sum(axis=-1)
    return np.asarray(np.where(drawn > 0, sums / np.maximum(drawn, 1), np.nan))


def resampled_error(values_xM: Array, n_seeds: int) -> Array:
    """Return √(S / (S - 1)) times the standard deviation over `resamples(S)`, without those that have no value."""
    chances_M = resamples(n_seeds)[1]
    known = ~np.isnan(values_xM)
    chances_xM = np.where(known, chances_M, 0.0)
    chances_xM = chances_xM / np.maximum(chances_xM.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    values_xM = np.where(known, values_xM, 0.0)
    apart_xM = values_xM - (values_xM * chances_xM).sum(axis=-1, keepdims=True)
    return np.asarray(np.sqrt((apart_xM**2 * chances_xM).sum(axis=-1) * n_seeds / (n_seeds - 1)))


@cache
def resamples(n_seeds: int) -> tuple[Array, Array]:
    """Return how often each seed counts in each resample (M, S), and its chance (M): all multisets, or draws of many.

    The chance of a multiset is that of its counts under the multinomial law.
    """
    if n_seeds > LISTED:
        drawn = np.random.default_rng(stream(0, "errors")).integers(0, n_seeds, (RESAMPLES, n_seeds))
        counts = (drawn[:, :, None] == np.arange(n_seeds)).sum(axis=1)
        return counts.astype(np.float64), np.full(RESAMPLES, 1 / RESAMPLES)
    listed = combinations_with_replacement(range(n_seeds), n_seeds)
    counts = np.stack([np.bincount(one, minlength=n_seeds) for one in listed])
    orders = [factorial(n_seeds) / np.prod([factorial(n) for n in row]) for row in counts.tolist()]
    return counts.astype(np.float64), np.array(orders) / float(n_seeds) ** n_seeds

"""Between which numbers a printed bootstrap interval over seeds must end, by resamples of this path's own.

With up to seven seeds all resamples are listed, each with its chance, so that the distribution is exact; with more,
OWN are drawn. The printed ends come from B random resamples: a share p of them is off by √(p (1 - p) / B) or so, and
REACH of these either way, for the level and for the bias, are what may be printed.
"""

from collections.abc import Callable
from functools import cache
from itertools import combinations_with_replacement
from math import factorial
from typing import Any, NamedTuple

import numpy as np

from actbench.audit.densities import NORMAL

Array = np.ndarray[Any, np.dtype[np.float64]]
REACH = 4.5
UNSEEN = 12.0  # over B: the largest share that B draws may miss altogether, e^-12 being as rare as REACH deviations
OWN = 4000
HEAVY = 2.0  # how much farther than those of normal numbers standard deviations of resamples scatter
LISTED = 7  # seeds; of eight there are 6,435 resamples that differ
TIE = 2e-11  # statistics are printed from sums on grids of 2⁻³⁶ and finer
ROUNDED = 1e-9
ANY = "any"
MISSING = (np.nan, np.nan)
MEANS, STATISTICS = 9999, 999  # resamples behind the printed intervals: of means over seeds, and of all else


class Ends(NamedTuple):
    """What one end of an interval may be, by its kind: from and to. No kind at all, or the kind "": it is missing."""

    kinds: dict[str, tuple[float, float]]

    def hold(self, printed: float, kind: str) -> bool:
        """Tell whether the printed end is one of those that may be; kind ANY: no kind is printed beside it."""
        if np.isnan(printed):
            return kind in ("", ANY) and (not self.kinds or "" in self.kinds)
        kinds = self.kinds if kind == ANY else {kind}
        return any(low <= printed <= high for low, high in (self.kinds[name] for name in kinds if name in self.kinds))


@cache
def resamples(seeds: int) -> tuple[Array, Array]:
    """Return how often each seed stands in each resample (M, S), and the chance of each (M)."""
    if seeds > LISTED:
        drawn = np.random.default_rng(20_260_101).integers(0, seeds, (OWN, seeds))
        counts = np.stack([np.bincount(row, minlength=seeds) for row in drawn]).astype(float)
        return counts, np.full(OWN, 1 / OWN)
    listed = [np.bincount(row, minlength=seeds) for row in combinations_with_replacement(range(seeds), seeds)]
    ways = [factorial(seeds) / np.prod([factorial(n) for n in row]) for row in listed]
    return np.array(listed, dtype=float), np.array(ways) / seeds**seeds


def spread_of(numbers_M: Array, seeds: int) -> float:
    """Return the standard error that resamples of seeds give: their deviation times √(S / (S - 1))."""
    chances = resamples(seeds)[1]
    known = ~np.isnan(numbers_M)
    weights, numbers = chances[known] / chances[known].sum(), numbers_M[known]
    return float(np.sqrt(weights @ (numbers - weights @ numbers) ** 2 * seeds / (seeds - 1)))


def slack_of(seeds: int) -> float:
    """Return by which share of itself a printed error may be off: nothing where all resamples are listed."""
    return 0.0 if seeds <= LISTED else float(HEAVY * REACH * np.sqrt((1 / STATISTICS + 1 / OWN) / 2))


def mean_ends(values_RS: Array) -> list[tuple[Ends, Ends]]:
    """Return the ends that the interval of each row's mean may have."""
    return seed_ends(lambda counts_MS: values_RS @ (counts_MS / counts_MS.sum(axis=1, keepdims=True)).T,
                     values_RS.shape[1], MEANS)  # fmt: skip


def seed_ends(of: Callable[[Array], Array], seeds: int, drawn: int = STATISTICS) -> list[tuple[Ends, Ends]]:
    """Return the low and the high end that the interval of each of R statistics may have.

    Args:
        of: the statistics (R, M) of M resamples, from how often each seed stands in them (M, S).
        seeds: S.
        drawn: B, the resamples behind what was printed.
    """
    whole = of(np.ones((1, seeds)))[:, 0]
    if seeds < 2:
        return [(Ends({}), Ends({}))] * len(whole)
    counts, chances = resamples(seeds)
    without = of(1 - np.eye(seeds))
    spread = 1 / drawn + (1 / OWN if seeds > LISTED else 0.0)
    return [_ends(*numbers, chances, spread) for numbers in zip(whole, of(counts), without, strict=True)]


def _ends(value: float, found_M: Array, without_S: Array, chances: Array, spread: float) -> tuple[Ends, Ends]:
    lost = chances[
        np.isnan(found_M)
    ].sum()  # of resamples in which the statistic does not exist: one leaves no interval
    if np.isnan(value) or lost > UNSEEN * spread:
        return Ends({}), Ends({})
    found_M, chances = found_M[~np.isnan(found_M)], chances[~np.isnan(found_M)]
    order = np.argsort(found_M)
    ordered, reached = found_M[order], np.cumsum(chances[order])
    below, equal = chances[found_M < value - TIE].sum(), chances[np.abs(found_M - value) <= TIE].sum()
    share = below + equal / 2
    sides: tuple[dict[str, tuple[float, float]], ...] = ({"": MISSING}, {"": MISSING}) if lost else ({}, {})
    slack = REACH * np.sqrt(share * (1 - share) * spread)
    pulls = without_S.mean() - without_S
    degenerate = np.ptp(ordered) <= TIE or np.abs(pulls).max() <= TIE
    for kinds, level in zip(sides, (0.025, 0.975), strict=True):
        if degenerate or share - slack <= 0 or share + slack >= 1:
            kinds["percentile"] = _between(ordered, reached, (level, level), spread)
        if not degenerate and share + slack > 0 and share - slack < 1:
            edges = [min(max(edge, spread), 1 - spread) for edge in (share - slack, share + slack)]
            pull = float((pulls**3).sum() / (6 * (pulls**2).sum() ** 1.5))
            levels = [_shifted(NORMAL.inv_cdf(edge), pull, NORMAL.inv_cdf(level)) for edge in edges]
            kinds["bca"] = _between(ordered, reached, (min(levels), max(levels)), spread)
    return Ends(sides[0]), Ends(sides[1])


def _shifted(bias: float, pull: float, z: float) -> float:
    """Return the level of BCa's end: Φ(b + (b + z) / (1 - a (b + z))) (Efron 1987)."""
    return NORMAL.cdf(bias + (bias + z) / (1 - pull * (bias + z)))


def _between(ordered: Array, reached: Array, levels: tuple[float, float], spread: float) -> tuple[float, float]:
    """Return the smallest and the largest quantile that resamples of this number give at these levels."""
    low, high = levels
    low = min(low - REACH * np.sqrt(low * (1 - low) * spread) - spread, 1 - UNSEEN * spread)
    high = max(high + REACH * np.sqrt(high * (1 - high) * spread) + spread, UNSEEN * spread)
    last = len(ordered) - 1
    places = [int(np.searchsorted(reached, level, "left")) for level in (low - 1e-12, high + 1e-12)]
    ends = (float(ordered[min(place, last)]) for place in places)
    return next(ends) - ROUNDED, next(ends) + ROUNDED

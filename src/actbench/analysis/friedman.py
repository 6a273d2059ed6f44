"""Several treatments in common blocks: Friedman's test, Iman and Davenport's, mean ranks, Nemenyi's difference.

Shape letters: N blocks, K treatments.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.stats import chi2, f, rankdata, studentized_range

Array = np.ndarray[Any, np.dtype[np.float64]]
ALPHA = 0.05


@dataclass(frozen=True)
class Friedman:
    """The test's numbers; nan where one does not exist. `_ties` has the correction for tied ranks."""

    mean_ranks: Array
    n_blocks: int
    chi2: float
    p: float
    chi2_ties: float
    p_ties: float
    f: float
    f_p: float
    f_ties: float
    f_ties_p: float
    critical_difference: float


def rank_within(values_NK: Array, lower_is_better: bool = False) -> Array:
    """Rank the treatments within each block: 1 is best, ties share their mean rank."""
    return np.asarray(rankdata(values_NK if lower_is_better else -values_NK, axis=1), dtype=np.float64)


def friedman(ranks_NK: Array) -> Friedman:
    """Test whether treatments differ in rank.

    With mean ranks R: χ² = 12 N / (K (K + 1)) · Σ (R - (K + 1) / 2)² with K - 1 degrees of freedom (Friedman 1937;
    Demšar 2006, section 3.2.2); with ties, divided by 1 - Σ (t³ - t) / (N (K³ - K)) over groups of t tied ranks, as
    scipy and R have it. F = (N - 1) χ² / (N (K - 1) - χ²) with K - 1 and (K - 1)(N - 1) degrees of freedom (Iman &
    Davenport 1980).

    Args:
        ranks_NK: ranks within complete blocks.
    """
    n, k = ranks_NK.shape
    means = ranks_NK.mean(axis=0) if n else np.full(k, np.nan)
    plain = float(12 * n / (k * (k + 1)) * np.sum((means - (k + 1) / 2) ** 2))
    untied = 1 - _tied(ranks_NK) / (n * (k**3 - k)) if n else np.nan
    corrected = plain / untied if untied > 0 else np.nan
    if n < 2:
        plain = corrected = np.nan
    p, p_ties = (float(chi2.sf(value, k - 1)) for value in (plain, corrected))
    (ratio, ratio_p), (ratio_ties, ratio_ties_p) = _iman_davenport(plain, n, k), _iman_davenport(corrected, n, k)
    difference = critical_difference(k, n) if n > 1 else np.nan
    return Friedman(
        means, n, plain, p, corrected, p_ties, ratio, ratio_p, ratio_ties, ratio_ties_p, difference
    )  # fmt: skip


def _tied(ranks_NK: Array) -> float:
    """Return Σ (t³ - t) over the groups of tied ranks of all blocks."""
    total = 0.0
    for ranks in ranks_NK:
        sizes = np.unique(ranks, return_counts=True)[1].astype(np.float64)
        total += float(np.sum(sizes**3 - sizes))
    return total


def _iman_davenport(statistic: float, n: int, k: int) -> tuple[float, float]:
    """Return F and p; F is infinite and p 0 when every block orders the treatments alike."""
    rest = n * (k - 1) - statistic
    if np.isnan(statistic):
        return np.nan, np.nan
    if rest <= 1e-9 * n * k:
        return np.inf, 0.0
    ratio = (n - 1) * statistic / rest
    return float(ratio), float(f.sf(ratio, k - 1, (k - 1) * (n - 1)))


def critical_difference(k: int, n: int, alpha: float = ALPHA) -> float:
    """Return Nemenyi's critical difference of mean ranks, q √(k (k + 1) / (6 n)) (Nemenyi 1963; Demšar 2006).

    q is the quantile of the studentised range of k groups with infinite degrees of freedom, divided by √2.
    """
    return float(_range_quantile(k, alpha) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n)))


@cache
def _range_quantile(k: int, alpha: float) -> float:
    return float(studentized_range.ppf(1 - alpha, k, np.inf))


def nemenyi_p(difference: Array, k: int, n: int) -> Array:
    """Return Nemenyi's p for differences of two mean ranks: they hold for all pairs together."""
    if n < 2:
        return np.full(np.shape(difference), np.nan)
    z = np.abs(difference) / np.sqrt(k * (k + 1) / (6 * n))
    return np.asarray(np.clip(studentized_range.sf(z * np.sqrt(2), k, np.inf), 0.0, 1.0))


def indistinct(mean_ranks: dict[str, float], difference: float) -> list[list[str]]:
    """Return the largest groups of treatments, best first, whose mean ranks lie within the critical difference.

    These are the bars of a critical-difference diagram (Demšar 2006, figure 1); a treatment alone makes no group.
    """
    names = sorted(mean_ranks, key=lambda name: (mean_ranks[name], name))
    groups: list[list[str]] = []
    for start, first in enumerate(names):
        group = [name for name in names[start:] if mean_ranks[name] - mean_ranks[first] <= difference]
        if len(group) > 1 and not any(set(group) <= set(other) for other in groups):
            groups.append(group)
    return groups

"""Is a difference settled, and with how many seeds would it be? The seed is the unit.

A difference is settled when a paired t test over seeds finds it or when two one-sided tests place it within a margin.
Shape letters: R differences, S seeds.
"""

from typing import Any

import numpy as np
from scipy.stats import t

Array = np.ndarray[Any, np.dtype[np.float64]]
ALPHA, POWER = 0.05, 0.8
MOST_SEEDS = 10_000
ROUNDING = 1e-12


def tost_p(differences_RS: Array, margin: float, errors_R: Array | None = None) -> Array:
    """Return p of the two one-sided paired t tests that |mean| < margin (Schuirmann 1987); nan below two seeds.

    p = max(P(T > (mean + margin) / se), P(T < (mean - margin) / se)) with S - 1 degrees of freedom.

    Args:
        differences_RS: the difference in each seed.
        margin: largest difference that does not matter.
        errors_R: standard errors that are not those of the seeds alone: with the choice of learning rates inside.
    """
    s = differences_RS.shape[1]
    if s < 2:
        return np.full(len(differences_RS), np.nan)
    mean, error = differences_RS.mean(axis=1), _deviations(differences_RS, errors_R) / np.sqrt(s)
    above, below = t.sf((mean + margin) / error, s - 1), t.cdf((mean - margin) / error, s - 1)
    return np.asarray(np.maximum(above, below))


def seeds_needed(differences_RS: Array, margin: float, errors_R: Array | None = None) -> Array:
    """Return the seeds with which each difference would be settled in 80 % of studies; nan below two, or without any.

    The smaller of the numbers for a paired t test, two-sided at 5 %, of a true mean and deviation as observed, and for
    two one-sided tests of the margin at 5 % each: n = ((t(1 - α) + t(power)) · deviation / distance)² with n - 1
    degrees of freedom (Chow, Shao & Wang 2008, sections 3.1 and 3.1.3); inf above MOST_SEEDS. Arguments as in `tost_p`;
    the deviation is the standard error times √S.
    """
    if differences_RS.shape[1] < 2:
        return np.full(len(differences_RS), np.nan)
    mean = np.abs(differences_RS.mean(axis=1))
    deviation = _deviations(differences_RS, errors_R)
    found = _needed(mean / deviation, ALPHA / 2, POWER)
    within = _needed(np.maximum(margin - mean, 0.0) / deviation, ALPHA, (1 + POWER) / 2)
    return np.where(np.isnan(mean), np.nan, np.minimum(found, within))


def _deviations(differences_RS: Array, errors_R: Array | None) -> Array:
    s = differences_RS.shape[1]
    found = differences_RS.std(axis=1, ddof=1) if errors_R is None else errors_R * np.sqrt(s)
    return np.asarray(np.maximum(found, ROUNDING))


def _needed(distance: Array, alpha: float, power: float) -> Array:
    """Return the smallest n with √n · distance ≥ t(1 - α) + t(power), by halving an interval of whole numbers."""
    low, high = np.full(len(distance), 2), np.full(len(distance), MOST_SEEDS)
    for _ in range(int(np.ceil(np.log2(MOST_SEEDS))) + 1):
        middle = (low + high) // 2
        enough = np.sqrt(middle) * distance >= t.ppf(1 - alpha, middle - 1) + t.ppf(power, middle - 1)
        low, high = np.where(enough | (low >= high), low, middle + 1), np.where(enough, middle, high)
    settled = np.sqrt(high) * distance >= t.ppf(1 - alpha, high - 1) + t.ppf(power, high - 1)
    return np.where(settled, high.astype(np.float64), np.inf)

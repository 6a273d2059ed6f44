"""Tail probabilities of the tests, each by its own series or sum: no statistics library has a part in them."""

from functools import cache
from math import erfc, exp, lgamma, log, log1p, pi, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
NORMAL = NormalDist()


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function.

    x^a (1 - x)^b / (a B(a, b)) · (1 + Σ B(a + 1, n + 1) / B(a + b, n + 1) x^(n + 1)) (Abramowitz & Stegun 1964,
    26.5.4), on the side on which the series is short.
    """
    if not 0 < x < 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(b, a, 1 - x)
    total, term, n = 1.0, 1.0, 0
    while term > 1e-17 * total:
        term *= (a + b + n) / (a + 1 + n) * x
        total, n = total + term, n + 1
    return exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a * total


def f_tail(ratio: float, above: float, below: float) -> float:
    """Return P(F > ratio) with these degrees of freedom."""
    return incomplete_beta(below / 2, above / 2, below / (below + above * ratio))


def t_tail(t: float, freedom: float) -> float:
    """Return P(T > t) of Student's t."""
    tail = incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2
    return tail if t >= 0 else 1 - tail


@cache
def t_point(share: float, freedom: int) -> float:
    """Return the quantile of Student's t, by Newton's steps from the normal one on the logarithm of the tail."""
    factor = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(freedom * pi)
    t, wanted = NORMAL.inv_cdf(share), 1 - share
    for _ in range(60):
        tail = t_tail(t, freedom)
        step = log(tail / wanted) * tail / (factor * (1 + t * t / freedom) ** (-(freedom + 1) / 2))
        t += step
        if abs(step) < 1e-12 * max(1.0, abs(t)):
            break
    return t


def chi2_tail(x: float, freedom: int) -> float:
    """Return P(χ² > x) from P with two degrees less: + (x/2)^(k/2) e^(-x/2) / Γ(k/2 + 1), from 1 or 2 upwards."""
    tail = exp(-x / 2) if freedom % 2 == 0 else erfc(sqrt(x / 2))
    for k in range(2 - freedom % 2, freedom, 2):
        tail += exp(k / 2 * log(x / 2) - x / 2 - lgamma(k / 2 + 1)) if x > 0 else 0.0
    return tail


_Z = np.linspace(-9.0, 9.0, 6001)
_DENSITY = np.exp(-_Z * _Z / 2) / sqrt(2 * pi)
_CUMULATED = np.array([0.5 * erfc(-z / sqrt(2)) for z in _Z])


def range_tail(q: float, k: int) -> float:
    """Return P(range of k standard normal numbers > q): 1 - k ∫ φ(z) (Φ(z) - Φ(z - q))^(k - 1) dz."""
    lower = np.array([0.5 * erfc(-(z - q) / sqrt(2)) for z in _Z])
    return max(0.0, 1 - k * float(np.trapezoid(_DENSITY * (_CUMULATED - lower) ** (k - 1), _Z)))


@cache
def range_point(tail: float, k: int) -> float:
    """Return the point that the range of k standard normal numbers exceeds with this probability, by bisection."""
    low, high = 0.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if range_tail(middle, k) > tail else (low, middle)
    return (low + high) / 2


def midranks(values: Array) -> Array:
    """Return the rank of each number, 1 the lowest, equal ones sharing their mean, by counting."""
    ordered = np.sort(values)
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((below + upto + 1) / 2)


def signed_rank_p(differences: Array) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test.

    Exact, by counting sums of ranks, up to 50 numbers without ties and zeros or 13 numbers with them; else from the
    normal approximation with the correction for ties, without one for continuity.
    """
    known = differences[differences != 0]
    if not len(known):
        return float("nan")
    doubled = np.round(2 * midranks(np.abs(known))).astype(int)
    tied = len(np.unique(doubled)) < len(known) or len(known) < len(differences)
    above = int(doubled[known > 0].sum())
    if len(differences) <= (13 if tied else 50):
        ways = np.ones(1)
        for rank in doubled:
            ways = np.concatenate([ways, np.zeros(rank)]) + np.concatenate([np.zeros(rank), ways])
        smaller = min(ways[: above + 1].sum(), ways[above:].sum()) / ways.sum()
        return float(min(1.0, 2 * smaller))
    n, sizes = len(known), np.unique(doubled, return_counts=True)[1].astype(float)
    variance = (n * (n + 1) * (2 * n + 1) - (sizes**3 - sizes).sum() / 2) / 24
    z = (above / 2 - n * (n + 1) / 4) / sqrt(variance)
    return float(erfc(abs(z) / sqrt(2)))


def holm(p: Array) -> Array:
    """Return p after Holm's step-down correction; a missing p counts for nothing (Holm 1979)."""
    adjusted, largest = p.copy(), 0.0
    order = [place for place in np.argsort(p, kind="stable") if not np.isnan(p[place])]
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, p[index] * (len(order) - place)))
        adjusted[index] = largest
    return adjusted

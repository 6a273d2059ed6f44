"""How much two paired samples differ: Hodges-Lehmann, Cliff's delta, probability of improvement, signed ranks.

Every function takes samples along the last axis, so that `scipy.stats.bootstrap` can call it on many at once.
"""

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.stats import DegenerateDataWarning, bootstrap, norm, rankdata, wilcoxon

from actbench.analysis.intervals import CONFIDENCE, KINDS
from actbench.plan.seeds import stream

Array = np.ndarray[Any, np.dtype[np.float64]]
Places = np.ndarray[Any, np.dtype[np.intp]]
Interval = tuple[float, float, str]

RESAMPLES = 1999  # of a pair; BCa ends of 95 % then lie on the 50th value from either side or nearer
LARGEST_RESAMPLED = 60  # pairs of values; of more, intervals come from closed forms, in n log n
LARGEST_LISTED = 64  # differences whose means of two are all listed
HALVINGS, FEW_LEFT = 24, 8  # of the range of these means otherwise, until so many for each difference are left
NEAR = 10  # middle halves of the differences over their number: means within that are about FEW_LEFT for each
NUMBERS_AT_ONCE = 2_000_000
SMALLEST_N = 6  # below it the smallest two-sided p of the signed-rank test, 2/2ⁿ, is above 0.05
SIGNIFICANT_DIGITS = 12  # beyond them the order of summation breaks ties
LARGEST_PERMUTED = 13  # differences; of more that tie, scipy takes the normal approximation
ALL_ZERO = "all differences are zero"
FEW = f"fewer than {SMALLEST_N} blocks differ: p cannot fall below 0.05"


def hodges_lehmann(differences: Array) -> Array:
    """Return the median of all means of two differences, each with itself too (Hodges & Lehmann 1963, eq. 4.4)."""
    first, second = _twos(differences.shape[-1])
    return np.asarray(np.median((differences[..., first] + differences[..., second]) / 2, axis=-1))


@lru_cache(maxsize=4)  # of LARGEST_LISTED differences 2 MB
def _twos(n: int) -> "tuple[Places, Places]":
    """Return the places of every two of n differences, each with itself too."""
    first, second = np.triu_indices(n)
    return first, second


def cliffs_delta(first: Array, second: Array, axis: int = -1) -> Array:
    """Return P(x > y) - P(x < y) over all x of the first and y of the second sample (Cliff 1993, eq. 1)."""
    assert axis == -1
    return np.asarray(np.sign(first[..., :, None] - second[..., None, :]).mean(axis=(-2, -1)))


def cliff(first: Array, second: Array) -> tuple[float, float, float, str]:
    """Return Cliff's delta of two paired samples, its 95 % interval and the kind: bca, percentile, normal or empty.

    Up to LARGEST_RESAMPLED pairs are resampled, pairs staying together. Of more, the interval is delta ± z √(v / n)
    with v the variance over pairs i of the sum of the mean signs of x_i against all y and of all x against y_i: the
    projection of the U statistic (Hoeffding 1948; Cliff 1996, chapter 5).
    """
    if len(first) <= LARGEST_RESAMPLED:
        return float(cliffs_delta(first, second)), *resampled((first, second), cliffs_delta)
    of_first, of_second = dominance(first, second), -dominance(second, first)
    delta = float(of_first.mean())
    half = float(norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(np.var(of_first + of_second, ddof=1) / len(first)))
    return delta, max(-1.0, delta - half), min(1.0, delta + half), "normal"


def dominance(sample: Array, other: Array) -> Array:
    """Return for each number the share of the other sample below it less the share above it."""
    ordered = np.sort(other)
    below, upto = np.searchsorted(ordered, sample, side="left"), np.searchsorted(ordered, sample, side="right")
    return np.asarray((below - (len(ordered) - upto)) / len(ordered))


def dominances(samples_AN: Array, first: Places, second: Places) -> Array:
    """Return `dominance` of each sample named in `first` over that in `second`, a row for each."""
    levels, code_AN = np.unique(samples_AN, return_inverse=True)
    apart_AN = code_AN.reshape(samples_AN.shape) + len(levels) * np.arange(len(samples_AN))[:, None]
    ordered, n = np.sort(apart_AN, axis=None), samples_AN.shape[1]  # one sample after another
    sought = apart_AN[first] + len(levels) * (second - first)[:, None]
    below, upto = (np.searchsorted(ordered, sought, side=side) - n * second[:, None] for side in ("left", "right"))
    return np.asarray((below - (n - upto)) / n)


def signed_rank(differences: Array) -> tuple[float, str]:
    """Return the two-sided p of the Wilcoxon signed-rank test (Wilcoxon 1945) and what to know about it."""
    if not differences.any():
        return np.nan, ALL_ZERO
    return signed_rank_p(differences), FEW if np.count_nonzero(differences) < SMALLEST_N else ""


def signed_rank_p(differences: Array) -> float:
    """Return the two-sided p of the Wilcoxon signed-rank test, as scipy.stats.wilcoxon does, zeros being left out.

    Of at most LARGEST_PERMUTED differences that tie, scipy goes through all 2ⁿ signs, which takes a second. Adding one
    rank after another counts the same sums.
    """
    known = differences[differences != 0]
    twice = np.round(2 * rankdata(np.abs(known))).astype(np.int64)  # tied ranks are halves
    ties = len(np.unique(twice)) < len(differences)
    if not ties or len(differences) > LARGEST_PERMUTED:
        return float(wilcoxon(differences).pvalue)
    ways = np.zeros(twice.sum() + 1)
    ways[0] = 1.0
    for rank in twice:
        ways[rank:] = ways[rank:] + ways[:-rank]
    found = twice[known > 0].sum()
    return float(min(1.0, 2 * min(ways[: found + 1].sum(), ways[found:].sum()) / 2.0 ** len(known)))


def differences_of(first: Array, second: Array) -> Array:
    """Return first - second, rounded to 12 digits of the larger numbers so that equal differences are equal."""
    largest = np.maximum(np.abs(first).max(axis=-1, initial=0.0), np.abs(second).max(axis=-1, initial=0.0))
    digits = np.floor(np.log10(np.where(largest > 0, largest, 1.0))) - SIGNIFICANT_DIGITS + 1
    # Powers one by one: those of an array differ by a rounding between processors.
    unit = np.array([10.0**number for number in digits.ravel()]).reshape((*digits.shape, 1))
    return np.asarray(np.round((first - second) / unit) * unit)


def effect_interval(differences: Array) -> Interval:
    """Return the 95 % interval of `hodges_lehmann` and its kind: bca, percentile, wilcoxon, or empty if n < 2.

    Up to LARGEST_RESAMPLED differences are resampled; of more, the interval holds every shift that the signed-rank
    test does not reject (Hollander, Wolfe & Chicken 2014, section 3.3).
    """
    if len(differences) > LARGEST_RESAMPLED:
        return *_inverted(differences), "wilcoxon"
    return resampled((differences,), _hodges_lehmann_along)


def _hodges_lehmann_along(differences: Array, axis: int = -1) -> Array:
    assert axis == -1
    return hodges_lehmann(differences)


def estimate(differences: Array) -> float:
    """Return `hodges_lehmann` of one sample of any size."""
    if len(differences) <= LARGEST_LISTED:
        return float(hodges_lehmann(differences))
    return _middle(np.sort(differences))


def _middle(ordered: Array) -> float:
    """Return the median of all means of two of the ordered numbers: halve their range, then list those that are left.

    The range is first cut on either side of a guess, the median of the means of the lowest with the highest and so on.

    `begin` and `end` say which partners of each number are left: those before `begin` make means below the range.
    """
    n = len(ordered)
    own, all_means = np.arange(n), n * (n + 1) // 2
    places = np.array([(all_means - 1) // 2, all_means // 2])
    begin, end, low, high = own, np.full(n, n), float(ordered[0]), float(ordered[-1])
    guess, near = float(np.median(ordered + ordered[::-1])) / 2, NEAR * (ordered[3 * n // 4] - ordered[n // 4]) / n
    for turn in range(HALVINGS):
        middle = (low + high) / 2 if turn > 1 else guess - near if turn else guess + near
        cut = np.maximum(np.searchsorted(ordered, 2 * middle - ordered, side="right"), own)
        below = (cut - own).sum()
        if below > places[1]:
            end, high = cut, middle
        elif below <= places[0]:
            begin, low = cut, middle
        if (end - begin).sum() <= FEW_LEFT * n or places[0] < below <= places[1]:
            break
    left = end - begin
    partner = np.repeat(begin - np.cumsum(left) + left, left) + np.arange(left.sum())
    means = (np.repeat(ordered, left) + ordered[partner]) / 2
    two = np.partition(means, places - (begin - own).sum())[places - (begin - own).sum()]
    return float(two.sum() / 2)


def estimates(differences_PN: Array) -> Array:
    """Return `estimate` of each row."""
    pairs, n = differences_PN.shape
    if n > LARGEST_LISTED:
        return np.array([estimate(row) for row in differences_PN])
    at_once = max(1, NUMBERS_AT_ONCE // n**2)
    return np.concatenate(
        [hodges_lehmann(differences_PN[start : start + at_once]) for start in range(0, pairs, at_once)]
    )


def _inverted(differences: Array) -> tuple[float, float]:
    n, ordered = len(differences), np.sort(differences)
    width = norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    place = max(1, int(np.floor(n * (n + 1) / 4 - width)))
    return walsh(ordered, place), walsh(ordered, n * (n + 1) // 2 + 1 - place)


def walsh(ordered: Array, place: int) -> float:
    """Return the `place`-th smallest mean of two of the ordered numbers, each with itself too, by bisection."""
    low, high = float(ordered[0]), float(ordered[-1])
    for _ in range(64):
        middle = (low + high) / 2
        below = np.searchsorted(ordered, 2 * middle - ordered, side="right").sum()
        if (below + np.searchsorted(ordered, middle, side="right")) // 2 >= place:
            high = middle
        else:
            low = middle
    return high


def resampled(
    samples: tuple[Array, ...], statistic: Callable[..., Array], resamples: int = RESAMPLES, purpose: str = "pairs"
) -> Interval:
    """Return the 95 % bootstrap interval of a statistic of paired samples and its kind, from fixed random numbers.

    BCa (Efron 1987) where it exists, else the percentile interval, else nan and an empty kind.
    """
    n = len(samples[0])
    if n < 2:
        return np.nan, np.nan, ""
    for method, kind in KINDS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateDataWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            found = bootstrap(
                samples,
                statistic,
                paired=True,
                vectorized=True,
                n_resamples=resamples,
                batch=max(1, NUMBERS_AT_ONCE // n**2),
                confidence_level=CONFIDENCE,
                method=method,
                rng=np.random.default_rng(stream(0, purpose)),
            ).confidence_interval
        if np.isfinite(found.low) and np.isfinite(found.high):
            return float(found.low), float(found.high), kind
    return np.nan, np.nan, ""

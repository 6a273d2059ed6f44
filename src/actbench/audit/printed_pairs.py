"""Activations against each other, with the learning rates chosen again in every resample of seeds."""

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from actbench.audit.chosen_again import errors_again
from actbench.audit.densities import (
    chi2_tail,
    f_tail,
    holm,
    midranks,
    range_point,
    range_tail,
    signed_rank_p,
    t_point,
    t_tail,
)
from actbench.audit.printed_rows import Row
from actbench.audit.raw_rows import BLOCK, Raw, runs_of
from actbench.audit.resampled import ROUNDED, Ends, seed_ends

Array = np.ndarray[Any, np.dtype[np.float64]]
MARGIN, ALPHA, POWER, MOST = 0.01, 0.05, 0.8, 10_000
DIGITS = 12


class Tried(NamedTuple):
    """Every run of a study by activation A, block N, rate L and seed S; nan where there is none."""

    names: list[str]
    val_ANLS: Array
    score_ANLS: Array


@cache
def tried(raw: Raw, study: str) -> Tried:
    """Lay the runs of a study out by activation, block, rate and seed."""
    runs = runs_of(raw, study)
    names, rates, seeds = (sorted(runs[name].unique()) for name in ("activation", "lr", "seed"))
    numbered = runs.assign(block=runs.groupby(BLOCK).ngroup())
    columns = pd.MultiIndex.from_product([names, range(numbered["block"].max() + 1), rates, seeds])
    at = numbered.set_index(["activation", "block", "lr", "seed"])[["val_score", "score"]].reindex(columns)
    shape = len(names), -1, len(rates), len(seeds)
    return Tried(names, at["val_score"].to_numpy().reshape(shape), at["score"].to_numpy().reshape(shape))


def picked(found: Tried, counts_S: Array, among: "list[int] | None" = None) -> Array:
    """Return the scores (A, N, S) at the rate that the counted seeds choose on validation data; the first of equals."""
    means = np.round((found.val_ANLS * counts_S).sum(axis=3) / counts_S.sum(), DIGITS)
    best = np.full(means.shape[:2], -1)
    largest = np.full(means.shape[:2], -np.inf)
    for rate in range(means.shape[2]) if among is None else among:
        better = means[:, :, rate] > largest  # nan is not
        best[better], largest[better] = rate, means[:, :, rate][better]
    a, n = np.indices(best.shape)
    return np.where((best >= 0)[:, :, None], found.score_ANLS[a, n, best], np.nan)


@cache
def scores(raw: Raw, study: str) -> Array:
    """Return the scores (A, N, S) at the rates that all seeds choose."""
    found = tried(raw, study)
    return picked(found, np.ones(found.score_ANLS.shape[3]))


def complete_ranks(mean_AN: Array) -> Array:
    """Rank the activations within each block that holds them all, the highest first: (N, A)."""
    kept = [-np.round(block, DIGITS) for block in mean_AN.T if not np.isnan(block).any()]
    return np.array([midranks(block) for block in kept]).reshape(-1, len(mean_AN))


def omnibus(raw: Raw, study: str) -> Iterator[Row]:
    """Friedman's test with its correction for ties, Iman and Davenport's, and Nemenyi's difference."""
    chosen = scores(raw, study)
    (k, _, seeds), ranks = chosen.shape, complete_ranks(chosen.mean(axis=2))
    n = len(ranks) if k > 1 else 0
    numbers: dict[str, Any] = {"n_activations": k, "n_seeds": seeds, "n_blocks": n, "alpha": ALPHA}
    tests = ("friedman_chi2", "friedman_p", "iman_davenport_f", "iman_davenport_p", "critical_difference")
    numbers |= dict.fromkeys(tests, np.nan)
    if n > 1:
        sums, square = ranks.sum(axis=0), float((ranks**2).sum())  # as Conover (1999, section 5.8) has it
        corrected = n * k * (k + 1) ** 2 / 4
        numbers["critical_difference"] = range_point(ALPHA, k) * np.sqrt(k * (k + 1) / (12 * n))
        if square > corrected + 1e-9:
            chi2 = float((k - 1) * (sums @ sums - n * corrected) / (square - corrected))
            rest = n * (k - 1) - chi2
            alike = rest <= 1e-9 * n * k
            ratio = np.inf if alike else (n - 1) * chi2 / rest
            p = 0.0 if alike else f_tail(ratio, k - 1, (k - 1) * (n - 1))
            numbers |= {"friedman_chi2": chi2, "friedman_p": chi2_tail(chi2, k - 1)}
            numbers |= {"iman_davenport_f": ratio, "iman_davenport_p": p}
    yield (), numbers


def aggregates(raw: Raw, study: str) -> Iterator[Row]:
    """Interquartile mean of each activation over all conditions and seeds."""
    for place, name in enumerate(tried(raw, study).names):
        n, middles, _ = _profile(raw, study, place)
        (low, high), value = middles[0], middles[1]
        numbers = {"n_blocks": n, "n_seeds": scores(raw, study).shape[2], "iqm": value, "low": low, "high": high}
        yield (name,), numbers


def profiles(raw: Raw, study: str) -> Iterator[Row]:
    """Share of the runs of each activation above each score."""
    seeds = scores(raw, study).shape[2]
    for place, name in enumerate(tried(raw, study).names):
        n, _, shares = _profile(raw, study, place)
        for threshold, ((low, high), value) in shares.items() if n else ():
            yield (name, threshold), {
                "n_runs": n * seeds, "n_seeds": seeds, "share_above": value, "low": low, "high": high,
            }  # fmt: skip


@cache
def _profile(raw: Raw, study: str, place: int) -> tuple[int, Any, Any]:
    found = tried(raw, study)
    own = Tried([found.names[place]], found.val_ANLS[[place]], found.score_ANLS[[place]])
    thresholds = [round(0.025 * step, 3) for step in range(41)]

    def numbers(counts_S: Array) -> list[float]:
        chosen = picked(own, counts_S)[0]
        known = chosen[~np.isnan(chosen).any(axis=1)]
        drawn = np.sort(np.repeat(known, counts_S.astype(int), axis=1).ravel())
        cut = len(drawn) // 4
        middle = float(drawn[cut : len(drawn) - cut].mean()) if len(drawn) else np.nan
        return [middle, *(float((drawn > threshold).mean()) if len(drawn) else np.nan for threshold in thresholds)]

    seeds = found.score_ANLS.shape[3]
    ends = seed_ends(lambda counts_MS: np.array([numbers(counts_S) for counts_S in counts_MS]).T, seeds)
    whole, chosen = numbers(np.ones(seeds)), scores(raw, study)[place]
    pairs = list(zip(ends, whole, strict=True))
    return int((~np.isnan(chosen).any(axis=1)).sum()), pairs[0], dict(zip(thresholds, pairs[1:], strict=True))


def middle_of_means(differences: Array) -> float:
    """Return the median of the means of two differences, each with itself too (Hodges & Lehmann 1963)."""
    first, second = np.triu_indices(len(differences))
    return float(np.median((differences[first] + differences[second]) / 2))


def pairs(raw: Raw, study: str) -> Iterator[Row]:
    """Every two activations in their common blocks: effects over blocks, tests, verdicts, seeds to add."""
    found, chosen = tried(raw, study), scores(raw, study)
    places = list(combinations(range(len(found.names)), 2))
    if not places:
        return
    seeds = chosen.shape[2]
    ends = seed_ends(lambda counts: np.array([_effects(picked(found, row), row, places) for row in counts]).T, seeds)
    whole, tests = _effects(chosen, np.ones(seeds), places), [_tests(chosen, *pair) for pair in places]
    adjusted = holm(np.array([test["p"] for test in tests]))
    settled = _settled_pairs(found, places)
    tests = [one | {"p_holm": p} | two for one, p, two in zip(tests, adjusted, settled, strict=True)]
    for row, ((first, second), test) in enumerate(zip(places, tests, strict=True)):
        numbers: dict[str, Any] = {"n_seeds": seeds, "margin": MARGIN, "family": f"{study}/pairs"} | test
        for column, name in enumerate(("effect", "cliffs_delta", "improvement")):
            prefix, at = "" if name == "effect" else f"{name}_", 3 * row + column
            numbers |= {name: whole[at], f"{prefix}low": ends[at][0], f"{prefix}high": ends[at][1]}
        verdict = found.names[first] if numbers["effect"] > 0 else found.names[second]
        verdict = verdict if test["p_holm"] < ALPHA and numbers["effect"] != 0 else "undecided"
        numbers["verdict"] = "equivalent" if numbers.pop("equivalent") else verdict
        yield (found.names[first], found.names[second]), numbers


def _effects(chosen: Array, counts: Array, places: list[tuple[int, int]]) -> list[float]:
    share = counts / counts.sum()
    means, numbers = chosen @ share, []
    for first, second in places:
        both = ~np.isnan(means[first] + means[second])
        if not both.any():
            numbers += [np.nan] * 3
            continue
        one, other = np.round(means[first][both], DIGITS), np.round(means[second][both], DIGITS)
        won = (np.sign(chosen[first][both] - chosen[second][both]) + 1) / 2
        delta = np.sign(one[:, None] - other[None, :]).mean()
        numbers += [middle_of_means(np.round(one - other, DIGITS)), float(delta), float((won @ share).mean())]
    return numbers


def _tests(chosen: Array, first: int, second: int) -> dict[str, Any]:
    difference = chosen[first] - chosen[second]
    known = difference[~np.isnan(difference).any(axis=1)]
    of_block = np.round(known.mean(axis=1), DIGITS)
    wins, losses = int((of_block > MARGIN).sum()), int((of_block < -MARGIN).sum())
    numbers: dict[str, Any] = {"n_blocks": len(known), "wins": wins, "losses": losses}
    numbers |= {"ties": len(known) - wins - losses, "p": signed_rank_p(of_block)}
    ranks = complete_ranks(chosen.mean(axis=2))
    n, k = ranks.shape
    gap = abs(float(ranks[:, first].mean() - ranks[:, second].mean())) if n > 1 else np.nan
    numbers["nemenyi_p"] = range_tail(gap / np.sqrt(k * (k + 1) / (12 * n)), k) if n > 1 else np.nan
    return numbers


def _settled_pairs(found: Tried, places: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Return p of equivalence, corrected too, and the seeds to add; where the error was drawn, what these may be."""
    seeds = found.score_ANLS.shape[3]

    def differences(counts_MS: Array) -> Array:
        drawn = [picked(found, counts) for counts in counts_MS]
        return np.array([[_of_seed(chosen, *pair) for chosen in drawn] for pair in places])

    errors = errors_again(differences, [[row] for row in range(len(places))], seeds)
    middles = [float(row.mean()) for row in differences(np.ones((1, seeds)))[:, 0]]
    known = list(zip(middles, errors, strict=True))
    sides = [[_settled(middle, error + way * slack, seeds) for middle, (error, slack) in known] for way in (-1, 1)]
    # where a mean lies beyond the margin p falls as the error grows
    spans = [{name: sorted((a[name], b[name])) for name in a} for a, b in zip(*sides, strict=True)]
    corrected = [holm(np.array([span["tost_p"][end] for span in spans])) for end in (0, 1)]
    rows = []
    for span, *holms in zip(spans, *corrected, strict=True):
        both = {**span, "tost_p_holm": [float(holms[0]), float(holms[1])]}
        exact = all(a == b or np.isnan(a) for a, b in both.values())
        ends = {name: Ends({"p": (a - ROUNDED, b + ROUNDED)}) for name, (a, b) in both.items()}
        row: dict[str, Any] = {name: pair[0] if exact else ends[name] for name, pair in both.items()}
        rows.append(row | {"equivalent": sum(both["tost_p_holm"]) / 2 < ALPHA})
    return rows


def _of_seed(chosen: Array, first: int, second: int) -> Array:
    """Return the mean difference over common blocks in each seed."""
    difference = chosen[first] - chosen[second]
    known = difference[~np.isnan(difference).any(axis=1)]
    return known.mean(axis=0) if len(known) else np.full(chosen.shape[2], np.nan)


def _settled(middle: float, error: float, s: int) -> dict[str, float]:
    if s < 2 or np.isnan(middle):
        return {"tost_p": np.nan, "more_seeds": np.nan}
    deviation = max(error * s**0.5, 1e-12)
    error = deviation / s**0.5
    p = max(t_tail((middle + MARGIN) / error, s - 1), t_tail((MARGIN - middle) / error, s - 1))
    found = _needed(abs(middle) / deviation, 1 - ALPHA / 2, POWER)
    within = _needed(max(MARGIN - abs(middle), 0.0) / deviation, 1 - ALPHA, (1 + POWER) / 2)
    return {"tost_p": p, "more_seeds": max(min(found, within) - s, 0.0)}


def _needed(distance: float, level: float, power: float) -> float:
    """Return the fewest seeds n, from 2, with √n · distance ≥ t(level) + t(power); inf above MOST."""

    def enough(n: int) -> bool:
        return bool(np.sqrt(n) * distance >= t_point(level, n - 1) + t_point(power, n - 1))

    if not enough(MOST):
        return np.inf
    low, high = 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return float(high)

"""Means over seeds of scores at chosen rates, resampled with the choice made again, by plain sums of this path's own.

Shape letters: C conditions, L rates, S seeds, M resamples, K members of groups.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from actbench.audit.densities import t_point
from actbench.audit.printed_rows import Numbers
from actbench.audit.raw_rows import CONDITION, Raw, chosen, runs_of
from actbench.audit.resampled import ROUNDED, Ends, resamples, slack_of, spread_of

Array = np.ndarray[Any, np.dtype[np.float64]]
Resampled = Callable[[Array], Array]  # how often each seed stands in each resample (M, S) -> numbers (K, M, S)
DIGITS = 12


class Laid(NamedTuple):
    """Every run of a study by condition, rate and seed, nan where there is none; failed runs are ranked as -1."""

    places: dict[tuple[Any, ...], int]
    rates: list[Any]
    seeds: list[Any]
    val_CLS: Array
    score_CLS: Array
    ranked_CLS: Array


@cache
def laid(raw: Raw, study: str) -> Laid:
    """Lay the runs of a study out."""
    runs = runs_of(raw, study)
    keys = sorted(set(zip(*(runs[name] for name in CONDITION), strict=True)))
    places = {key: place for place, key in enumerate(keys)}
    rates, seeds = sorted(runs["lr"].unique()), sorted(runs["seed"].unique())
    ranked = runs.assign(ranked=np.where(runs["failed"], -1.0, runs["score"]))
    tables = [_table(ranked, name, places, rates, seeds) for name in ("val_score", "score", "ranked")]
    return Laid(places, rates, seeds, *tables)


def _table(rows: pd.DataFrame, value: str, places: dict[Any, int], rates: list[Any], seeds: list[Any]) -> Array:
    table = np.full((len(places), len(rates), len(seeds)), np.nan)
    keys = zip(*(rows[name] for name in CONDITION), strict=True)
    for key, lr, seed, number in zip(keys, rows["lr"], rows["seed"], rows[value], strict=True):
        table[places[key], rates.index(lr), seeds.index(seed)] = number
    return table


def others_again(raw: Raw, study: str, rows: pd.DataFrame, value: str) -> Resampled:
    """Return what gives other numbers of the runs of a study at the rates of each resample: rows hold one a run."""
    found = laid(raw, study)
    values_CLS = _table(rows, value, found.places, found.rates, found.seeds)
    return lambda counts_MS: redrawn(found.val_CLS, values_CLS, counts_MS)


@cache
def placed(raw: Raw, study: str) -> pd.DataFrame:
    """Return the runs at the chosen rates with the `place` of their conditions."""
    runs, places = chosen(raw, study), laid(raw, study).places
    return runs.assign(place=[places[key] for key in zip(*(runs[name] for name in CONDITION), strict=True)])


def redrawn(val_CLS: Array, values_CLS: Array, counts_MS: Array) -> Array:
    """Return the values (C, M, S) at the rates that the counted seeds choose by val_score, the first of equals."""
    known = ~np.isnan(val_CLS)
    totals, sizes = np.where(known, val_CLS, 0.0) @ counts_MS.T, known.astype(float) @ counts_MS.T  # (C, L, M)
    best = np.full((len(val_CLS), len(counts_MS)), -1)
    largest = np.full(best.shape, -np.inf)
    for rate in range(val_CLS.shape[1]):
        mean = np.where(sizes[:, rate] > 0, np.round(totals[:, rate] / np.maximum(sizes[:, rate], 1), DIGITS), -np.inf)
        best, largest = np.where(mean > largest, rate, best), np.maximum(mean, largest)
    picked = values_CLS[np.arange(len(best))[:, None], best]
    return np.where(best[:, :, None] < 0, np.nan, picked)


def seeds_of(raw: Raw, study: str) -> int:
    """Return the number of seeds of a study."""
    return len(laid(raw, study).seeds)


def scores_again(raw: Raw, study: str) -> Resampled:
    """Return what gives the scores of all conditions of a study at the rates of each resample."""
    found = laid(raw, study)
    return lambda counts_MS: redrawn(found.val_CLS, found.score_CLS, counts_MS)


def intervals_again(of: Resampled, groups: Sequence[Any], seeds: int, bounds: Any = (-np.inf, np.inf)) -> list[Numbers]:
    """Return Student's interval of each group's mean over seeds of the mean over its members K, within bounds."""
    whole, once = of(np.ones((1, seeds))), np.ones((1, seeds))
    found = []
    for group, (error, slack) in zip(groups, errors_again(of, groups, seeds), strict=True):
        middle = float(_mean(whole[group], once)[0])
        used = int((~np.isnan(whole[group]).all(axis=(0, 1))).sum())
        t = t_point(0.975, used - 1) if used > 1 else np.nan
        low, high = (np.clip(middle + way * t * error, *bounds) for way in (-1, 1))
        ends: Numbers = {"low": float(low), "high": float(high), "interval": "student" if used > 1 else ""}
        for name in ("low", "high") if slack else ():
            wide = t * slack + ROUNDED
            ends[name] = Ends({"student": (ends[name] - wide, ends[name] + wide)})
        found.append(ends)
    return found


def errors_again(of: Resampled, groups: Sequence[Any], seeds: int) -> list[tuple[float, float]]:
    """Return the standard error of each group's mean, by the spread of resamples, and its slack."""
    found = [(np.nan, 0.0)] * len(groups)
    for own, means, used in _alike(of, groups, seeds):
        if used < 2:
            continue
        for group, numbers in zip(own, means(resamples(used)[0]), strict=True):
            error = spread_of(numbers, used)
            found[group] = error, error * slack_of(used)
    return found


def _alike(of: Resampled, groups: Sequence[Any], seeds: int) -> list[tuple[list[int], Callable[[Array], Array], int]]:
    """Put groups together that have the same seeds, with what gives their means from counts of these, and how many."""
    whole = of(np.ones((1, seeds)))[:, 0]
    own = [tuple(np.flatnonzero(~np.isnan(whole[group]).all(axis=0)).tolist()) for group in groups]
    return [
        ([place for place, used in enumerate(own) if used == seen], _means_of(of, groups, own, seen, seeds), len(seen))
        for seen in sorted(set(own))
    ]


def _means_of(
    of: Resampled, groups: Sequence[Any], own: list[tuple[int, ...]], seen: tuple[int, ...], seeds: int
) -> Callable[[Array], Array]:
    def means(counts: Array) -> Array:
        spread = np.zeros((len(counts), seeds))
        spread[:, list(seen)] = counts
        values = of(spread)
        return np.array([_mean(values[group], spread) for group, used in zip(groups, own, strict=True) if used == seen])

    return means


def _mean(values_KMS: Array, counts_MS: Array) -> Array:
    """Return the mean over drawn seeds of the mean over members that have a value in them."""
    known = ~np.isnan(values_KMS)
    members = known.sum(axis=0)
    of_seed = np.where(known, values_KMS, 0.0).sum(axis=0) / np.maximum(members, 1)
    weights = counts_MS * (members > 0)
    drawn = weights.sum(axis=1)
    return np.where(drawn > 0, (of_seed * weights).sum(axis=1) / np.maximum(drawn, 1), np.nan)

"""The error of a claim's effect when every resample of seeds chooses its learning rates, block by block.

A block's numbers hang on the rates of its own conditions alone, which few resamples change, so each choice that
occurs is derived once. Shape letters: K conditions of a block, S seeds, M resamples.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from actbench.audit.claim_effects import CONTRASTS, Array, block, places
from actbench.audit.claim_runs import has
from actbench.audit.densities import midranks
from actbench.audit.raw_rows import CONDITION
from actbench.audit.resampled import resamples, slack_of, spread_of
from actbench.plan.ledger import ClaimTest

DIGITS = 12
LARGEST_T = 2.4  # of Student's intervals of more than LISTED seeds
FIXED = ("interaction_share",)  # rules whose numbers by seed are those of one choice of rates


class Seen(NamedTuple):
    """A condition at one rate: value and whether it is bad, by seed, nan where there is no run; its side and place."""

    value_S: Array
    bad_S: Array
    this: bool
    place: float


Cell = dict[float, Seen]  # by rate


def error_again(rows: pd.DataFrame, test: ClaimTest) -> tuple[float | None, float]:
    """Return the standard error of the mean effect and the slack of its interval; None where all choose the same rates.

    Args:
        rows: the runs at all rates, from `claim_runs.tried_for_test`.
        test: the test of the ledger.
    """
    seeds = sorted(rows["seed"].unique())
    if test.rates == "each" or test.rule in FIXED or len(seeds) < 2 or rows["lr"].nunique() < 2:
        return None, 0.0
    counts, _ = resamples(len(seeds))
    cells: list[Any] = list(zip(*(rows[name] for name in CONDITION), strict=True))
    named = rows.assign(cell=cells)
    rates = {cell: _rates(own, seeds, counts) for cell, own in named.groupby("cell", sort=False)}
    if all(len(set(chosen)) == 1 for chosen in rates.values()):
        return None, 0.0
    parts = [_of_part(own, test, seeds, rates) for own in _parts(named, test)]
    numbers = _mean(np.array(parts), axis=0)  # (M, S)
    means = _mean(np.where(counts > 0, numbers, np.nan), axis=1, weights=counts)
    error = spread_of(means, len(seeds))
    return error, LARGEST_T * error * slack_of(len(seeds))


def _rates(own: pd.DataFrame, seeds: list[Any], counts: Array) -> list[float]:
    """Return the rate that each resample chooses for a condition: the highest mean merit, the smallest of equals."""
    rates = sorted(own["lr"].unique())
    merits = np.full((len(rates), len(seeds)), np.nan)
    for lr, seed, merit in zip(own["lr"], own["seed"], own["merit"], strict=True):
        merits[rates.index(lr), seeds.index(seed)] = merit
    drawn = _mean(np.broadcast_to(merits[:, None], (len(merits), *counts.shape)), axis=2, weights=counts)
    means = np.where(np.isnan(drawn), -np.inf, np.round(drawn, DIGITS))
    return [float(rates[place]) for place in means.argmax(axis=0)]


def _parts(rows: pd.DataFrame, test: ClaimTest) -> Iterator[pd.DataFrame]:
    """Yield the runs of each block, or all where a rule takes no blocks."""
    if test.rule not in (*CONTRASTS, "slope"):
        yield rows
        return
    rows = rows[has(rows, test.this) | has(rows, test.that)]
    by = [name for name in block(test) if rows[name].nunique() > 1]
    yield from (own for _, own in rows.groupby(by)) if by else [rows]


def _of_part(rows: pd.DataFrame, test: ClaimTest, seeds: list[Any], rates: dict[Any, list[float]]) -> Array:
    """Return the numbers (M, S) of a block or of all runs in each seed at the rates of each resample."""
    cells = _cells(rows, test, seeds)
    choices = list(zip(*(rates[cell] for cell in cells), strict=True))
    rule = RULES[test.rule]
    found = {}
    for choice in set(choices):
        seen = [own[rate] for own, rate in zip(cells.values(), choice, strict=True) if rate in own]
        found[choice] = rule(seen, test)
    return np.array([found[choice] for choice in choices])


def _cells(rows: pd.DataFrame, test: ClaimTest, seeds: list[Any]) -> dict[Any, Cell]:
    """Sort runs by condition and rate."""
    this = has(rows, test.this)
    bad = rows["failed"] if test.outcome == "failed" else ~rows["trained"]
    found: dict[Any, Cell] = {}
    columns = (rows["cell"], rows["lr"], rows["seed"], rows["value"], bad, this, places(rows, test))
    for cell, lr, seed, value, ill, first, place in zip(*columns, strict=True):
        own = found.setdefault(cell, {})
        if lr not in own:
            own[lr] = Seen(np.full(len(seeds), np.nan), np.full(len(seeds), np.nan), bool(first), float(place))
        own[lr].value_S[seeds.index(seed)], own[lr].bad_S[seeds.index(seed)] = value, float(ill)
    return found


def _difference(seen: list[Seen], test: ClaimTest) -> Array:
    values, this = np.array([one.value_S for one in seen]), np.array([one.this for one in seen])
    if test.scale == "rank":
        runs = ~np.isnan([one.bad_S for one in seen])
        for seed in range(values.shape[1]):
            held = runs[:, seed]
            values[held, seed] = midranks(-np.where(np.isnan(values[held, seed]), -np.inf, values[held, seed]))
    return _mean(values[this], axis=0) - _mean(values[~this], axis=0)


def _slope(seen: list[Seen], test: ClaimTest) -> Array:
    sides = [[one for one in seen if one.this == side] for side in ((True, False) if test.this else (True,))]
    lines = [_line(np.array([one.place for one in side]), np.array([one.value_S for one in side])) for side in sides]
    return lines[0] - lines[1] if test.this else lines[0]


def _line(place_K: Array, value_KS: Array) -> Array:
    """Return the slope of each seed's line: covariance over variance."""
    if not len(place_K):
        return np.full(1, np.nan)
    found = []
    for values in value_KS.T:
        known = ~np.isnan(values) & ~np.isnan(place_K)
        x, y = place_K[known], values[known]
        found.append(float(np.cov(x, y, ddof=0)[0, 1] / np.var(x)) if len(set(x)) > 1 else np.nan)
    return np.array(found)


def _average(seen: list[Seen], test: ClaimTest) -> Array:
    return _mean(np.array([one.value_S for one in seen]), axis=0)


def _largest(seen: list[Seen], test: ClaimTest) -> Array:
    values = np.array([one.value_S for one in seen])
    most = np.where(np.isnan(values), -np.inf, values).max(axis=0)
    return np.where(np.isneginf(most), np.nan, most)


def _pairs_won(seen: list[Seen], test: ClaimTest) -> Array:
    """Return the share of pairs of a bad run and a good one in which the bad one has the more telling value."""
    found, sign = [], 1.0 if test.direction == "higher" else -1.0
    values, bad = np.array([sign * one.value_S for one in seen]), np.array([one.bad_S for one in seen])
    for value, ill in zip(values.T, bad.T, strict=True):
        a, b = value[(ill == 1) & ~np.isnan(value)], value[(ill == 0) & ~np.isnan(value)]
        won = (a[:, None] > b).mean() + (a[:, None] == b).mean() / 2 if len(a) and len(b) else np.nan
        found.append(float(won))
    return np.array(found)


def _mean(values: Array, axis: int, weights: Any = 1.0) -> Array:
    """Return the mean of what is known; nan where nothing is."""
    known = ~np.isnan(values) * weights
    total = known.sum(axis=axis)
    sums = (np.where(np.isnan(values), 0.0, values) * known).sum(axis=axis)
    return np.asarray(np.where(total > 0, sums / np.where(total > 0, total, 1.0), np.nan))


RULES: dict[str, Callable[[list[Seen], ClaimTest], Array]] = {
    "difference": _difference,
    "equivalence": _difference,
    "slope": _slope,
    "mean": _average,
    "auc": _pairs_won,
    "law": _largest,
}

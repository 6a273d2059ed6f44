"""The error of a claim's effect when every resample of seeds chooses its learning rates, block by block.

A block's numbers hang on the rates of its own conditions alone, which few resamples change, so each choice that
occurs is derived once, by the rules of `claim_effects`, from the runs at these rates.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.claim_effects import CONTRASTS, Array, block, by_seed
from actbench.audit.claim_runs import has
from actbench.audit.raw_rows import CONDITION
from actbench.audit.resampled import LISTED, OWN, REACH, STATISTICS, resamples
from actbench.plan.ledger import ClaimTest

DIGITS = 12
HEAVY = 2.0  # how much farther than those of normal numbers standard deviations of resamples scatter
LARGEST_T = 2.4  # of Student's intervals of more than LISTED seeds
FIXED = ("interaction_share",)  # rules whose numbers by seed are those of one choice of rates
Choice = dict[Any, float]  # rate of each condition


def error_again(rows: pd.DataFrame, test: ClaimTest) -> tuple[float | None, float]:
    """Return the standard error of the mean effect and the slack of its interval; None where all choose the same rates.

    Args:
        rows: the runs at all rates, from `claim_runs.tried_for_test`.
        test: the test of the ledger.
    """
    seeds = sorted(rows["seed"].unique())
    if test.rates == "each" or test.rule in FIXED or len(seeds) < 2 or rows["lr"].nunique() < 2:
        return None, 0.0
    counts, chances = resamples(len(seeds))
    cells: list[Any] = list(zip(*(rows[name] for name in CONDITION), strict=True))
    named = rows.assign(cell=cells)
    rates = {cell: _rates(own, seeds, counts) for cell, own in named.groupby("cell", sort=False)}
    if all(len(set(chosen)) == 1 for chosen in rates.values()):
        return None, 0.0
    parts = [_of_part(own, test, seeds, rates) for own in _parts(named, test)]
    numbers = _mean(np.array(parts), axis=0)  # (M, S)
    means = _mean(np.where(counts > 0, numbers, np.nan), axis=1, weights=counts)
    known = ~np.isnan(means)
    weights = chances[known] / chances[known].sum()
    variance = float(weights @ (means[known] - weights @ means[known]) ** 2)
    error = float(np.sqrt(variance * len(seeds) / (len(seeds) - 1)))
    own = np.sqrt((1 / STATISTICS + 1 / OWN) / 2)
    return error, 0.0 if len(seeds) <= LISTED else HEAVY * REACH * LARGEST_T * error * float(own)


def _rates(own: pd.DataFrame, seeds: list[Any], counts: Array) -> list[float]:
    """Return the rate that each resample chooses for a condition: the highest mean merit, the smallest of equals."""
    merits = own.pivot(index="lr", columns="seed", values="merit").sort_index().reindex(columns=seeds)
    drawn = _mean(np.broadcast_to(merits.to_numpy()[:, None], (len(merits), *counts.shape)), axis=2, weights=counts)
    means = np.where(np.isnan(drawn), -np.inf, np.round(drawn, DIGITS))
    return [float(merits.index[place]) for place in means.argmax(axis=0)]


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
    cells = list(rows["cell"].unique())
    choices = list(zip(*(rates[cell] for cell in cells), strict=True))
    found = {choice: _numbers(rows, test, seeds, dict(zip(cells, choice, strict=True))) for choice in set(choices)}
    return np.array([found[choice] for choice in choices])


def _numbers(rows: pd.DataFrame, test: ClaimTest, seeds: list[Any], rate: Choice) -> list[float]:
    kept = rows[[lr == rate[cell] for cell, lr in zip(rows["cell"], rows["lr"], strict=True)]]
    numbers = {} if kept["value"].isna().all() else by_seed(kept, test)[0]
    return [numbers.get(seed, np.nan) for seed in seeds]


def _mean(values: Array, axis: int, weights: Any = 1.0) -> Array:
    """Return the mean of what is known; nan where nothing is."""
    known = ~np.isnan(values) * weights
    total = known.sum(axis=axis)
    sums = (np.where(np.isnan(values), 0.0, values) * known).sum(axis=axis)
    return np.where(total > 0, sums / np.where(total > 0, total, 1.0), np.nan)

"""The few rules by which runs become effects: one number a seed, so that the seed stays the unit.

Every rule takes cells with the factors, value, failed and trained, and returns effects by seed; what stands before the
cells, resamples with their choices of rates, stands before the seeds. A block is a combination of all factors but those
that the test itself varies; both sides of a contrast stand in it.
Shape letters: C cells, S seeds, B blocks, K cells of a block, x resamples or nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from actbench.analysis.claim_cells import Cells
from actbench.analysis.metrics import CONDITION, varying
from actbench.analysis.rate_choice import Array, Flags, Places, group_means
from actbench.plan.config import Levels
from actbench.plan.factors import FACTORS
from actbench.plan.ledger import ClaimTest
from actbench.plan.level import parse_level

NO_SPREAD = 1e-12  # of the axis of a slope, squared


@dataclass(frozen=True)
class Effects:
    """Effects by seed, nan where a seed has none, the runs behind them, and why some runs are not among them."""

    by_seed: Array
    n_runs: int
    note: str = ""


def matches(rows: pd.DataFrame, levels: Levels) -> "pd.Series[bool]":
    """Tell for each row whether it has one of the levels of every named factor."""
    kept = pd.Series(True, index=rows.index)
    for factor, values in levels.items():
        kept &= rows[factor].isin(values)
    return kept


def block_of(test: ClaimTest, *varied: str) -> list[str]:
    """Return the factors that name a block: all but those of the contrast and `varied`."""
    used = {*test.this, *test.that, *varied}
    return [name for name in [*CONDITION, *(["lr"] if test.rates == "each" else [])] if name not in used]


def _blocks(levels: pd.DataFrame, names: list[str]) -> Places:
    """Return the number of each cell's block."""
    by = varying(levels, names)
    return np.asarray(levels.groupby(by).ngroup(), dtype=np.intp) if by else np.zeros(len(levels), dtype=np.intp)


def _sides(levels: pd.DataFrame, test: ClaimTest) -> tuple[Flags, Flags]:
    """Tell which cells stand on the one side and which on the other, which without levels is all the rest."""
    this = matches(levels, test.this).to_numpy()
    return this, ~this & matches(levels, test.that).to_numpy()


def difference(cells: Cells, test: ClaimTest) -> Effects:
    """Return the mean over blocks of the value under `this` less that under `that`, for each seed."""
    block, (this, that) = _blocks(cells.levels, block_of(test)), _sides(cells.levels, test)
    run_xCS = cells.run_xCS & (this | that)[:, None]
    value = np.where(run_xCS, cells.value_xCS, np.nan)
    if test.scale == "rank":
        value = _ranks(np.where(run_xCS, np.nan_to_num(value, nan=-np.inf), np.nan), block)
    n = int(block.max(initial=-1)) + 1
    first, second = (group_means(value[..., side, :], block[side], n) for side in (this, that))
    apart_xBS = first - second
    used = int((~np.isnan(value) & ~np.isnan(apart_xBS)[..., block, :]).sum())
    return Effects(_mean(apart_xBS), used, _missing(int(run_xCS.sum()) - used))


def _mean(values_xBS: Array) -> Array:
    """Return the mean over blocks or cells that have a value; nan where none has."""
    return group_means(values_xBS, np.zeros(values_xBS.shape[-2], dtype=np.intp), 1)[..., 0, :]


def _ranks(value_xCS: Array, block_C: Places) -> Array:
    """Rank the values of each seed within each block, the highest first; ties share their mean rank, nan has none."""
    order = np.argsort(block_C, kind="stable")
    blocks, starts, sizes = np.unique(block_C[order], return_index=True, return_counts=True)
    place_BK = np.full((len(blocks), int(sizes.max(initial=0))), -1)
    for row, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        place_BK[row, :size] = order[start : start + size]
    padded = np.where((place_BK < 0)[:, :, None], np.nan, value_xCS[..., place_BK, :])
    own, other = padded[..., :, None, :], padded[..., None, :, :]
    ranks = (other > own).sum(axis=-2) + ((other == own).sum(axis=-2) + 1) / 2
    found = np.full_like(value_xCS, np.nan)
    found[..., place_BK[place_BK >= 0], :] = ranks[..., place_BK >= 0, :]
    return np.where(np.isnan(value_xCS), np.nan, found)


def slope(cells: Cells, test: ClaimTest) -> Effects:
    """Return the mean over blocks of the least-squares slope over a factor; with `this`, its change from `that`.

    slope = Σ (x - x̄)(y - ȳ) / Σ (x - x̄)² within a block and seed.
    """
    x = np.asarray(factor_values(cells.levels[test.over], test.over, test.over_scale), dtype=np.float64)
    block, (this, that) = _blocks(cells.levels, block_of(test, test.over)), _sides(cells.levels, test)
    sides = (this, that) if test.this else (this,)  # without `this` every cell stands there
    n = int(block.max(initial=-1)) + 1
    slopes = [_slopes(x[side], cells.value_xCS[..., side, :], block[side], n) for side in sides]
    used = int((~np.isnan(cells.value_xCS) & np.any(sides, axis=0)[:, None]).sum())
    left = 0 if test.this else int(cells.run_xCS.sum()) - used
    return Effects(_mean(slopes[0] - slopes[1] if test.this else slopes[0]), used, _missing(left))


def _slopes(x_C: Array, value_xCS: Array, block_C: Places, n: int) -> Array:
    known = ~np.isnan(value_xCS) & ~np.isnan(x_C)[:, None]
    x, y = (np.where(known, part, np.nan) for part in (x_C[:, None], value_xCS))
    x, y = (part - group_means(part, block_C, n)[..., block_C, :] for part in (x, y))
    xy, xx = group_means(x * y, block_C, n), group_means(x * x, block_C, n)
    spread = xx > NO_SPREAD
    return np.where(spread, xy / np.where(spread, xx, 1.0), np.nan)


def factor_values(levels: "pd.Series[Any]", factor: str, scale: str) -> "pd.Series[float]":
    """Return the number of each level: itself, or its one argument; missing where it has none."""
    numbers = {level: _number(factor, level) for level in levels.unique()}
    values = levels.map(numbers).astype("float64")
    if scale == "linear":
        return values
    return pd.Series((np.log10 if scale == "log10" else np.log2)(values.where(values > 0)), index=values.index)


def _number(factor: str, level: object) -> float:
    if FACTORS[factor].kind != "level":
        return float(str(level))
    arguments = parse_level(factor, str(level)).arguments
    return arguments[0] if len(arguments) == 1 else np.nan


def mean(cells: Cells, test: ClaimTest) -> Effects:
    """Return the mean value over runs, for each seed."""
    used = int((~np.isnan(cells.value_xCS)).sum())
    return Effects(_mean(cells.value_xCS), used, _missing(int(cells.run_xCS.sum()) - used))


def largest(cells: Cells, test: ClaimTest) -> Effects:
    """Return the largest value over runs, for each seed: how far a law is broken."""
    known = ~np.isnan(cells.value_xCS)
    most = np.where(known, cells.value_xCS, -np.inf).max(axis=-2, initial=-np.inf)
    return Effects(np.where(known.any(axis=-2), most, np.nan), int(known.sum()))


def auc(cells: Cells, test: ClaimTest) -> Effects:
    """Return for each seed how well the value tells bad runs from good: area under the ROC curve.

    P(value of a bad run > value of a good one) + P(equal) / 2, by ranks (Hanley & McNeil 1982); smaller values foretell
    when the direction is `lower`.
    """
    known = ~np.isnan(cells.value_xCS)
    bad = cells.failed_xCS == 1 if test.outcome == "failed" else cells.trained_xCS == 0
    signed = cells.value_xCS if test.direction == "higher" else -cells.value_xCS
    areas = np.full((*known.shape[:-2], known.shape[-1]), np.nan)
    for *place, seed in np.ndindex(areas.shape):
        at = (*place, slice(None), seed)
        areas[(*place, seed)] = _area(signed[at][known[at]], bad[at][known[at]])
    lost = int((np.isnan(areas) & known.any(axis=-2)).sum())
    notes = [f"{lost} seeds without both outcomes" if lost else "", _missing(int((cells.run_xCS & ~known).sum()))]
    return Effects(areas, int(known.sum()), "; ".join(filter(None, notes)))


def _area(values: Array, bad: Flags) -> float:
    n_bad, n_good = int(bad.sum()), int((~bad).sum())
    if not n_bad or not n_good:
        return np.nan
    return float((rankdata(values)[bad].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def interaction_share(cells: Cells, test: ClaimTest) -> Effects:
    """Return which share of the variance within a seed is due to two-way interactions that all seeds share.

    Of a balanced full factorial, with z the sum of the two-way interactions of a seed, a vector over cells: share =
    mean over pairs of two seeds s ≠ t of z_s·z_t, over the mean total sum of squares of a seed. Noise adds to z_s·z_s,
    which is left out, and nothing on average to the rest, as in ω² (Hays 1963). The numbers by seed are those of the
    jackknife, S·share - (S - 1)·share without the seed (Tukey 1958); below three seeds each has the share itself. They
    are those of one choice of rates: a seed that is drawn twice would count its own noise as shared.
    Factors are those that vary; with `rates: each` the learning rate is among them.
    """
    factors, n_runs = varying(cells.levels, list(map(str, cells.levels))), int(cells.run_xCS.sum())
    whole = len(cells.levels) == np.prod([cells.levels[name].nunique() for name in factors])
    if len(factors) < 2 or not whole or not cells.run_xCS.all():
        return Effects(np.empty(0), n_runs, "not a full factorial of two factors or more")
    place_C = tuple(pd.factorize(cells.levels[name])[0] for name in factors)
    cube = np.empty((*(int(place.max()) + 1 for place in place_C), cells.value_xCS.shape[1]))  # an axis a factor; seeds
    cube[place_C] = cells.value_xCS
    axes = range(len(factors))
    cube -= cube.mean(axis=tuple(axes))

    def mean_of(*kept: int) -> Array:
        return np.asarray(cube.mean(axis=tuple(axis for axis in axes if axis not in kept), keepdims=True))

    z = sum((mean_of(*pair) for pair in combinations(axes, 2)), start=np.zeros_like(cube))
    z -= (len(factors) - 1) * sum((mean_of(axis) for axis in axes), start=np.zeros_like(cube))  # each is in those pairs
    z_CS, total_CS = (part.reshape(-1, part.shape[-1]) for part in (z, cube))
    shares = _jackknifed(z_CS.T @ z_CS, (total_CS**2).sum(axis=0))
    return Effects(shares, n_runs)


def _jackknifed(products_SS: Array, totals_S: Array) -> Array:
    n = len(totals_S)
    whole = _share(products_SS, totals_S)
    if n < 3:
        return np.full(n, whole)
    kept = [np.delete(np.arange(n), seed) for seed in range(n)]
    return np.array([n * whole - (n - 1) * _share(products_SS[np.ix_(own, own)], totals_S[own]) for own in kept])


def _share(products_SS: Array, totals_S: Array) -> float:
    """Return the mean product of two seeds, or of the one that there is, over the mean total."""
    n, total = len(totals_S), float(totals_S.mean())
    product = float(products_SS.sum()) if n == 1 else float(products_SS.sum() - products_SS.trace()) / (n * (n - 1))
    return product / total if total > 0 else np.nan


def _missing(count: int) -> str:
    return f"{count} runs without a value or a partner" if count else ""


EFFECTS: dict[str, Callable[[Cells, ClaimTest], Effects]] = {
    "difference": difference,
    "equivalence": difference,
    "slope": slope,
    "mean": mean,
    "auc": auc,
    "interaction_share": interaction_share,
    "law": largest,
}
ONE_CHOICE = ("interaction_share",)  # rules whose intervals do not choose the learning rates again

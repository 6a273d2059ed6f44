"""The few rules by which runs become effects: one number a seed, so that the seed stays the unit.

Every rule takes rows with the factors, `seed`, `value`, `failed` and `trained`, and returns effects by seed. A block is
a combination of all factors but those that the test itself varies; both sides of a contrast stand in it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from actbench.analysis.metrics import CONDITION, varying
from actbench.plan.config import Levels
from actbench.plan.factors import FACTORS
from actbench.plan.ledger import ClaimTest
from actbench.plan.level import parse_level

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Effects:
    """Effects by seed, the runs behind them, and why some runs are not among them."""

    by_seed: "pd.Series[float]"
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


def difference(rows: pd.DataFrame, test: ClaimTest) -> Effects:
    """Return the mean over blocks of the value under `this` less that under `that`, for each seed."""
    block = varying(rows, block_of(test))
    this = matches(rows, test.this)
    that = ~this & matches(rows, test.that)  # without levels: all other runs
    rows = rows[this | that].assign(side=np.where(this, "this", "that")[this | that])
    if test.scale == "rank":
        rows = rows.assign(value=_rank(rows, [*block, "seed"]))
    known = rows[rows["value"].notna()]
    sides = known.groupby([*block, "seed", "side"])["value"].mean().unstack("side").reindex(columns=["this", "that"])
    paired = sides.dropna()
    used = known.set_index([*block, "seed"]).index.isin(paired.index).sum()
    by_seed = (paired["this"] - paired["that"]).groupby(level="seed").mean()
    return Effects(by_seed, int(used), _missing(len(rows) - int(used)))


def _rank(rows: pd.DataFrame, by: list[str]) -> "pd.Series[float]":
    filled = rows["value"].fillna(-np.inf)
    return filled.groupby([rows[name] for name in by]).rank(ascending=False, method="average")


def slope(rows: pd.DataFrame, test: ClaimTest) -> Effects:
    """Return the mean over blocks of the least-squares slope over a factor; with `this`, its change from `that`.

    slope = Σ (x - x̄)(y - ȳ) / Σ (x - x̄)² within a block and seed.
    """
    known = rows[rows["value"].notna()].assign(x=factor_values(rows[test.over], test.over, test.over_scale))
    block, side = varying(known, block_of(test, test.over)), []
    if test.this:
        this = matches(known, test.this)
        that = ~this & matches(known, test.that)
        known = known.assign(side=np.where(this, "this", "that"))[this | that]
        side = ["side"]
    by = [*block, "seed", *side]
    slopes = _slopes(known, by)
    if test.this:
        sides = slopes.unstack("side").reindex(columns=["this", "that"]).dropna()
        slopes = sides["this"] - sides["that"]
    by_seed = slopes.groupby(level="seed").mean()
    return Effects(by_seed, len(known), _missing(len(rows) - len(known) if not test.this else 0))


def _slopes(rows: pd.DataFrame, by: list[str]) -> "pd.Series[float]":
    grouped = rows.groupby(by)
    centred = rows.assign(
        x=rows["x"] - grouped["x"].transform("mean"), y=rows["value"] - grouped["value"].transform("mean")
    )
    sums = centred.assign(xy=centred["x"] * centred["y"], xx=centred["x"] ** 2).groupby(by)[["xy", "xx"]].sum()
    sums = sums[sums["xx"] > 0]
    return sums["xy"] / sums["xx"]


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


def mean(rows: pd.DataFrame, test: ClaimTest) -> Effects:
    """Return the mean value over runs, for each seed."""
    known = rows[rows["value"].notna()]
    return Effects(known.groupby("seed")["value"].mean(), len(known), _missing(len(rows) - len(known)))


def auc(rows: pd.DataFrame, test: ClaimTest) -> Effects:
    """Return for each seed how well the value tells bad runs from good: area under the ROC curve.

    P(value of a bad run > value of a good one) + P(equal) / 2, by ranks (Hanley & McNeil 1982); smaller values foretell
    when the direction is `lower`.
    """
    known = rows[rows["value"].notna()]
    bad = known["failed"] if test.outcome == "failed" else ~known["trained"]
    signed = known["value"] if test.direction == "higher" else -known["value"]
    areas = {seed: _area(signed[own.index], bad[own.index]) for seed, own in known.groupby("seed")}
    by_seed = pd.Series(areas, dtype="float64").dropna()
    note = "" if len(by_seed) == len(areas) else f"{len(areas) - len(by_seed)} seeds without both outcomes"
    return Effects(by_seed, len(known), "; ".join(filter(None, [note, _missing(len(rows) - len(known))])))


def _area(values: "pd.Series[float]", bad: "pd.Series[bool]") -> float:
    n_bad, n_good = int(bad.sum()), int((~bad).sum())
    if not n_bad or not n_good:
        return np.nan
    ranks = rankdata(values.to_numpy())
    return float((ranks[bad.to_numpy()].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def interaction_share(rows: pd.DataFrame, test: ClaimTest) -> Effects:
    """Return which share of the variance within a seed is due to two-way interactions that all seeds share.

    Of a balanced full factorial, with z the sum of the two-way interactions of a seed, a vector over cells: share =
    mean over pairs of two seeds s ≠ t of z_s·z_t, over the mean total sum of squares of a seed. Noise adds to z_s·z_s,
    which is left out, and nothing on average to the rest, as in ω² (Hays 1963). The numbers by seed are those of the
    jackknife, S·share - (S - 1)·share without the seed (Tukey 1958); below three seeds each has the share itself.
    Factors are those that vary; with `rates: each` the learning rate is among them.
    """
    factors = varying(rows, [*CONDITION, *(["lr"] if test.rates == "each" else [])])
    sizes = rows.groupby("seed").size()
    if len(factors) < 2 or (sizes != np.prod([rows[name].nunique() for name in factors])).any():
        return Effects(pd.Series(dtype="float64"), len(rows), "not a full factorial of two factors or more")
    centred = rows.set_index([*factors, "seed"])["value"].unstack("seed")
    centred = centred - centred.mean()
    means = {name: centred.groupby(level=name).transform("mean") for name in factors}
    pairs = list(combinations(factors, 2))
    z = sum((centred.groupby(level=list(pair)).transform("mean") for pair in pairs), start=0.0 * centred)
    z = z - (len(factors) - 1) * sum(means.values(), start=0.0 * centred)  # each factor stands in that many pairs
    shares = _jackknifed(z.to_numpy().T @ z.to_numpy(), (centred**2).sum().to_numpy())
    return Effects(pd.Series(shares, index=centred.columns).dropna(), len(rows))


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


EFFECTS: dict[str, Callable[[pd.DataFrame, ClaimTest], Effects]] = {
    "difference": difference,
    "equivalence": difference,
    "slope": slope,
    "mean": mean,
    "auc": auc,
    "interaction_share": interaction_share,
}

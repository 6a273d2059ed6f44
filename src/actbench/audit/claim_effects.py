"""The rules by which the runs of a claim's test become one number a seed, each by the plainest way."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from actbench.audit.claim_runs import LOGS, has
from actbench.audit.densities import midranks
from actbench.audit.raw_rows import CONDITION
from actbench.plan.ledger import ClaimTest
from actbench.plan.level import parse_level

Array = np.ndarray[Any, np.dtype[np.float64]]
CONTRASTS = ("difference", "equivalence")
Points = list[tuple[float, float]]  # place on the axis of a slope, value


class Effects(NamedTuple):
    """One number a seed, the runs behind them, and what its note counts: runs and seeds that are not among them.

    error: of the mean, where resamples of seeds choose other rates; slack: of its interval, where they are drawn.
    """

    seeds: list[float]
    n_runs: int
    lost_runs: int = 0
    lost_seeds: int = 0
    error: float | None = None
    slack: float = 0.0


def effects(rows: pd.DataFrame, test: ClaimTest) -> Effects:
    """Return the effects of the runs of a test or of one of its strata, from `claim_runs.runs_of_test`."""
    if rows["value"].isna().all():
        return Effects([], 0)
    known = rows[rows["value"].notna()]
    if test.scale == "rank" and test.rule in CONTRASTS:
        known = _ranked(rows, test)
    found, n_runs = RULES[test.rule](rows if test.rule == "interaction_share" else known, test)
    numbers = list(found.values())
    seeds = [number for number in numbers if number == number]
    return Effects(
        seeds, n_runs, _asked(rows, test, n_runs) - n_runs, (len(numbers) - len(seeds)) * (test.rule == "auc")
    )


def _asked(rows: pd.DataFrame, test: ClaimTest, n_runs: int) -> int:
    """Return how many runs should have had a part in a test, as far as its note speaks of others."""
    if test.rule in CONTRASTS:
        return int((has(rows, test.this) | has(rows, test.that)).sum())
    return len(rows) if test.rule in ("mean", "auc") or (test.rule == "slope" and not test.this) else n_runs


def _factors(test: ClaimTest) -> list[str]:
    return [*CONDITION, *(["lr"] if test.rates == "each" else [])]


def block(test: ClaimTest) -> list[str]:
    """Return the factors in which both sides of a contrast, or the points of a line, agree."""
    used = {*test.this, *test.that, *([test.over] if test.rule == "slope" else [])}
    return [name for name in _factors(test) if name not in used]


def _ranked(rows: pd.DataFrame, test: ClaimTest) -> pd.DataFrame:
    """Give each run its place among those of its block and seed, 1 the best, those without a value the last."""
    this = has(rows, test.this)
    rows = rows[this | has(rows, test.that)]
    places = pd.Series(np.nan, index=rows.index)
    for _, own in rows.groupby([*block(test), "seed"]):
        places[own.index] = midranks(-own["value"].fillna(-np.inf).to_numpy())
    return rows.assign(value=places)


def _cells(rows: pd.DataFrame, test: ClaimTest) -> dict[Any, list[tuple[Points, Points]]]:
    """Sort the runs into blocks and, within each, into the two sides; return the blocks of each seed."""
    this = has(rows, test.this)
    that = ~this & has(rows, test.that)
    blocks: dict[Any, tuple[Points, Points]] = defaultdict(lambda: ([], []))
    keys = zip(*(rows[name] for name in [*block(test), "seed"]), strict=True)
    for key, first, second, place, value in zip(keys, this, that, places(rows, test), rows["value"], strict=True):
        if first or second:
            blocks[key][0 if first else 1].append((place, value))
    of_seed = defaultdict(list)
    for key, sides in blocks.items():
        of_seed[key[-1]].append(sides)
    return of_seed


def places(rows: pd.DataFrame, test: ClaimTest) -> Array:
    """Return where each run stands on the axis of a slope; 0 for all where there is none."""
    if test.rule != "slope":
        return np.zeros(len(rows))
    places = np.array([_number(test.over, level) for level in rows[test.over]], dtype=float)
    return np.asarray(LOGS[test.over_scale](places)) if test.over_scale in LOGS else places


def _number(factor: str, level: object) -> float:
    if not isinstance(level, str):
        return float(str(level))
    arguments = parse_level(factor, level).arguments
    return arguments[0] if len(arguments) == 1 else np.nan


def _difference(rows: pd.DataFrame, test: ClaimTest) -> tuple[dict[Any, float], int]:
    found, n_runs = {}, 0
    for seed, blocks in _cells(rows, test).items():
        paired = [sides for sides in blocks if all(sides)]
        n_runs += sum(len(side) for sides in paired for side in sides)
        means = [[sum(value for _, value in side) / len(side) for side in sides] for sides in paired]
        found[seed] = float(np.mean([first - second for first, second in means])) if means else np.nan
    return found, n_runs


def _slope(rows: pd.DataFrame, test: ClaimTest) -> tuple[dict[Any, float], int]:
    found, n_runs = {}, 0
    for seed, blocks in _cells(rows, test).items():
        n_runs += sum(len(side) for sides in blocks for side in sides)
        lines = [[_line(side) for side in (sides if test.this else sides[:1])] for sides in blocks]
        known = [line[0] - (line[1] if test.this else 0.0) for line in lines if not np.isnan(line).any()]
        found[seed] = float(np.mean(known)) if known else np.nan
    return found, n_runs


def _line(points: Points) -> float:
    known = np.array([(x, y) for x, y in points if x == x]).reshape(-1, 2)
    return float(np.polyfit(known[:, 0], known[:, 1], 1)[0]) if len(set(known[:, 0])) > 1 else np.nan


def _mean(rows: pd.DataFrame, test: ClaimTest) -> tuple[dict[Any, float], int]:
    return {seed: float(own["value"].mean()) for seed, own in rows.groupby("seed")}, len(rows)


def _largest(rows: pd.DataFrame, test: ClaimTest) -> tuple[dict[Any, float], int]:
    return {seed: float(own["value"].max()) for seed, own in rows.groupby("seed")}, len(rows)


def _pairs_won(rows: pd.DataFrame, test: ClaimTest) -> tuple[dict[Any, float], int]:
    """Share of pairs, one bad run and one good, in which the bad one has the more telling value."""
    found, sign = {}, 1.0 if test.direction == "higher" else -1.0
    for seed, own in rows.groupby("seed"):
        bad = own["failed"] if test.outcome == "failed" else ~own["trained"]
        a, b = sign * own.loc[bad, "value"].to_numpy(), sign * own.loc[~bad, "value"].to_numpy()
        won = [(value > b).mean() + (value == b).mean() / 2 for value in a] if len(b) else []
        found[seed] = float(np.mean(won)) if won else np.nan
    return found, len(rows)


def _interaction_share(rows: pd.DataFrame, test: ClaimTest) -> tuple[dict[Any, float], int]:
    """Share of two-way interactions: an axis for each factor, and what a pair adds when both means are taken off."""
    factors = [name for name in _factors(test) if rows[name].nunique() > 1]
    if len(factors) < 2:
        return {}, len(rows)
    tables = {seed: _table(own, factors, rows) for seed, own in rows.groupby("seed")}
    known = [table for table in tables.values() if table is not None]
    if len(known) < len(tables):
        return {}, len(rows)
    whole, n = _common_share(known), len(known)
    if n < 3:
        return dict.fromkeys(tables, whole), len(rows)
    left = [_common_share(known[:place] + known[place + 1 :]) for place in range(n)]
    return {seed: n * whole - (n - 1) * share for seed, share in zip(tables, left, strict=True)}, len(rows)


def _table(own: pd.DataFrame, factors: list[str], rows: pd.DataFrame) -> Array | None:
    """Return the values of one seed with an axis for each factor; None unless each cell holds one run."""
    levels = [sorted(rows[name].unique()) for name in factors]
    values = dict(zip(zip(*(own[name] for name in factors), strict=True), own["value"], strict=True))
    cells = list(product(*levels))
    if len(own) != len(cells) or set(values) != set(cells):
        return None
    return np.array([values[cell] for cell in cells]).reshape([len(names) for names in levels])


def _common_share(tables: list[Array]) -> float:
    """Return the squares of the interactions of the mean table less what noise adds, over the mean total of a table.

    The squares of single tables exceed what they share by the noise, those of the mean of n by a part in n of it.
    """
    n, whole = len(tables), float(np.mean([((table - table.mean()) ** 2).sum() for table in tables]))
    single = float(np.mean([_squares(table) for table in tables]))
    shared = single if n == 1 else (n * _squares(np.mean(tables, axis=0)) - single) / (n - 1)
    return shared / whole if whole > 0 else np.nan


def _squares(table: Array) -> float:
    squares = 0.0
    for pair in combinations(range(table.ndim), 2):
        means = table.mean(axis=tuple(axis for axis in range(table.ndim) if axis not in pair))
        left = means - means.mean(axis=0, keepdims=True) - means.mean(axis=1, keepdims=True) + means.mean()
        squares += float((left**2).sum()) * table.size / means.size
    return squares


def strata(rows: pd.DataFrame, test: ClaimTest) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield all runs of a test, and those of each combination of levels that is tested apart."""
    yield "", rows
    if test.strata and len(rows):
        words = [factor + " " + rows[factor].astype(str) for factor in test.strata]
        labels = [", ".join(parts) for parts in zip(*words, strict=True)]
        yield from ((str(label), own) for label, own in rows.groupby(np.array(labels, dtype=object)))


RULES: dict[str, Callable[[pd.DataFrame, ClaimTest], tuple[dict[Any, float], int]]] = {
    "difference": _difference,
    "equivalence": _difference,
    "slope": _slope,
    "mean": _mean,
    "auc": _pairs_won,
    "interaction_share": _interaction_share,
    "law": _largest,
}

"""The deviance of what trained computed once more, by iterated weighted least squares with a ridge."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from actbench.audit.densities import chi2_tail, holm, t_point
from actbench.audit.printed_rows import Numbers, Row
from actbench.audit.raw_rows import CONDITION, Raw, runs_of
from actbench.audit.resampled import Ends

Array = np.ndarray[Any, np.dtype[np.float64]]
RIDGE, LARGEST, STEPS = 0.1, 1e8, 60
SLACK = 1e-8  # of a deviance, as far as it is above 1 relative to it


def trainability(raw: Raw, study: str) -> Iterator[Row]:
    """Deviance, its share and the jackknife over seeds of each term of a study, and of all together."""
    runs = runs_of(raw, study)
    factors = [name for name in [*CONDITION, "lr"] if runs[name].nunique() > 1]
    if not factors:
        return
    wide = runs.assign(y=runs["trained"].astype(float)).pivot_table(index=factors, columns="seed", values="y").dropna()
    if wide.empty:
        return
    cells, y_CS = wide.index.to_frame(index=False), wide.to_numpy()
    alone = {name: _contrasts(cells[name].tolist()) for name in factors}
    columns: dict[tuple[str, ...], Array] = {(name,): alone[name] for name in factors}
    pairs: dict[tuple[str, ...], Array] = {(a, b): _products(alone[a], alone[b]) for a, b in combinations(factors, 2)}
    size = 1 + sum(part.shape[1] for part in (*columns.values(), *pairs.values()))
    columns |= pairs if len(cells) * size**2 <= LARGEST else {}
    for key, numbers in _rows(columns, y_CS):
        yield key, numbers | {"family": study}


def _rows(columns: dict[tuple[str, ...], Array], y_CS: Array) -> Iterator[Row]:
    seeds = y_CS.shape[1]
    counts: Numbers = {"n_cells": len(y_CS), "n_runs": y_CS.size, "n_seeds": seeds}
    names, orders = [":".join(term) for term in columns] + ["all_terms"], [len(term) for term in columns] + [0]
    if not y_CS.size or y_CS.min() == y_CS.max():
        none = dict.fromkeys(("deviance", "df", "share", "low", "high", "p", "p_holm"), np.nan)
        yield from (((name,), counts | none | {"order": order}) for name, order in zip(names, orders, strict=True))
        return
    drops, total = _drops(columns, y_CS)
    without = [_drops(columns, np.delete(y_CS, seed, axis=1)) for seed in range(seeds)] if seeds > 1 else []
    shares = np.array([drop / whole if whole > 0 else np.full(len(drop), np.nan) for drop, whole in without])
    free = [part.shape[1] for part in columns.values()]
    tails = [_tails(drop, k) for drop, k in zip(drops, [*free, sum(free)], strict=True)]
    smallest, largest = ([*holm(np.array([tail[side] for tail in tails[:-1]])), np.nan] for side in (0, 1))
    adjusted = [_ends(*ends) for ends in zip(smallest, largest, strict=True)]
    for place, (name, order) in enumerate(zip(names, orders, strict=True)):
        share, reach = drops[place] / total, np.nan
        if seeds > 1:
            apart = shares[:, place] - shares[:, place].mean()
            reach = t_point(0.975, seeds - 1) * float(np.sqrt((seeds - 1) / seeds * (apart**2).sum()))
        numbers = {"deviance": drops[place], "df": [*free, sum(free)][place], "p": _ends(*tails[place])}
        numbers["p_holm"] = adjusted[place]
        yield (name,), counts | numbers | {"order": order, "share": share, "low": share - reach, "high": share + reach}


def _tails(deviance: float, freedom: int) -> tuple[float, float]:
    """Return the least and the largest p of a deviance known to SLACK; near 0 it moves p by the root of that."""
    slack = SLACK * max(1.0, deviance)
    return chi2_tail(deviance + slack, freedom), chi2_tail(max(0.0, deviance - slack), freedom)


def _ends(low: float, high: float) -> Ends:
    return Ends({} if np.isnan(low) else {"p": (low, high)})


def _contrasts(levels: list[Any]) -> Array:
    known = sorted(set(levels))
    rows = [[1.0 if level == one else -1.0 if level == known[-1] else 0.0 for one in known[:-1]] for level in levels]
    return np.array(rows)


def _products(a: Array, b: Array) -> Array:
    return np.column_stack([a[:, i] * b[:, j] for i in range(a.shape[1]) for j in range(b.shape[1])])


def _drops(columns: dict[tuple[str, ...], Array], y_CS: Array) -> tuple[Array, float]:
    yes, n = y_CS.sum(axis=1), y_CS.shape[1]
    constant, found = _twice([], yes, n), []
    for term in columns:
        others = [part for other, part in columns.items() if not set(term) <= set(other)]
        found.append(max(0.0, _twice([*others, columns[term]], yes, n) - _twice(others, yes, n)))
    inner = [float(y * np.log(y / n) + (n - y) * np.log(1 - y / n)) for y in yes if 0 < y < n]
    return np.array([*found, _twice(list(columns.values()), yes, n) - constant]), 2 * sum(inner) - constant


def _twice(parts: list[Array], yes: Array, n: int) -> float:
    """Return twice the largest penalised log-likelihood."""
    x = np.column_stack([np.ones(len(yes)), *parts])
    ridge = np.diag([0.0] + [RIDGE] * (x.shape[1] - 1))
    beta = np.zeros(x.shape[1])

    def height(at: Array) -> float:
        eta = x @ at
        return float(2 * (yes @ eta - n * np.logaddexp(0, eta).sum()) - at @ ridge @ at)

    for _ in range(STEPS):
        eta = np.clip(x @ beta, -500, 500)
        p = 1 / (1 + np.exp(-eta))
        w = np.maximum(n * p * (1 - p), 1e-12)
        target = np.linalg.solve(x.T @ (w[:, None] * x) + ridge, x.T @ (w * eta + yes - n * p))
        step, length = target - beta, 1.0
        while height(beta + length * step) < height(beta) - 1e-9 and length > 1e-6:
            length /= 2
        beta = beta + length * step
        if np.abs(step).max() < 1e-9:
            break
    return height(beta)

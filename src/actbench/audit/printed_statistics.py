"""The statistics computed once more, one plain loop each, to be laid beside what was printed.

Every function takes the runs of one study at their chosen rates and yields (key of the row, {column: number}).
"""

from collections.abc import Callable, Iterator
from math import sqrt

import numpy as np
import pandas as pd

from actbench.audit.raw_rows import CONDITION, Raw, at_best_rate, runs_of

Row = tuple[tuple[object, ...], dict[str, float]]
BLOCK = [name for name in CONDITION if name != "activation"]
Z = 1.959963984540054  # 97.5 % point of the standard normal


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval, written out (Wilson 1927)."""
    p = successes / n
    middle, reach = p + Z * Z / (2 * n), Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return max(0.0, (middle - reach) / (1 + Z * Z / n)), min(1.0, (middle + reach) / (1 + Z * Z / n))


def _rates(rows: pd.DataFrame, flag: str, name: str) -> dict[str, float]:
    n, hits = len(rows), int(rows[flag].sum())
    low, high = wilson(hits, n)
    return {"n_runs": n, f"n_{flag}": hits, name: hits / n, f"{name}_low": low, f"{name}_high": high}


def _per_seed(rows: pd.DataFrame, value: str) -> float:
    return float(np.mean([own[value].mean() for _, own in rows.groupby("seed")]))


def conditions(runs: pd.DataFrame) -> Iterator[Row]:
    """Score and failures of each condition."""
    for key, rows in runs.groupby(CONDITION):
        numbers = _rates(rows, "failed", "failure_rate") | {"score": float(rows["score"].mean())}
        yield key, numbers | {"lr": float(rows["lr"].iloc[0]), "n_seeds": rows["seed"].nunique()}


def by_depth(runs: pd.DataFrame) -> Iterator[Row]:
    """Score and failures of each activation and depth."""
    for key, rows in runs.groupby(["activation", "depth"]):
        numbers = _rates(rows, "failed", "failure_rate") | {"score": _per_seed(rows, "score")}
        yield key, numbers | {"median": float(np.median(rows["score"])), "n_seeds": rows["seed"].nunique()}


def trainable(runs: pd.DataFrame) -> Iterator[Row]:
    """Count what trained, for each norm and residual and for all of them together."""
    for norm in ("", "all"):
        for residual in ("", "all"):
            named = runs.assign(**({"norm": norm} if norm else {}), **({"residual": residual} if residual else {}))
            for key, rows in named.groupby(["activation", "depth", "init", "norm", "residual"]):
                yield key, _rates(rows, "trained", "trained_share")


def ranking(runs: pd.DataFrame) -> Iterator[Row]:
    """Mean rank over the blocks that hold every activation; failed runs last, ties shared."""
    names = sorted(runs["activation"].unique())
    ranks: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for key, block in runs.groupby([*BLOCK, "seed"]):
        if block["activation"].nunique() < len(names):
            continue
        values = np.where(block["failed"], -1.0, block["score"])
        for name, value in zip(block["activation"], values, strict=True):
            better, equal = int((values > value).sum()), int((values == value).sum())
            ranks[str(name)].setdefault(str(key[-1]), []).append(better + (equal + 1) / 2)
    for name, seeds in ranks.items():
        if seeds:
            yield (name,), {"rank": float(np.mean([np.mean(own) for own in seeds.values()])), "n_seeds": len(seeds)}


STATISTICS: dict[str, tuple[list[str], Callable[[pd.DataFrame], Iterator[Row]]]] = {
    "conditions": (CONDITION, conditions),
    "by_depth": (["activation", "depth"], by_depth),
    "trainable": (["activation", "depth", "init", "norm", "residual"], trainable),
    "ranking": (["activation"], ranking),
}


def differing(found: float, printed: float) -> bool:
    """Tell whether a printed number is not the one found: beyond the ten printed digits, or missing."""
    if np.isnan(found) or np.isnan(printed):
        return bool(np.isnan(found) != np.isnan(printed))
    return abs(found - printed) > 1e-7 * max(1.0, abs(found))


def audit_statistic(raw: Raw, name: str, printed: pd.DataFrame) -> tuple[int, list[str]]:
    """Compare a statistic with the raw rows; return how many numbers were compared and a line a mismatch."""
    keys, compute = STATISTICS[name]
    compared, problems = 0, []
    for study, rows in printed.groupby("study"):
        at = {tuple(row[key] for key in keys): row for row in rows.to_dict("records")}
        found = list(compute(at_best_rate(runs_of(raw, str(study)))))
        for key, numbers in found:
            row, label = at.get(key), f"{name}: {study}, {', '.join(map(str, key))}"
            if row is None:
                problems.append(f"{label}: no such row")
                continue
            for column, value in numbers.items():
                compared += 1
                if differing(float(value), float(row[column])):
                    problems.append(f"{label}: {column} is {row[column]:.10g}, raw rows give {value:.10g}")
        extra = len(at) - len(found)
        problems += [f"{name}: {study}: {extra} rows more than raw rows give"] if extra > 0 else []
    return compared, problems + _misplaced(name, printed)


def _misplaced(name: str, printed: pd.DataFrame) -> list[str]:
    """Name the rows whose estimate lies outside its own bootstrap interval."""
    value = {"conditions": "score", "by_depth": "score", "ranking": "rank"}.get(name)
    if value is None:
        return []
    outside = (printed[value] < printed["low"] - 1e-9) | (printed[value] > printed["high"] + 1e-9)
    return [f"{name}: row {index + 2}: {value} lies outside its interval" for index in np.flatnonzero(outside)]

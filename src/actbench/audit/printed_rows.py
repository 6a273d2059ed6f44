"""Rows that were printed beside rows that were derived: a line for each number that is another one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.resampled import ANY, Ends, mean_ends

Numbers = dict[str, Any]  # a column's number, word, or the ends that an interval may have
Row = tuple[tuple[object, ...], Numbers]
Unfinished = tuple[tuple[object, ...], Numbers, list[float]]  # with one number a seed
Z = 1.959963984540054  # 97.5 % point of the standard normal


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval, written out (Wilson 1927)."""
    p = successes / n
    middle, reach = p + Z * Z / (2 * n), Z * np.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return max(0.0, float(middle - reach) / (1 + Z * Z / n)), min(1.0, float(middle + reach) / (1 + Z * Z / n))


def rates(rows: pd.DataFrame, flag: str, name: str) -> Numbers:
    """Count runs and those with a flag: the share and its interval, under the names that are printed."""
    n, hits = len(rows), int(rows[flag].sum())
    low, high = wilson(hits, n)
    return {"n_runs": n, f"n_{flag}": hits, name: hits / n, f"{name}_low": low, f"{name}_high": high}


def with_ends(rows: Iterable[Unfinished], value: str) -> Iterator[Row]:
    """Add the mean over seeds, and what its interval's ends may be, to rows that have one number a seed."""
    listed = list(rows)
    for size in {len(seeds) for _, _, seeds in listed}:
        same = [row for row in listed if len(row[2]) == size]
        values = np.array([seeds for _, _, seeds in same], dtype=float)
        for (key, numbers, seeds), (low, high) in zip(same, mean_ends(values), strict=True):
            own = {value: float(np.mean(seeds)), "low": low, "high": high, "n_seeds": size}
            yield key, numbers | own


def with_these_ends(rows: Iterable[Unfinished], value: str, ends: list[Numbers]) -> Iterator[Row]:
    """Add the mean over seeds, and an interval that was found apart, to rows that have one number a seed."""
    for (key, numbers, seeds), own in zip(rows, ends, strict=True):
        yield key, numbers | {value: float(np.mean(seeds)), "n_seeds": len(seeds)} | own


def per_seed(rows: pd.DataFrame, value: str) -> list[float]:
    """Return the mean of each seed, in their order."""
    return [float(own[value].mean()) for _, own in rows.groupby("seed")]


def differing(found: float, printed: float, loose: float = 0.0) -> bool:
    """Tell whether a printed number is not the one found: beyond rounding and the order of sums, or missing."""
    if np.isnan(found) or np.isnan(printed):
        return bool(np.isnan(found) != np.isnan(printed))
    if np.isinf(found) or np.isinf(printed):
        return found != printed
    return abs(found - printed) > max(1e-7 * abs(found), 1e-12, loose)


def problem(found: Any, column: str, row: Mapping[Any, Any], loose: float = 0.0) -> str:
    """Say how a printed number or word is not the one found; nothing where it is."""
    printed = row[column]
    if isinstance(found, Ends):
        kind = _word(row.get("interval", ANY)) if column in ("low", "high") else ANY
        return "" if found.hold(float(printed), kind) else f"{column} is {printed:.10g}, which resamples do not give"
    if isinstance(found, str):
        shown = _word(printed)  # a column of words that all look like numbers is read as numbers
        return "" if found == shown else f"{column} is {shown!r}, raw rows give {found!r}"
    if not differing(float(found), float(printed), loose):
        return ""
    return f"{column} is {printed:.10g}, raw rows give {found:.10g}"


def compare(
    label: str, keys: tuple[str, ...], found: Iterable[Row], printed: pd.DataFrame, loose: Mapping[str, float]
) -> tuple[int, list[str]]:
    """Compare the rows of one study; return how many numbers were compared and a line a mismatch."""
    at = {spelled(row[key] for key in keys): row for row in printed.to_dict("records")}
    compared, problems, n = 0, [], 0
    for key, numbers in found:
        n += 1
        row, name = at.get(spelled(key)), ", ".join(word for word in [label, *map(str, key)] if word)
        if row is None:
            problems.append(f"{name}: no such row")
            continue
        compared += len(numbers)
        lines = (problem(value, column, row, loose.get(column, 0.0)) for column, value in numbers.items())
        problems += [f"{name}: {line}" for line in lines if line]
    extra = len(printed) - n
    return compared, problems + ([f"{label}: {extra} rows more than raw rows give"] if extra > 0 else [])


def spelled(key: Iterable[object]) -> tuple[str, ...]:
    """Spell the levels that name a row, numbers as they are printed; a missing one is empty."""
    return tuple(_word(level) for level in key)


def _word(level: object) -> str:
    try:
        number = float(str(level))
    except ValueError:
        return str(level)
    return "" if np.isnan(number) else f"{number:.10g}"

"""A published table of means, deviations, numbers, p and intervals: which rows contradict themselves.

Columns, each of which may be absent: mean, sd, n, p, d, low, high; d is mean / sd, p that of a two-sided t test of the
mean against 0, low and high a 95 % interval of the mean. Numbers are taken as rounded to the digits that are printed.
"""

from collections.abc import Callable
from math import exp, lgamma, pi, sqrt
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.plan.errors import ConfigError

COLUMNS = ("mean", "sd", "n", "p", "d", "low", "high")
LOOSE = 0.25  # an interval may be of another kind, bootstrap say, and so much wider or narrower than Student's


class Number(float):
    """A printed number and half a unit of its last digit."""

    half: float = 0.0


def parse(text: str, where: str) -> Number | None:
    """Read a printed number; None when the cell is empty; raise ConfigError when it is no number."""
    text = text.strip().lstrip("<")
    if not text or text.lower() in ("nan", "na", "-"):
        return None
    try:
        number = Number(text)
    except ValueError:
        raise ConfigError(where, f"{text!r} is not a number") from None
    digits, _, power = text.lower().partition("e")
    number.half = 0.5 * 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
    return number


def two_sided(t: float, freedom: float) -> float:
    """Return P(|T| ≥ t) of Student's t, integrated over x = tan θ, on which the density is cosⁿ⁻¹ θ."""
    angle = np.linspace(np.arctan(abs(t) / sqrt(freedom)), pi / 2, 4001)
    factor = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(pi)
    return float(min(1.0, 2 * factor * np.trapezoid(np.cos(angle) ** (freedom - 1), angle)))


def _sane(row: dict[str, Number]) -> str:
    if "sd" in row and row["sd"] < 0:
        return f"sd {row['sd']:g} is negative"
    if "p" in row and not 0 <= row["p"] <= 1:
        return f"p {row['p']:g} is outside 0 … 1"
    if "n" in row and (row["n"] < 1 or not float(row["n"]).is_integer()):
        return f"n {row['n']:g} is not a whole number of 1 or more"
    return ""


def _interval_holds_mean(row: dict[str, Number]) -> str:
    low, high = row["low"], row["high"]
    if low - low.half > high + high.half:
        return f"interval {low:g} to {high:g} is upside down"
    if "mean" in row and not low - low.half - row["mean"].half <= row["mean"] <= high + high.half + row["mean"].half:
        return f"mean {row['mean']:g} lies outside its interval {low:g} to {high:g}"
    return ""


def _interval_fits_sd(row: dict[str, Number]) -> str:
    if row["n"] < 2:
        return ""
    reach, off = (row["high"] - row["low"]) / 2, row["low"].half + row["high"].half
    expected = student95(int(row["n"]) - 1) * row["sd"] / sqrt(row["n"])
    slack = off + LOOSE * expected + student95(int(row["n"]) - 1) * row["sd"].half / sqrt(row["n"])
    if abs(reach - expected) > slack:
        return f"interval reaches {reach:.3g} either way, sd and n give {expected:.3g}"
    return ""


def _p_fits_interval(row: dict[str, Number]) -> str:
    low, high, p = row["low"], row["high"], row["p"]
    if abs(p - 0.05) <= max(p.half, 0.01) or min(abs(low), abs(high)) <= max(low.half, high.half):
        return ""
    excludes = low > 0 or high < 0
    if excludes != (p < 0.05):
        return f"p {p:g} and an interval {low:g} to {high:g} that {'excludes' if excludes else 'holds'} 0 disagree"
    return ""


def _d_fits(row: dict[str, Number]) -> str:
    mean, sd, d = row["mean"], row["sd"], row["d"]
    if sd <= sd.half:
        return ""
    ends = [(mean + a) / (sd + b) for a in (-mean.half, mean.half) for b in (-sd.half, sd.half)]
    if not min(ends) - d.half <= d <= max(ends) + d.half:
        return f"d {d:g} is not mean / sd, {mean / sd:.3g}"
    return ""


def _p_fits_t(row: dict[str, Number]) -> str:
    mean, sd, n, p = row["mean"], row["sd"], row["n"], row["p"]
    if n < 2 or sd <= sd.half:
        return ""
    smallest, largest = max(0.0, abs(mean) - mean.half) / (sd + sd.half), (abs(mean) + mean.half) / (sd - sd.half)
    low, high = (two_sided(ratio * sqrt(n), n - 1) for ratio in (largest, smallest))
    if not low - p.half <= p <= high + p.half:
        return f"p {p:g} is not that of mean, sd and n, {two_sided(mean / sd * sqrt(n), n - 1):.3g}"
    return ""


def _grim(row: dict[str, Number]) -> str:
    """Whole numbers have a sum that is whole: the mean must be a whole number over n (Brown & Heathers 2017)."""
    mean, n = row["mean"], row["n"]
    nearest = round(mean * n) / n
    return "" if abs(nearest - mean) <= mean.half + 1e-12 else f"mean {mean:g} of {n:g} whole numbers is impossible"


def student95(freedom: int) -> float:
    """Return the 97.5 % point of Student's t, by bisection."""
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, freedom) > 0.05 else (low, middle)
    return (low + high) / 2


# What a row must hold for a check, and the check: a sentence, or nothing.
CHECKS: tuple[tuple[set[str], Callable[[dict[str, Number]], str]], ...] = (
    (set(), _sane),
    ({"low", "high"}, _interval_holds_mean),
    ({"low", "high", "sd", "n"}, _interval_fits_sd),
    ({"low", "high", "p"}, _p_fits_interval),
    ({"mean", "sd", "d"}, _d_fits),
    ({"mean", "sd", "n", "p"}, _p_fits_t),
)


def audit_summary(path: Path, whole: bool = False) -> tuple[int, list[str]]:
    """Check every row of a CSV table; return the number of rows and a line for each contradiction.

    Args:
        path: a table with some of the columns of COLUMNS; others are left alone.
        whole: the means are of whole numbers.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), f"cannot be read as CSV: {error}") from None
    known = [name for name in COLUMNS if name in table]
    if not known:
        raise ConfigError(str(path), f"has none of the columns {', '.join(COLUMNS)}; rename those that it has")
    problems = []
    for index, cells in enumerate(table[known].to_dict("records"), start=2):
        parsed = {name: parse(str(text), f"{path}: line {index}, {name}") for name, text in cells.items()}
        row = {str(name): number for name, number in parsed.items() if number is not None}
        sane = _sane(row)
        checks = [*CHECKS[1:], *([({"mean", "n"}, _grim)] if whole else [])]
        found = [sane] if sane else [check(row) for needed, check in checks if needed <= row.keys()]
        problems += [f"line {index}: {problem}" for problem in found if problem]
    return len(table), problems

"""A published table of means, deviations, numbers, p and intervals: which rows contradict themselves.

Columns, each of which may be absent: mean, sd, n, p, d, low, high; d is mean / sd, p that of a two-sided t test of the
mean against 0, low and high a 95 % interval of the mean. Numbers are taken as rounded to the digits that are printed:
one that is moved within its rounding passes. So does an interval a quarter wider, narrower or off the middle than that
of Student, and a p between 0.04 and 0.06 beside any: intervals are of many kinds, and a table does not say of which.
"""

import csv
from collections.abc import Callable
from math import exp, inf, isfinite, lgamma, pi, sqrt
from pathlib import Path

import numpy as np

from actbench.plan.errors import ConfigError

COLUMNS = ("mean", "sd", "n", "p", "d", "low", "high")
LOOSE = 0.25  # an interval may be of another kind, bootstrap say, and differ from Student's by this share of its reach


class Number(float):
    """A printed number, half a unit of its last digit, and whether it is a bound: `<0.001`."""

    half: float = 0.0
    bound: bool = False


def parse(text: str, where: str) -> Number | None:
    """Read a printed number; None when the cell is empty; raise ConfigError when it is no number."""
    printed = text.strip()
    text = printed.removeprefix("<").strip()
    if not text or text.lower() in ("nan", "na", "-"):
        return None
    try:
        number = Number(text)
    except ValueError:
        raise ConfigError(where, f"{text!r} is not a number") from None
    if not isfinite(number):
        raise ConfigError(where, f"{text!r} is not a finite number")
    number.bound = printed.startswith("<")
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
    if {"n", "p"} <= row.keys() and float(row["n"]) == 1:
        return f"p {row['p']:g} of one number, which has none"
    return ""


def _above(one: Number, other: Number) -> bool:
    """Tell whether one number is above another whatever they were before they were rounded, which keeps an order."""
    return one > other if one.half == other.half else one - one.half > other + other.half


def _interval_is_upright(row: dict[str, Number]) -> str:
    low, high = row["low"], row["high"]
    return f"interval {low:g} to {high:g} is upside down" if _above(low, high) else ""


def _mean_above_low(row: dict[str, Number]) -> str:
    return _outside(row) if _above(row["low"], row["mean"]) else ""


def _mean_below_high(row: dict[str, Number]) -> str:
    return _outside(row) if _above(row["mean"], row["high"]) else ""


def _outside(row: dict[str, Number]) -> str:
    low, high = (f"{row[end]:g}" if end in row else "…" for end in ("low", "high"))
    return f"mean {row['mean']:g} lies outside its interval {low} to {high}"


def _mean_in_the_middle(row: dict[str, Number]) -> str:
    if row["n"] < 2:
        return ""
    middle, off = (row["low"] + row["high"]) / 2, (row["low"].half + row["high"].half) / 2 + row["mean"].half
    reach = student95(int(row["n"]) - 1) * (row["sd"] + row["sd"].half) / sqrt(row["n"])
    if abs(row["mean"] - middle) > off + LOOSE * reach:
        return f"mean {row['mean']:g} is far from the middle of its interval, {middle:.3g}"
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
    if p.bound and p > 0.05:
        return ""
    if abs(p - 0.05) <= max(p.half, 0.01) or min(abs(low), abs(high)) <= max(low.half, high.half):
        return ""
    excludes = low > 0 or high < 0
    if excludes != (p < 0.05):
        return f"p {p:g} and an interval {low:g} to {high:g} that {'excludes' if excludes else 'holds'} 0 disagree"
    return ""


def _ratio(row: dict[str, Number]) -> tuple[float, float]:
    """Return the least and the greatest |mean| / sd that are rounded to what is printed."""
    mean, sd = row["mean"], row["sd"]
    least, most = max(0.0, abs(mean) - mean.half), abs(mean) + mean.half
    return least / (sd + sd.half) if sd + sd.half else 0.0, most / (sd - sd.half) if sd > sd.half else inf


def _d_fits(row: dict[str, Number]) -> str:
    mean, sd, d = row["mean"], row["sd"], row["d"]
    least, most = _ratio(row)
    if not least - d.half <= abs(d) <= most + d.half:
        return f"d {d:g} is not mean / sd, {mean:g} / {sd:g}"
    return ""


def _d_has_the_sign(row: dict[str, Number]) -> str:
    mean, d = row["mean"], row["d"]
    apart = mean * d < 0 and abs(mean) > mean.half and abs(d) > d.half
    return f"mean {mean:g} and d {d:g} have different signs" if apart else ""


def _p_fits_t(row: dict[str, Number]) -> str:
    return _p_fits_ratio(row, *_ratio(row), "mean, sd and n")


def _p_fits_d(row: dict[str, Number]) -> str:
    d = row["d"]
    return _p_fits_ratio(row, max(0.0, abs(d) - d.half), abs(d) + d.half, "d and n")


def _p_fits_ratio(row: dict[str, Number], least: float, most: float, source: str) -> str:
    n, p = row["n"], row["p"]
    low, high = (two_sided(ratio * sqrt(n), n - 1) for ratio in (most, least))
    if low >= p + p.half if p.bound else not low - p.half <= p <= high + p.half:
        return f"p {'<' * p.bound}{p:g} is not that of {source}, {low:.3g} to {high:.3g}"
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
    ({"low", "high"}, _interval_is_upright),
    ({"mean", "low"}, _mean_above_low),
    ({"mean", "high"}, _mean_below_high),
    ({"low", "high", "sd", "n"}, _interval_fits_sd),
    ({"mean", "low", "high", "sd", "n"}, _mean_in_the_middle),
    ({"low", "high", "p"}, _p_fits_interval),
    ({"mean", "sd", "d"}, _d_fits),
    ({"mean", "d"}, _d_has_the_sign),
    ({"mean", "sd", "n", "p"}, _p_fits_t),
    ({"d", "n", "p"}, _p_fits_d),
)


def audit_summary(path: Path, whole: bool = False) -> tuple[int, list[str], list[str]]:
    """Check every row of a CSV table.

    Args:
        path: a table with some of the columns of COLUMNS; others are left alone.
        whole: the means are of whole numbers.

    Returns:
        The number of rows, a line for each contradiction, and a line for each row and all columns that are not checked.

    Raises:
        ConfigError: no CSV table, none of the columns or one of them twice, or a cell that is no number.
    """
    names, rows = _read(path)
    checks = [*CHECKS[1:], *([({"mean", "n"}, _grim)] if whole else [])]
    others = [name for name in names if name.lower() not in COLUMNS]
    problems, unchecked = [], [f"columns {', '.join(others)}"] if others else []
    for index, cells in rows:
        parsed = {name: parse(text, f"{path}: line {index}, {name}") for name, text in cells.items()}
        row = {name: number for name, number in parsed.items() if number is not None}
        fitting = [check for needed, check in checks if needed <= row.keys()]
        sane = _sane(row)
        found = [sane] if sane else [check(row) for check in fitting]
        problems += [f"line {index}: {problem}" for problem in found if problem]
        unchecked += [] if fitting or sane else [f"line {index}: nothing in it to compare"]
    return len(rows), problems, unchecked


def _read(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Read the names of the columns, and of each row its line and the cells of COLUMNS, named in capitals or not."""
    (_, first), *rows = _lines(path)
    names = [name.strip() for name in first]
    known = [name.lower() for name in names if name.lower() in COLUMNS]
    if not known:
        raise ConfigError(str(path), f"has none of the columns {', '.join(COLUMNS)}; rename those that it has")
    if twice := [name for name in COLUMNS if known.count(name) > 1]:
        raise ConfigError(str(path), f"has the column {twice[0]} twice; rename one of them")
    places = [place for place, name in enumerate(names) if name.lower() in COLUMNS]
    return names, [(index, dict(zip(known, (cells[place] for place in places), strict=True))) for index, cells in rows]


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the number and the cells of each line that has any, all as many as the first has."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, cells) for cells in reader if any(cells)]
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(str(path), f"cannot be read as CSV: {error}") from None
    if not lines:
        raise ConfigError(str(path), "cannot be read as CSV: it is empty")
    n_cells = len(lines[0][1])
    if longer := [index for index, cells in lines if len(cells) > n_cells]:
        raise ConfigError(str(path), f"cannot be read as CSV: line {longer[0]} has more than {n_cells} cells")
    return [(index, [*cells, *[""] * (n_cells - len(cells))]) for index, cells in lines]

"""The effects of the claims computed once more from raw rows, and the verdicts from what was printed."""

from collections import Counter
from collections.abc import Iterator
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.densities import holm, t_point, t_tail
from actbench.audit.printed_rows import differing
from actbench.audit.raw_rows import CONDITION, Raw, at_best_rate, runs_of
from actbench.plan.config import Levels
from actbench.plan.ledger import Claim, ClaimTest
from actbench.plan.level import parse_level

REDONE = ("difference", "equivalence", "slope", "mean", "auc")
SINGLE = 1e-8  # logarithms of numbers in single precision
LOGS = {"log10": np.log10, "log2": np.log2}


def has(rows: pd.DataFrame, levels: Levels) -> "pd.Series[bool]":
    """Tell which rows have the levels."""
    kept = pd.Series(True, index=rows.index)
    for factor, values in levels.items():
        kept &= rows[factor].isin(list(values))
    return kept


def diagnostic(raw: Raw, test: ClaimTest, runs: pd.DataFrame) -> "pd.Series[float] | None":
    """Return a diagnostic at one moment, one number a run, by run key; None when none of it was recorded."""
    assert raw.layers is not None
    rows = raw.layers[(raw.layers["diagnostic"] == test.quantity) & raw.layers["run_key"].isin(set(runs["run_key"]))]
    if rows.empty:
        return None
    rows = rows.astype({"run_key": str}).merge(runs[["run_key", "depth", "steps"]], on="run_key")
    if test.moment == "early":
        rows = rows[rows["step"] > 0]
        rows = rows[rows["step"] == rows.groupby("run_key")["step"].transform("min")]
    else:
        rows = rows[rows["step"] == (0 if test.moment == "start" else rows["steps"])]
    where = test.layers or ("network" if (rows["layer"] == 0).all() else "mean")
    places = {"network": rows["layer"] == 0, "first": rows["layer"] == 1, "last": rows["layer"] == rows["depth"]}
    places["output"] = rows["layer"] == rows["depth"] + 1
    rows = rows[places.get(where, (rows["layer"] > 0) & (rows["layer"] <= rows["depth"]))]
    grouped = rows.astype({"value": "float64"}).groupby("run_key")["value"]
    if where == "spread":
        return pd.Series(np.log10(grouped.max().clip(lower=1e-38) / grouped.min().clip(lower=1e-38)))
    return grouped.max() if where == "largest" else grouped.mean()


def effects(raw: Raw, test: ClaimTest, stratum: str) -> list[float] | None:
    """Return the effect of each seed; None for what this path does not redo: ranks, speeds, laws, lost layers."""
    if test.rule not in REDONE or test.scale == "rank" or test.quantity.endswith("_to_loss"):
        return None
    if test.rates == "fastest":
        return None
    runs = runs_of(raw, test.study)
    runs = runs[has(runs, test.where)]
    runs = at_best_rate(runs) if test.rates == "chosen" else runs
    if stratum:
        words = [part.split(" ", 1) for part in stratum.split(", ")]
        runs = runs[np.logical_and.reduce([runs[factor].astype(str) == level for factor, level in words])]
    if test.quantity not in runs and raw.layers is None:
        return None
    values = runs[test.quantity] if test.quantity in runs else runs["run_key"].map(_found(raw, test, runs))
    if test.scale in LOGS:
        values = pd.Series(LOGS[test.scale](values.astype("float64").clip(lower=1e-38)), index=runs.index)
    runs = runs.assign(value=values.astype("float64").replace([np.inf, -np.inf], np.nan))
    known = runs[runs["value"].notna()]
    return [effect for _, own in known.groupby("seed") for effect in _of_seed(own, test) if not np.isnan(effect)]


def _found(raw: Raw, test: ClaimTest, runs: pd.DataFrame) -> dict[str, float]:
    found = diagnostic(raw, test, runs)
    return {} if found is None else dict(found)


def _of_seed(rows: pd.DataFrame, test: ClaimTest) -> Iterator[float]:
    if test.rule == "mean":
        yield float(rows["value"].mean())
    elif test.rule == "auc":
        yield _pairs_won(rows, test)
    else:
        used = {*test.this, *test.that, *([test.over] if test.rule == "slope" else [])}
        block = [name for name in [*CONDITION, *(["lr"] if test.rates == "each" else [])] if name not in used]
        measure = _slope if test.rule == "slope" else _mean
        found = []
        for _, own in rows.groupby(block):
            this = has(own, test.this) if test.this else pd.Series(True, index=own.index)
            sides = [own[this]] if not test.this else [own[this], own[~this & has(own, test.that)]]
            numbers = [measure(side, test) for side in sides]
            if not np.isnan(numbers).any():
                found.append(numbers[0] - (numbers[1] if test.this else 0.0))
        yield float(np.mean(found)) if found else np.nan


def _mean(rows: pd.DataFrame, test: ClaimTest) -> float:
    return float(rows["value"].mean()) if len(rows) else np.nan


def _slope(rows: pd.DataFrame, test: ClaimTest) -> float:
    x = np.array([_number(test.over, level) for level in rows[test.over]], dtype=np.float64)
    x = LOGS[test.over_scale](x) if test.over_scale in LOGS else x
    if len(set(x)) < 2:
        return np.nan
    return float(np.polyfit(x, rows["value"].to_numpy(), 1)[0])


def _number(factor: str, level: object) -> float:
    return float(parse_level(factor, level).arguments[0]) if isinstance(level, str) else float(str(level))


def _pairs_won(rows: pd.DataFrame, test: ClaimTest) -> float:
    """Return the share of pairs, one bad run and one good, in which the bad one has the more telling value."""
    bad = rows["failed"] if test.outcome == "failed" else ~rows["trained"]
    sign = 1.0 if test.direction == "higher" else -1.0
    a, b = sign * rows.loc[bad, "value"].to_numpy(), sign * rows.loc[~bad, "value"].to_numpy()
    if not len(a) or not len(b):
        return np.nan
    return float(np.mean([(value > b).mean() + (value == b).mean() / 2 for value in a]))


def audit_claims(
    raw: Raw, ledger: tuple[Claim, ...], claims: pd.DataFrame, tests: pd.DataFrame
) -> tuple[int, list[str], int]:
    """Compare every effect and interval with raw rows and every verdict with its interval.

    Returns:
        The count of numbers compared, a line a mismatch, and the count of tests whose effect this path does not redo.
    """
    compared, problems, left = 0, [], 0
    tests = tests.astype({"test": "object", "stratum": "object"}).fillna({"test": "", "stratum": ""})
    by_name = {(claim.id, test.name): test for claim in ledger for test in claim.tests}
    for row in tests.to_dict("records"):
        label = f"claim_tests: {row['id']}, {row['test'] or 'its test'}, {row['stratum'] or 'all runs'}"
        test = by_name.get((row["id"], row["test"]))
        if test is None:
            problems.append(f"{label}: not in the ledger")
        elif not np.isnan(row["low"]):
            count, found = _audit_test(raw, test, row)
            compared += count
            problems += [f"{label}: {problem}" for problem in found]
            left += count == 2
    return compared + len(claims), [*problems, *_not_once(ledger, claims, tests), *_audit_rows(claims, tests)], left


def _not_once(ledger: tuple[Claim, ...], claims: pd.DataFrame, tests: pd.DataFrame) -> Iterator[str]:
    """Name the claims, and the tests over all runs, that do not stand in their file exactly once."""
    rows, whole = Counter(claims["id"]), tests[tests["stratum"] == ""]
    tested = Counter(zip(whole["id"], whole["test"], strict=True))
    for claim in ledger:
        if rows[claim.id] != 1:
            yield f"claims: {claim.id}: {rows[claim.id]} rows"
        for test in claim.tests:
            if tested[claim.id, test.name] != 1:
                yield f"claim_tests: {claim.id}, {test.name or 'its test'}: {tested[claim.id, test.name]} rows"


def _audit_test(raw: Raw, test: ClaimTest, row: dict[Any, Any]) -> tuple[int, list[str]]:
    problems = (
        [] if _verdict(test, row) in (row["verdict"], "any") else [f"verdict {row['verdict']} is not its interval's"]
    )
    p = _p(test, row)
    if abs(p - row["p"]) > 2e-4 * max(p, 1e-12):
        problems.append(f"p is {row['p']:.10g}, its interval gives {p:.10g}")
    seeds = effects(raw, test, str(row["stratum"]))
    if seeds is None:
        return 2, problems
    reach = np.std(seeds, ddof=1) / sqrt(len(seeds)) * t_point(0.975, len(seeds) - 1) if len(seeds) > 1 else np.nan
    middle = float(np.mean(seeds)) if seeds else np.nan
    found = {"effect": middle, "low": middle - reach, "high": middle + reach, "n_seeds": len(seeds)}
    for column, value in found.items():
        if differing(float(value), float(row[column]), SINGLE):
            problems.append(f"{column} is {row[column]:.10g}, raw rows give {value:.10g}")
    return 6, problems


def _bound(test: ClaimTest) -> float:
    """Return the effect beyond which a claim holds."""
    absolute = test.rule in ("mean", "auc", "interaction_share", "law")
    return test.margin if absolute or test.direction in ("higher", "not higher") else -test.margin


def _p(test: ClaimTest, row: dict[Any, Any]) -> float:
    """Return p from the printed interval: two-sided, or twice the larger one-sided of an equivalence."""
    if row["high"] <= row["low"] or row["n_seeds"] < 2:
        return float("nan")  # all seeds agree, or the interval is not one over seeds
    freedom = int(row["n_seeds"]) - 1
    error = (row["high"] - row["low"]) / 2 / t_point(0.975, freedom)
    if test.rule == "equivalence":
        return min(1.0, 2 * t_tail((test.margin - abs(row["effect"])) / error, freedom))
    return 2 * t_tail(abs(row["effect"] - _bound(test)) / error, freedom)


def _verdict(test: ClaimTest, row: dict[Any, Any]) -> str:
    if str(row["verdict"]) == "conditional":
        return "any"
    low, high, margin = row["low"], row["high"], test.margin
    if test.rule == "equivalence":
        inside, outside = low > -margin and high < margin, low > margin or high < -margin
        return "supported" if inside else "contradicted" if outside else "inconclusive"
    at = _bound(test)
    above_is_good = test.rule == "auc" or test.direction in ("higher", "not lower")
    if low > at:
        return "supported" if above_is_good else "contradicted"
    return "inconclusive" if high >= at else "contradicted" if above_is_good else "supported"


def _audit_rows(claims: pd.DataFrame, tests: pd.DataFrame) -> Iterator[str]:
    """Yield the claims whose numbers are not those of one of their tests, and p that are not adjusted by Holm."""
    whole = tests[tests["stratum"] == ""]
    for row in claims.to_dict("records"):
        own = whole[whole["id"] == row["id"]]
        if np.isnan(row["effect"]):
            continue
        own = own[[not differing(row["effect"], effect) for effect in own["effect"]]]
        if own.empty:
            yield f"claims: {row['id']}: effect {row['effect']:.10g} is that of none of its tests"
        for column in ("low", "high", "p", "n_runs", "n_seeds") if len(own) else ():
            if all(differing(row[column], value) for value in own[column]):
                yield f"claims: {row['id']}: {column} {row[column]:.10g} is not that of its test"
    for family, rows in claims[claims["p"].notna()].groupby("family"):
        expected = holm(rows["p"].to_numpy(dtype=float))
        for name, adjusted, value in zip(rows["id"], rows["p_adjusted"], expected, strict=True):
            if differing(value, adjusted):
                yield f"claims: {name}: p_adjusted is {adjusted:.10g}, Holm within {family} gives {value:.10g}"


def audit_exact_claims(tests: pd.DataFrame, exact: pd.DataFrame) -> tuple[int, list[str]]:
    """Compare the numbers of exact claims with those of the checks that they name."""
    values = dict(zip(exact["check"], exact["value"], strict=True))
    rows = [row for row in tests.to_dict("records") if row["rule"] == "exact" and row["quantity"] in values]
    wrong = [row for row in rows if differing(values[row["quantity"]], row["effect"])]
    return len(rows), [
        f"claim_tests: {row['id']}: effect is {row['effect']:.10g}, exact.csv has {values[row['quantity']]:.10g}"
        for row in wrong
    ]

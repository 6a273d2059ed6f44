"""The verdicts of the ledger, from intervals that were printed, and those of claims from their tests'."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from actbench.audit.densities import t_point, t_tail
from actbench.plan.ledger import ClaimTest

SEEDS = 3  # fewer give no interval
SMALL, NOTHING = "n too small", "not estimable"
MADE = ("supported", "contradicted", "conditional", "inconclusive")
Row = dict[Any, Any]


def interval(seeds: Sequence[float], error: float | None = None) -> tuple[float, float, float]:
    """Return mean and ends of Student's 95 % interval of one number a seed; no ends for fewer than three.

    error: of the mean where it is not that of the seeds alone.
    """
    if not seeds:
        return np.nan, np.nan, np.nan
    middle, n = float(np.mean(seeds)), len(seeds)
    if n < SEEDS:
        return middle, np.nan, np.nan
    error = float(np.std(seeds, ddof=1)) / n**0.5 if error is None else error
    reach = error * t_point(0.975, n - 1)
    return middle, middle - reach, middle + reach


def _bound(test: ClaimTest) -> float:
    """Return the effect beyond which a claim holds."""
    absolute = test.rule in ("mean", "auc", "interaction_share", "law")
    return test.margin if absolute or test.direction in ("higher", "not higher") else -test.margin


def p_value(test: ClaimTest, row: Row, units: int) -> float:
    """Return p from the printed interval of so many units: two-sided, or twice the larger one-sided of an equivalence.

    Missing where there is no interval, and where all units agree.
    """
    if not row["high"] > row["low"] or units < 2:
        return float("nan")
    error = (row["high"] - row["low"]) / 2 / t_point(0.975, units - 1)
    if test.rule == "equivalence":
        return min(1.0, 2 * t_tail((test.margin - abs(row["effect"])) / error, units - 1))
    return 2 * t_tail(abs(row["effect"] - _bound(test)) / error, units - 1)


def verdict(test: ClaimTest, row: Row) -> str:
    """Return the verdict of a printed interval, or why there is none."""
    low, high, margin = row["low"], row["high"], test.margin
    if np.isnan(low):
        return NOTHING if np.isnan(row["effect"]) else SMALL
    if test.rule == "equivalence":
        inside, outside = low > -margin and high < margin, low > margin or high < -margin
        return "supported" if inside else "contradicted" if outside else "inconclusive"
    at = _bound(test)
    above_is_good = test.rule == "auc" or test.direction in ("higher", "not lower")
    if low > at:
        return "supported" if above_is_good else "contradicted"
    return "inconclusive" if high >= at else "contradicted" if above_is_good else "supported"


def split(verdicts: Sequence[str]) -> bool:
    """Tell whether some hold and some do not."""
    return "supported" in verdicts and "contradicted" in verdicts


def of_claim(verdicts: Sequence[str]) -> str:
    """Return the verdict of a claim that asserts all of its tests."""
    made = [word for word in verdicts if word in MADE]
    if not made:
        return verdicts[0] if verdicts else "not yet tested"
    if "conditional" in made or split(made):
        return made[0] if len(set(made)) == 1 else "conditional"
    if len(set(made)) > 1:
        return "inconclusive"
    return "inconclusive" if made[0] == "supported" and len(made) < len(verdicts) else made[0]

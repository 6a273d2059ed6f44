"""What each test of a claim is derived from: raw rows, rounds of timing, or a check of a function."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.audit.claim_effects import Effects, effects, strata
from actbench.audit.claim_resamples import error_again
from actbench.audit.claim_runs import needs_layers, runs_of_test, tried_for_test
from actbench.audit.raw_rows import Raw, runs_of
from actbench.plan.ledger import ClaimTest

LAWS = ("clip_coefficient",)
COSTS = {"ns_per_element": ("forward_ns", "backward_ns"), "us_per_step": ("step_us",)}


class Sources(NamedTuple):
    """What the tests of claims are derived from; a file that is not there is None."""

    raw: Raw
    costs: pd.DataFrame | None
    exact: pd.DataFrame | None


class Redone(NamedTuple):
    """The effects of a test by stratum, how many units stand behind p, or why there are none."""

    found: dict[str, Effects]
    said: str = ""  # the verdict of a test that was not made
    why: str = ""


def redo(sources: Sources, test: ClaimTest) -> Redone:
    """Return the effects of a test over all its runs and in each of its strata."""
    if test.rule in ("exact", "cost"):
        table = sources.exact if test.rule == "exact" else sources.costs
        if table is None or (test.rule == "exact" and test.check not in set(table["check"])):
            return Redone({"": Effects([], 0)}, said="not yet tested")
        return Redone({"": _exact(table, test) if test.rule == "exact" else _rounds(table, test)})
    if runs_of(sources.raw, test.study).empty:
        return Redone({"": Effects([], 0)}, said="study missing")
    if needs_layers(sources.raw, test) and sources.raw.layers is None:
        return Redone({}, why="layers.parquet is not there")
    if test.rule == "law" and test.check not in LAWS:
        return Redone({}, why="laws without a second formula")
    rows, tried = runs_of_test(sources.raw, test), dict(strata(tried_for_test(sources.raw, test), test))
    return Redone({label: _resampled(effects(own, test), tried[label], test) for label, own in strata(rows, test)})


def _resampled(found: Effects, tried: pd.DataFrame, test: ClaimTest) -> Effects:
    """Add the error that resamples of seeds give, from the runs at all rates."""
    error, slack = error_again(tried, test) if found.seeds else (None, 0.0)
    return found._replace(error=error, slack=slack)


def _exact(checks: pd.DataFrame, test: ClaimTest) -> Effects:
    return Effects([float(checks.loc[checks["check"] == test.check, "value"].iloc[0])], 0)


def _rounds(costs: pd.DataFrame, test: ClaimTest) -> Effects:
    """Return for each round of timing how much more one side takes than the other, as a share."""
    found = []
    names = list(test.this["activation"])
    others = list(test.that.get("activation", [name for name in costs["activation"].unique() if name not in names]))
    for _, own in costs.groupby("round"):
        times = {row["activation"]: sum(row[part] for part in COSTS[test.quantity]) for row in own.to_dict("records")}
        sides = [[times[name] for name in side if name in times] for side in (names, others)]
        if all(sides):
            found.append(float(np.mean(sides[0]) / np.mean(sides[1]) - 1))
    return Effects(found, 0)

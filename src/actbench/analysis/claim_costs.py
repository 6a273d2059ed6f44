"""What an activation costs against another, as claims about cost have it: timed side by side, round by round."""

from pathlib import Path

import pandas as pd

from actbench.analysis.claim_rules import Effects
from actbench.analysis.statistic_file import read_rounds
from actbench.plan.ledger import COSTS, ClaimTest


def read_costs(path: Path) -> pd.DataFrame:
    """Read stats/cost.csv with a column for each quantity of COSTS; no rows where it was not made."""
    timed = read_rounds(path)
    return timed.assign(**{name: timed[list(parts)].sum(axis=1) for name, parts in COSTS.items()})


def cost(costs: pd.DataFrame, test: ClaimTest) -> Effects:
    """Return for each round mean time of `this` over that of `that`, less 1. The round is the unit, not the seed.

    Args:
        costs: from `read_costs`: activation, round and the quantities.
        test: its sides name activations; without `that` it is all others.
    """
    this = costs["activation"].isin(test.this["activation"])
    that = ~this & costs["activation"].isin(test.that.get("activation", costs["activation"]))
    times = [costs[side].groupby("round")[test.quantity].mean() for side in (this, that)]
    by_round = (times[0] / times[1] - 1).dropna()
    return Effects(by_round.to_numpy(), 0, f"{len(by_round)} rounds of timing on this machine")

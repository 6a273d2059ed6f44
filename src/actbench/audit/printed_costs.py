"""Time beside score computed once more: a loop over the blocks of a study that hold every activation."""

from collections.abc import Iterator
from math import comb, nan

import pandas as pd

from actbench.audit.chosen_again import intervals_again, placed, scores_again, seeds_of
from actbench.audit.printed_rows import Numbers, Row, per_seed, with_these_ends
from actbench.audit.raw_rows import BLOCK, Raw


def cost_accuracy(raw: Raw, study: str) -> Iterator[Row]:
    """Yield the median time of an update, between which rounds it lies, and the score."""
    runs = placed(raw, study)
    names = runs["activation"].nunique()
    kept = [own for _, own in runs.groupby(BLOCK) if own["activation"].nunique() == names]
    if not kept:
        return iter(())
    counted = {"n_blocks": len(kept)}
    rows = [
        ((name,), counted | {"n_runs": len(own)} | _time(raw.costs, str(name)), per_seed(own, "score"))
        for name, own in pd.concat(kept).groupby("activation")
    ]
    groups = [own["place"].unique() for _, own in pd.concat(kept).groupby("activation")]
    ends = intervals_again(scores_again(raw, study), groups, seeds_of(raw, study), (0.0, 1.0))
    return with_these_ends(rows, "score", ends)


def _time(costs: pd.DataFrame | None, name: str) -> Numbers:
    """Return the middle of the sorted rounds, and the rounds that bound it."""
    own = None if costs is None else costs[costs["activation"] == name]
    if own is None or own.empty:
        return {"step_us": nan, "step_low": nan, "step_high": nan, "n_rounds": 0, "device": ""}
    times = sorted(own["step_us"])
    n = len(times)
    middle = (times[(n - 1) // 2] + times[n // 2]) / 2
    place = _bound(n)
    low, high = (times[place - 1], times[n - place]) if place else (nan, nan)
    return {"step_us": middle, "step_low": low, "step_high": high, "n_rounds": n, "device": own["device"].iloc[0]}


def _bound(n: int) -> int:
    """Return the largest r such that fewer than r of n fair coins show heads in at most 1 of 40 cases; 0: none."""
    return max(r for r in range(n) if 40 * sum(comb(n, heads) for heads in range(r)) <= 2**n)

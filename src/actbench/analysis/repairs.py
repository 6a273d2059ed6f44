"""Which change of one factor repaired runs: each run is paired with those that differ from it in that factor alone.

A pair has the same seed, so the same data order and weight noise. The changed run counts as repaired when it learned
and scores at least LEAST_GAIN more.
"""

import pandas as pd

from actbench.analysis.intervals import wilson
from actbench.analysis.recorded import factors_of

LEAST_GAIN = 0.03  # two standard errors of an accuracy near 0.5 on 1,000 test examples
NO_REMEDY = ("dataset", "seed")  # another task, another draw
BY = ["factor", "before", "after"]
COLUMNS = [*BY, "n_pairs", "n_repaired", "n_seeds", "score_before", "score_after"]


def repair_pairs(ill: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Pair each ill run with every run of the table that differs from it in one factor that is a remedy.

    Args:
        ill: rows of `runs` with the metrics `score` and `trained`.
        runs: all runs with the same columns, each run key once.

    Returns:
        run_key (of the ill run), other_key, seed, factor, before, after (levels), score_before, score_after, repaired.
    """
    factors = factors_of(runs)
    parts = []
    for factor in [name for name in factors if name not in NO_REMEDY]:
        rest = ["numerics", *(name for name in factors if name != factor)]
        shown = ["run_key", factor, *rest, "score", "trained"]
        pairs = ill[shown].merge(runs[shown], on=rest, suffixes=("_before", "_after"))
        pairs = pairs[pairs[f"{factor}_before"] != pairs[f"{factor}_after"]]
        renamed = {f"{factor}_before": "before", f"{factor}_after": "after", "run_key_before": "run_key"}
        renamed["run_key_after"] = "other_key"
        parts.append(pairs.rename(columns=renamed).assign(factor=factor).astype({"before": object, "after": object}))
    names = ["run_key", "other_key", *BY, "score_before", "score_after", "trained_after"]
    columns = [*names, "seed"]
    joined = pd.concat(
        [part.reindex(columns=columns) for part in parts] or [pd.DataFrame(columns=columns)], ignore_index=True
    )
    gained = joined["score_after"] - joined["score_before"] >= LEAST_GAIN
    return joined.assign(repaired=joined["trained_after"].astype(bool) & gained)


def repairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """Count for each change of one factor how many pairs it repaired; the surest and largest repairs stand first.

    In the order of Wilson's lower bound on the share repaired, so that 19 of 20 stand before 2 of 2; then of the gain.

    Returns:
        Columns COLUMNS: score_before and score_after are means over the pairs.
    """
    counted = pairs.groupby(BY, sort=False, as_index=False).agg(
        n_pairs=("repaired", "size"),
        n_repaired=("repaired", "sum"),
        n_seeds=("seed", "nunique"),
        score_before=("score_before", "mean"),
        score_after=("score_after", "mean"),
    )
    sure, _ = wilson(counted["n_repaired"], counted["n_pairs"])
    gain = counted["score_after"] - counted["score_before"]
    ordered = counted.assign(sure=sure, gain=gain).sort_values(["sure", "gain"], ascending=False, kind="stable")
    return ordered.astype({"before": object, "after": object}).reset_index(drop=True)[COLUMNS]


def that_helped(counted: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `repairs` that repaired a pair and gained at least LEAST_GAIN in the mean over all pairs."""
    gain = counted["score_after"] - counted["score_before"]
    return counted[(counted["n_repaired"] > 0) & (gain >= LEAST_GAIN)]

"""What an activation costs in training beside what it brings: time of an update against the score."""

import numpy as np
import pandas as pd

from actbench.analysis.comparisons import BLOCK
from actbench.analysis.intervals import TOO_SMALL, bootstrap_means, join_notes, over_seeds

UPDATES = 1000


def cost_accuracy(scores: pd.DataFrame) -> pd.DataFrame:
    """Put time and score of each activation side by side, over the blocks that hold every activation of the study.

    seconds is the mean over these runs of 1,000 · seconds / steps. Blocks differ in depth and so in time by far more
    than activations do: relative is the mean over blocks of seconds over the mean of all activations of the block, with
    a bootstrap over blocks. Seeds share a stack and its clock, so they have no interval of time. score is the mean over
    seeds of the mean over blocks, with a bootstrap over seeds.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.

    Returns:
        Columns of stats_schema.COST_ACCURACY.
    """
    parts = [_of_study(rows).assign(study=str(study)) for study, rows in scores.groupby("study", sort=True)]
    return pd.concat(parts, ignore_index=True)


def _of_study(rows: pd.DataFrame) -> pd.DataFrame:
    each = rows.groupby(BLOCK)["activation"].transform("nunique") == rows["activation"].nunique()
    rows = rows[each].assign(time=lambda own: UPDATES * own["seconds"] / own["steps"])
    if rows.empty:
        return pd.DataFrame()
    wide = rows.groupby([*BLOCK, "activation"])["time"].mean().unstack("activation")
    relative = wide.div(wide.mean(axis=1), axis=0).fillna(1.0)  # nobody measured a time of 0
    low, high, kind = bootstrap_means(relative.to_numpy().T)
    per_seed = rows.groupby(["activation", "seed"], as_index=False).agg(score=("score", "mean"))
    found = over_seeds(per_seed, ["activation"], "score").rename(columns={"mean": "score"})
    return found.assign(
        n_blocks=len(wide),
        n_runs=rows.groupby("activation").size().to_numpy(),
        seconds=rows.groupby("activation")["time"].mean().to_numpy(),
        relative=relative.mean().to_numpy(),
        relative_low=low,
        relative_high=high,
        note=join_notes(found["note"], np.where(kind == "", f"time: {TOO_SMALL}", "")),
    )

"""Learning curves averaged over conditions and seeds."""

import pandas as pd

from actbench.analysis.intervals import over_seeds
from actbench.analysis.metrics import WORST_ACCURACY

BY = ["study", "activation", "depth", "steps", "split", "step"]


def curve_table(scores: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Estimate the accuracy of each activation at each depth after each evaluated step.

    Accuracy is averaged over conditions within a seed and the seeds are resampled, as in `estimates.by_depth`. From
    the step at which a run failed its accuracy counts as 0, the worst possible.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        curves: the table `curves`; rows of other runs are left out.

    Returns:
        Columns of stats_schema.CURVES: BY, n_runs, n_seeds, accuracy, low, high, interval, note.
    """
    complete = _fill(scores, curves)
    per_seed = complete.groupby([*BY, "seed"], as_index=False).agg(accuracy=("accuracy", "mean"))
    estimated = over_seeds(per_seed, BY, "accuracy").rename(columns={"mean": "accuracy"})
    runs = complete.groupby(BY, as_index=False).agg(n_runs=("accuracy", "size"))
    return estimated.merge(runs, on=BY, validate="one_to_one")


def _fill(scores: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Give every run a row for every step and split on which the runs of its length were evaluated."""
    own = scores[["study", "activation", "depth", "steps", "seed", "run_key", "failed"]]
    length = own[["run_key", "steps"]].drop_duplicates()
    recorded = curves[["run_key", "step", "split", "accuracy"]].astype({"accuracy": "float64"})
    schedule = recorded.merge(length, on="run_key")[["steps", "split", "step"]].drop_duplicates()
    filled = own.merge(schedule, on="steps").merge(recorded, how="left", on=["run_key", "step", "split"])
    missing = filled["accuracy"].isna()
    assert not (missing & ~filled["failed"]).any(), "a run that is ok has every evaluation"
    return filled.assign(accuracy=filled["accuracy"].fillna(WORST_ACCURACY))

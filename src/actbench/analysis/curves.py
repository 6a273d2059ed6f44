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
        curves: the table `curves`, words as such or as categories; rows of other runs are left out.

    Returns:
        Columns of stats_schema.CURVES: BY, n_runs, n_seeds, accuracy, low, high, interval, note.
    """
    schedule = schedule_of(scores, curves)
    parts = [_estimate(fill_failures(own, curves, schedule, BY[:4])) for _, own in scores.groupby("activation")]
    return pd.concat(parts).sort_values(BY, ignore_index=True)


def _estimate(complete: pd.DataFrame) -> pd.DataFrame:
    per_seed = complete.groupby([*BY, "seed"], as_index=False).agg(accuracy=("accuracy", "mean"))
    estimated = over_seeds(per_seed, BY, "accuracy").rename(columns={"mean": "accuracy"})
    runs = complete.groupby(BY, as_index=False).agg(n_runs=("accuracy", "size"))
    return estimated.merge(runs, on=BY, validate="one_to_one")


def schedule_of(scores: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """List the steps and splits on which the runs of each length were evaluated."""
    length = scores[["run_key", "steps"]].drop_duplicates()
    recorded = curves[["run_key", "step", "split"]]
    steps = recorded["run_key"].map(length.set_index("run_key")["steps"]).astype("Int64")
    schedule = recorded[["step", "split"]].assign(steps=steps).drop_duplicates().dropna()
    return schedule.astype({"steps": "int64", "split": "str"})


def fill_failures(own: pd.DataFrame, curves: pd.DataFrame, schedule: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Give each run a row for every step and split on which the runs of its length were evaluated.

    Args:
        own: runs with the columns `by`, steps, seed, run_key and failed.
        curves: the table `curves`; rows of other runs are left out.
        schedule: from `schedule_of`.
        by: columns of `own` to keep beside these.

    Returns:
        The kept columns, step, split and accuracy, which is 0 from the step of a failure on.
    """
    own = own[list(dict.fromkeys([*by, "steps", "seed", "run_key", "failed"]))]
    recorded = curves.loc[curves["run_key"].isin(own["run_key"]), ["run_key", "step", "split", "accuracy"]]
    recorded = recorded.astype({"run_key": "str", "split": "str", "accuracy": "float64"})
    filled = own.merge(schedule, on="steps").merge(recorded, how="left", on=["run_key", "step", "split"])
    missing = filled["accuracy"].isna()
    assert not (missing & ~filled["failed"]).any(), "a run that is ok has every evaluation"
    return filled.assign(accuracy=filled["accuracy"].fillna(WORST_ACCURACY))

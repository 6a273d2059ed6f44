"""Learning curves averaged over conditions and seeds."""

from dataclasses import replace

import numpy as np
import pandas as pd

from actbench.analysis.evaluations import NEVER, Evaluations
from actbench.analysis.intervals import mean_over_seeds
from actbench.analysis.metrics import WORST_ACCURACY
from actbench.analysis.rate_choice import chosen_again, rate_grid

BY = ["study", "activation", "depth", "steps", "split", "step"]


def curve_table(scores: pd.DataFrame, curves: Evaluations, rows: pd.DataFrame) -> pd.DataFrame:
    """Estimate the accuracy of each activation at each depth after each evaluated step.

    Accuracy is averaged over conditions within a seed and the seeds are resampled, learning rates being chosen again,
    as in `estimates.by_depth`. From the step at which a run failed its accuracy counts as 0, the worst possible.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        curves: the table `curves` of the runs at all learning rates.
        rows: these runs, from `outcome_cube.outcomes`, with their conditions numbered.

    Returns:
        Columns of stats_schema.CURVES: BY, n_runs, n_seeds, accuracy, low, high, interval, note.
    """
    schedule = schedule_of(scores, curves)
    scores = scores.astype(dict.fromkeys(("study", "activation"), "category"))  # to group numbers, not text
    parts = [
        _estimate(fill_failures(own, curves, schedule, BY[:4]))
        for _, own in scores.groupby("activation", observed=True)
    ]
    choice = [*BY[:4], "condition", "lr", "val_score"]
    ends = [_intervals(fill_failures(own, curves, schedule, choice)) for _, own in rows.groupby("activation")]
    words = dict.fromkeys(("study", "activation", "split"), "str")
    estimated = pd.concat(parts).astype(words).sort_values(BY, ignore_index=True)
    return estimated.merge(pd.concat(ends), how="left", on=BY, validate="one_to_one")


def _estimate(complete: pd.DataFrame) -> pd.DataFrame:
    per_seed = complete.groupby([*BY, "seed"], as_index=False, observed=True).agg(accuracy=("accuracy", "mean"))
    estimated = mean_over_seeds(per_seed, BY, "accuracy").rename(columns={"mean": "accuracy"})
    runs = complete.groupby(BY, as_index=False, observed=True).agg(n_runs=("accuracy", "size"))
    return estimated.merge(runs, on=BY, validate="one_to_one")


def _intervals(every: pd.DataFrame) -> pd.DataFrame:
    """Return low, high and interval of each row: at each step a condition chooses as it does by its final scores."""
    every = every.astype({"split": "str"})
    at_step = every.groupby(["condition", "split", "step"]).ngroup()
    grid = rate_grid(every.assign(score=every["accuracy"], condition=at_step))
    place = np.unique(at_step, return_index=True)[1]
    _, first, chooser_C = np.unique(every["condition"].to_numpy()[place], return_index=True, return_inverse=True)
    grid = replace(grid, val_CLS=grid.val_CLS[first], chooser_C=chooser_C)
    return chosen_again(grid, every.assign(condition=at_step), BY)


def schedule_of(scores: pd.DataFrame, curves: Evaluations) -> pd.DataFrame:
    """List the steps and splits on which the runs of each length were evaluated, and the place of each in `curves`."""
    length = scores[["run_key", "steps"]].drop_duplicates()
    evaluated = curves.of(length["run_key"]) != NEVER
    places = curves.places().rename_axis("place").reset_index()
    lengths = np.unique(length["steps"])
    parts = [places[evaluated[:, length["steps"] == steps].any(axis=1)].assign(steps=steps) for steps in lengths]
    schedule: pd.DataFrame = pd.concat(parts).astype({"step": "int64", "steps": "int64", "split": "category"})
    return schedule


def fill_failures(own: pd.DataFrame, curves: Evaluations, schedule: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Give each run a row for every step and split on which the runs of its length were evaluated.

    Args:
        own: runs with the columns `by`, steps, seed, run_key and failed.
        curves: the table `curves`, of these runs and maybe others.
        schedule: from `schedule_of`.
        by: columns of `own` to keep beside these.

    Returns:
        The kept columns, step, split and accuracy, which is 0 from the step of a failure on.
    """
    recorded = curves.of(own["run_key"])
    own = own[list(dict.fromkeys([*by, "steps", "seed", "failed"]))].assign(run=range(len(own)))
    filled = own.merge(schedule, on="steps")
    accuracy = recorded[filled["place"], filled["run"]].astype(np.float64)
    lost = np.isnan(accuracy) | (accuracy == NEVER)
    assert not (lost & ~filled["failed"]).any(), "a run that is ok has every evaluation"
    return filled.drop(columns=["run", "place"]).assign(accuracy=np.where(lost, WORST_ACCURACY, accuracy))

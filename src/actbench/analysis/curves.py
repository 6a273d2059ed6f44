"""Learning curves averaged over conditions and seeds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.intervals import Array, mean_over_seeds
from actbench.analysis.metrics import WORST_ACCURACY
from actbench.analysis.rate_choice import chosen_again, rate_grid

BY = ["study", "activation", "depth", "steps", "split", "step"]


def curve_table(scores: pd.DataFrame, curves: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Estimate the accuracy of each activation at each depth after each evaluated step.

    Accuracy is averaged over conditions within a seed and the seeds are resampled, learning rates being chosen again,
    as in `estimates.by_depth`. From the step at which a run failed its accuracy counts as 0, the worst possible.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        curves: the table `curves` of the runs at all learning rates, words as such or as categories.
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
    keys = pd.Index(own["run_key"].unique())
    steps, splits = np.unique(schedule["step"]), pd.Index(schedule["split"].unique())
    place = np.searchsorted(steps, schedule["step"]) * len(splits) + splits.get_indexer(schedule["split"])
    own = own[list(dict.fromkeys([*by, "steps", "seed", "failed"]))].assign(run=keys.get_indexer(own["run_key"]))
    filled = own.merge(schedule.assign(place=place).astype({"split": "category"}), on="steps")
    accuracy = _recorded(curves, keys, steps, splits)[filled["run"], filled["place"]]
    assert not (np.isnan(accuracy) & ~filled["failed"]).any(), "a run that is ok has every evaluation"
    filled = filled.drop(columns=["run", "place"])
    return filled.assign(accuracy=np.where(np.isnan(accuracy), WORST_ACCURACY, accuracy))


def _recorded(curves: pd.DataFrame, keys: "pd.Index[Any]", steps: Array, splits: "pd.Index[Any]") -> Array:
    """Return the accuracy of each run, a row each, at each step and split; nan where it was not recorded."""
    words = curves[["run_key", "split"]].astype("category")
    run, split = (
        known.get_indexer(words[name].cat.categories)[words[name].cat.codes]
        for name, known in (("run_key", keys), ("split", splits))
    )
    step = curves["step"].to_numpy()
    kept = (run >= 0) & (split >= 0) & np.isin(step, steps)
    found = np.full((len(keys), len(steps) * len(splits)), np.nan)
    place = np.searchsorted(steps, step[kept]) * len(splits) + split[kept]
    found[run[kept], place] = curves["accuracy"].to_numpy()[kept]
    return found

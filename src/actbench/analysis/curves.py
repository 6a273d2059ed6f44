"""Learning curves averaged over conditions and seeds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.evaluations import COLUMNS, NEVER, Evaluations, evaluations_of
from actbench.analysis.intervals import mean_over_seeds
from actbench.analysis.metrics import WORST_ACCURACY
from actbench.analysis.rate_choice import chosen_again, rate_grid
from actbench.analysis.row_groups import iterate_rows, iterate_rows_of
from actbench.analysis.run_places import places_of
from actbench.plan.config import Config

BY = ["study", "activation", "depth", "steps", "split", "step"]
WORDS = dict.fromkeys(("study", "activation", "split"), "str")


@dataclass(frozen=True)
class Curves:
    """The table `curves`: when runs are evaluated, from `schedule_of`, and the evaluations of those with some keys."""

    schedule: pd.DataFrame
    of: Callable[[Any], Evaluations]


def curves_of(config: Config, runs: pd.DataFrame, results: Path) -> Curves:
    """Return the table of a config, of which some runs are read at a time.

    Args:
        config: the config at hand.
        runs: columns run_key and steps of all runs.
        results: folder of all results.
    """
    places = iterate_rows(config, "curves", ["run_key", "step", "split"], results)
    return Curves(
        schedule_of(places, runs.set_index("run_key")),
        lambda keys: evaluations_of(iterate_rows_of(config, "curves", COLUMNS, keys, results), keys),
    )


def curve_table(scores: pd.DataFrame, rows: pd.DataFrame, curves: Curves) -> pd.DataFrame:
    """Estimate the accuracy of each activation at each depth after each evaluated step.

    Accuracy is averaged over conditions within a seed and the seeds are resampled, learning rates being chosen again,
    as in `estimates.by_depth`. From the step at which a run failed its accuracy counts as 0, the worst possible.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        rows: the runs at all learning rates, from `outcome_cube.outcomes`, with their conditions numbered.
        curves: the table `curves`.

    Returns:
        Columns of stats_schema.CURVES: BY, n_runs, n_seeds, accuracy, low, high, interval, note.
    """
    tables = [
        _of_activation(own, scores[scores["activation"] == activation], curves)
        for activation, own in rows.groupby("activation")
    ]
    return pd.concat(tables).sort_values(BY, ignore_index=True)


def _of_activation(rows: pd.DataFrame, scores: pd.DataFrame, curves: Curves) -> pd.DataFrame:
    recorded = curves.of(rows["run_key"].unique())
    scores = scores.astype(dict.fromkeys(("study", "activation"), "category"))  # to group numbers, not text
    estimated = _estimate(fill_failures(scores, recorded, curves.schedule, BY[:4])).astype(WORDS)
    choice = [*BY[:4], "condition", "lr", "val_score"]
    ends = _intervals(fill_failures(rows, recorded, curves.schedule, choice)).astype(WORDS)
    return estimated.merge(ends, how="left", on=BY, validate="one_to_one")


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


def schedule_of(parts: Iterable[pd.DataFrame], runs: pd.DataFrame) -> pd.DataFrame:
    """List the steps and splits on which the runs of each length were evaluated: columns steps, step, split.

    Args:
        parts: of the table `curves`, with words as such or as categories.
        runs: column steps, by run_key; evaluations of other runs are left out.
    """
    found: set[tuple[int, int, str]] = set()
    for rows in parts:
        words = rows["run_key"].astype("category").cat
        run = places_of(words.categories, runs.index)[words.codes]
        places = pd.DataFrame({"steps": runs["steps"].to_numpy()[run], "step": rows["step"], "split": rows["split"]})
        found.update(places[run >= 0].drop_duplicates().itertuples(index=False, name=None))
    schedule = pd.DataFrame(sorted(found), columns=["steps", "step", "split"])
    return schedule.astype({"steps": "int64", "step": "int64", "split": "category"})


def fill_failures(own: pd.DataFrame, curves: Evaluations, schedule: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Give each run a row for every step and split on which the runs of its length were evaluated.

    Args:
        own: runs with the columns `by`, steps, seed, run_key and failed.
        curves: of these runs and maybe others.
        schedule: from `schedule_of`.
        by: columns of `own` to keep beside these.

    Returns:
        The kept columns, step, split and accuracy, which is 0 from the step of a failure on.
    """
    recorded = curves.of(own["run_key"])
    own = own[list(dict.fromkeys([*by, "steps", "seed", "failed"]))].assign(run=range(len(own)))
    filled = own.merge(schedule.assign(place=curves.places_of(schedule)), on="steps")
    accuracy = recorded[filled["place"], filled["run"]].astype(np.float64)
    lost = np.isnan(accuracy) | (accuracy == NEVER)
    assert not (lost & ~filled["failed"]).any(), "a run that is ok has every evaluation"
    return filled.drop(columns=["run", "place"]).assign(accuracy=np.where(lost, WORST_ACCURACY, accuracy))

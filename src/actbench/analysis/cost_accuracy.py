"""What an activation costs in training beside what it brings: time of an update against the score."""

import numpy as np
import pandas as pd

from actbench.analysis.comparisons import BLOCK
from actbench.analysis.intervals import TOO_SMALL, join_notes, mean_over_seeds
from actbench.analysis.rate_choice import RateGrid, chosen_again
from actbench.analysis.update_times import update_times

NOT_TIMED = "not timed"


def cost_accuracy(scores: pd.DataFrame, grid: RateGrid, rounds: pd.DataFrame) -> pd.DataFrame:
    """Put time and score of each activation side by side, scores over the blocks that hold every activation.

    The time is that of the same network with each activation in turn. The times of the runs themselves are no measure
    of an activation: each was trained in another job, beside other jobs. score is the mean over seeds of the mean over
    blocks; its interval chooses the learning rates again in every resample of seeds.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        grid: the runs at all learning rates, from `rate_choice.rate_grid`.
        rounds: the rounds of timing, from `statistic_file.read_rounds`; may be empty.

    Returns:
        Columns of stats_schema.COST_ACCURACY.
    """
    times, by = update_times(rounds), ["study", "activation"]
    of_study = scores.groupby("study")["activation"].transform("nunique")
    each = scores.groupby(["study", *BLOCK])["activation"].transform("nunique") == of_study
    rows = scores[each]
    if rows.empty:
        return pd.DataFrame()
    parts = [_of_study(own, times).assign(study=str(study)) for study, own in rows.groupby("study", sort=True)]
    found = pd.concat(parts, ignore_index=True)
    return found.merge(chosen_again(grid, rows, by), on=by, validate="one_to_one")


def _of_study(rows: pd.DataFrame, times: pd.DataFrame) -> pd.DataFrame:
    per_seed = rows.groupby(["activation", "seed"], as_index=False).agg(score=("score", "mean"))
    found = mean_over_seeds(per_seed, ["activation"], "score").rename(columns={"mean": "score"})
    found = found.join(times, on="activation").fillna({"n_rounds": 0, "device": ""})
    few = np.where(found["step_low"].isna(), f"time: {TOO_SMALL}", "")
    said = np.where(found["step_us"].isna(), f"time: {NOT_TIMED}", few)
    return found.assign(
        n_blocks=rows[BLOCK].drop_duplicates().shape[0],
        n_runs=rows.groupby("activation").size().to_numpy(),
        note=join_notes(found["note"], said),
    )

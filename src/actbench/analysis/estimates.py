"""Estimates with intervals: every condition, every activation by depth, trainable shares, and the studies' counts.

Every function takes the scores of `metrics.scores_by_study`, the runs at the chosen learning rates; intervals over
seeds take the runs at all of them, from `rate_choice.rate_grid`.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import trim_mean

from actbench.analysis.intervals import join_notes, mean_over_seeds, shares
from actbench.analysis.metrics import CONDITION
from actbench.analysis.rate_choice import RateGrid, chosen_again
from actbench.plan.config import Config
from actbench.plan.schema import STATUSES

ALL = "all"
ALL_FAILED = "all runs failed"
UNBALANCED = "seeds differ in conditions"


def conditions(scores: pd.DataFrame, grid: RateGrid) -> pd.DataFrame:
    """Estimate each condition of each study: mean score over seeds, failure rate, mean loss.

    The interval of the score chooses the learning rates again in every resample of seeds.
    """
    named = scores.drop_duplicates("condition")[["condition", "study", *CONDITION, "lr", "n_lr"]]
    score = mean_over_seeds(scores, ["condition"], "score").rename(columns={"mean": "score"})
    score = score.merge(chosen_again(grid, scores, ["condition"]), on="condition", validate="one_to_one")
    failures = shares(scores, ["condition"], "failed", "failure_rate")
    loss = scores.groupby("condition")["loss"].mean().reset_index()
    joined = named
    for part in (score, failures, loss):
        joined = joined.merge(part, on="condition", validate="one_to_one")
    return joined.assign(note=join_notes(joined["note"], _all_failed(joined)))


def by_depth(scores: pd.DataFrame, grid: RateGrid) -> pd.DataFrame:
    """Estimate each activation at each depth of each study.

    Scores are averaged over conditions within a seed, and the seeds are resampled: conditions of one seed share
    their random numbers and are no independent replications. Every resample chooses the learning rates again.
    """
    by = ["study", "activation", "depth"]
    per_seed = scores.groupby([*by, "seed"], as_index=False).agg(score=("score", "mean"), size=("score", "size"))
    joined = mean_over_seeds(per_seed, by, "score").rename(columns={"mean": "score"})
    spread = per_seed.groupby(by, as_index=False)["size"].agg(["min", "max"])
    grouped = scores.groupby(by)
    middle = grouped.agg(
        median=("score", "median"),
        iqm=("score", lambda values: iqm(values.to_numpy())),
        n_conditions=("condition", "nunique"),
    )
    failures = shares(scores, by, "failed", "failure_rate")
    for part in (chosen_again(grid, scores, by), failures, spread, middle.reset_index()):
        joined = joined.merge(part, on=by, validate="one_to_one")
    unbalanced = [UNBALANCED if low < high else "" for low, high in zip(joined["min"], joined["max"], strict=True)]
    return joined.assign(note=join_notes(joined["note"], _all_failed(joined), unbalanced))


def trainable(scores: pd.DataFrame) -> pd.DataFrame:
    """Count the runs that trained for each activation, depth, init, norm and residual.

    Rows with norm or residual `all` take every level of it together.
    """
    by = ["study", "activation", "depth", "init", "norm", "residual"]
    together = [{}, {"norm": ALL}, {"residual": ALL}, {"norm": ALL, "residual": ALL}]
    parts = []
    for rows in (scores.assign(**levels) for levels in together):
        seeds = rows.groupby(by, as_index=False).agg(n_seeds=("seed", "nunique"))
        parts.append(shares(rows, by, "trained", "trained_share").merge(seeds, on=by, validate="one_to_one"))
    counted = pd.concat(parts).sort_values(by, ignore_index=True)
    return counted.assign(note=["n too small" if n == 1 else "" for n in counted["n_runs"]])


def count_statuses(runs: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Count runs, at all learning rates, by study, seed and status: columns study, seed, status, size."""
    joined = members.merge(runs[["run_key", "seed", "status"]], on="run_key", validate="many_to_one")
    return joined.groupby(["study", "seed", "status"], as_index=False).size()


def studies(config: Config, counted: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Describe each study: its runs by status and its seeds, at all learning rates, and its conditions.

    Args:
        config: gives the studies their order and questions.
        counted: rows of `count_statuses`; those of several parts of the runs may follow one another.
        scores: the runs at the chosen learning rates.
    """
    n_conditions = scores.groupby("study")["condition"].nunique()
    rows = []
    for study in config.studies:
        own = counted[counted["study"] == study.name]
        counts = {f"n_{status}": int(own.loc[own["status"] == status, "size"].sum()) for status in STATUSES}
        whole = {"n_seeds": own["seed"].nunique(), "n_conditions": n_conditions[study.name]}
        rows.append({"study": study.name, "question": study.question, "n_runs": own["size"].sum()} | counts | whole)
        rows[-1]["note"] = ALL_FAILED if counts["n_ok"] == 0 else ""
    return pd.DataFrame(rows)


def _all_failed(counted: pd.DataFrame) -> list[str]:
    return [ALL_FAILED if n == failed else "" for n, failed in zip(counted["n_runs"], counted["n_failed"], strict=True)]


def iqm(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Return the interquartile mean: the mean of the middle half (Agarwal et al. 2021, section 4.3)."""
    return float(trim_mean(values, 0.25))

"""The mean rank of each activation over blocks and seeds."""

from collections import Counter

import numpy as np
import pandas as pd

from actbench.analysis.comparisons import BLOCK
from actbench.analysis.intervals import join_notes, over_seeds, shares


def rank(scores: pd.DataFrame) -> pd.DataFrame:
    """Rank the activations of each study within each block and seed and average the ranks.

    Rank 1 is the highest score; failed runs rank last, below every run that is ok, and ties share their mean rank
    (Friedman 1937). Only blocks that hold every activation of the study with the same seed are ranked. The interval
    is a bootstrap over seeds of the mean over blocks.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.

    Returns:
        Columns of stats_schema.RANKING; blocks left out, counted once a seed, stand in `note`.
    """
    ranked = scores.assign(block=scores.groupby(["study", *BLOCK]).ngroup())
    complete = _is_complete(ranked)
    skipped = Counter(ranked[~complete].drop_duplicates(["block", "seed"])["study"])
    return _average(_rank(ranked[complete]), scores, skipped)


def _is_complete(ranked: pd.DataFrame) -> "pd.Series[bool]":
    """Tell for each run whether its block has every activation of its study with its seed."""
    of_study = ranked.groupby("study")["activation"].transform("nunique")
    return ranked.groupby(["block", "seed"])["activation"].transform("nunique") == of_study


def _rank(complete: pd.DataFrame) -> pd.DataFrame:
    order = complete["score"].where(~complete["failed"], -np.inf)
    ranks = order.groupby([complete["block"], complete["seed"]]).rank(ascending=False, method="average")
    return complete.assign(rank=ranks)


def _average(ranked: pd.DataFrame, scores: pd.DataFrame, skipped: Counter[str]) -> pd.DataFrame:
    by = ["study", "activation"]
    per_seed = ranked.groupby([*by, "seed"])["rank"].mean().reset_index()
    joined = over_seeds(per_seed, by, "rank").rename(columns={"mean": "rank"})
    others = ranked.groupby(by, as_index=False).agg(score=("score", "mean"), n_blocks=("block", "nunique"))
    joined = joined.merge(others, on=by, validate="one_to_one")
    joined = joined.merge(shares(ranked, by, "failed", "failure_rate"), on=by, validate="one_to_one")
    everything = scores[by].drop_duplicates().sort_values(by, ignore_index=True)
    joined = everything.merge(joined, how="left", on=by, validate="one_to_one")
    counts = ["n_blocks", "n_seeds", "n_runs", "n_failed"]
    joined = joined.fillna({"note": "no block holds every activation", "interval": "", **dict.fromkeys(counts, 0)})
    left_out = [
        f"{skipped[study]} incomplete blocks (one seed each) left out" if skipped[study] else ""
        for study in joined["study"]
    ]
    return joined.assign(note=join_notes(joined["note"], left_out)).astype(dict.fromkeys(counts, "int64"))

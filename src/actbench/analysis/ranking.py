"""The mean rank of each activation over blocks and seeds."""

from collections import Counter

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from actbench.analysis.comparisons import BLOCK
from actbench.analysis.intervals import join_notes, mean_over_seeds, shares
from actbench.analysis.rate_choice import Array, Places, RateGrid, group_means
from actbench.analysis.seed_resampling import mean_intervals


def rank(scores: pd.DataFrame, grid: RateGrid) -> pd.DataFrame:
    """Rank the activations of each study within each block and seed and average the ranks.

    Rank 1 is the highest score; failed runs rank last, below every run that is ok, and ties share their mean rank
    (Friedman 1937). Only blocks that hold every activation of the study with the same seed are ranked. The interval
    is that of `seed_resampling.mean_intervals`, with learning rates chosen again in every resample.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        grid: the runs at all learning rates, from `rate_choice.rate_grid`.

    Returns:
        Columns of stats_schema.RANKING; blocks left out, counted once a seed, stand in `note`.
    """
    ranked = scores.assign(block=scores.groupby(["study", *BLOCK]).ngroup())
    complete = _is_complete(ranked)
    skipped = Counter(ranked[~complete].drop_duplicates(["block", "seed"])["study"])
    return _average(_rank(ranked[complete]), _intervals(ranked, grid), scores, skipped)


def _is_complete(ranked: pd.DataFrame) -> "pd.Series[bool]":
    """Tell for each run whether its block has every activation of its study with its seed."""
    of_study = ranked.groupby("study")["activation"].transform("nunique")
    return ranked.groupby(["block", "seed"])["activation"].transform("nunique") == of_study


def _rank(complete: pd.DataFrame) -> pd.DataFrame:
    order = complete["score"].where(~complete["failed"], -np.inf)
    ranks = order.groupby([complete["block"], complete["seed"]]).rank(ascending=False, method="average")
    return complete.assign(rank=ranks)


def _intervals(ranked: pd.DataFrame, grid: RateGrid) -> pd.DataFrame:
    """Return low, high and interval of each activation's mean rank; none where no block holds every activation."""
    tables = {
        study: own.drop_duplicates("condition").pivot(index="block", columns="activation", values="condition").dropna()
        for study, own in ranked.groupby("study")
    }
    places = [table.to_numpy(dtype=np.intp) for table in tables.values() if len(table)]
    names = [(study, name) for study, table in tables.items() if len(table) for name in table]
    low, high, kind = mean_intervals(lambda weights_S: _mean_ranks(grid.ordered(weights_S), places), grid.n_seeds)
    most = [len(table.columns) for table in tables.values() if len(table) for _ in table]
    bounded = {"low": np.maximum(low, 1.0), "high": np.minimum(high, most)}
    return pd.DataFrame(names, columns=["study", "activation"]).assign(interval=kind, **bounded)


def _mean_ranks(ordered_CS: Array, places: list[Places]) -> Array:
    """Return the mean rank over blocks of the activations of one study after another, in each seed."""
    parts = [np.empty((0, ordered_CS.shape[1]))]
    for place_NA in places:
        ranks_NAS = rankdata(-ordered_CS[place_NA], axis=1)  # nan where one of the block is missing
        n, a, s = ranks_NAS.shape
        parts.append(group_means(ranks_NAS.reshape(n * a, s), np.tile(np.arange(a), n), a))
    return np.concatenate(parts)


def _average(
    ranked: pd.DataFrame, intervals: pd.DataFrame, scores: pd.DataFrame, skipped: Counter[str]
) -> pd.DataFrame:
    by = ["study", "activation"]
    per_seed = ranked.groupby([*by, "seed"])["rank"].mean().reset_index()
    joined = mean_over_seeds(per_seed, by, "rank").rename(columns={"mean": "rank"})
    joined = joined.merge(intervals, how="left", on=by, validate="one_to_one")
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

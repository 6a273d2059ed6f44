"""How levels act together: means of every two levels, and the effect of one level within another."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.intervals import TOO_SMALL
from actbench.analysis.metrics import CONDITION
from actbench.analysis.rate_choice import SIDES, RateGrid, chosen_again

PLAIN = "none"
ALL = "all"
EFFECT = ["study", "factor", "reference", "within", "activation", "level", "within_level"]


def interactions(scores: pd.DataFrame) -> pd.DataFrame:
    """Average the scores of every two levels of two factors, and say how far that is from the sum of their effects.

    interaction = mean of both - mean of the first - mean of the second + mean of all, which is 0 where two factors add
    up.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.

    Returns:
        Columns of stats_schema.INTERACTIONS.
    """
    parts = []
    for study, rows in scores.groupby("study", sort=True):
        for first, second in combinations(_varied(rows), 2):
            both = rows.groupby([first, second], as_index=False).agg(
                score=("score", "mean"), trained_share=("trained", "mean"), n_runs=("score", "size")
            )
            means = (both[name].map(rows.groupby(name)["score"].mean()) for name in (first, second))
            one, other = (mean.astype("float64") for mean in means)
            both = both.assign(interaction=both["score"] - one - other + rows["score"].mean())
            both = both.rename(columns={first: "level_1", second: "level_2"}).astype({"level_1": str, "level_2": str})
            parts.append(both.assign(study=study, factor_1=first, factor_2=second, n_seeds=rows["seed"].nunique()))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def simple_effects(scores: pd.DataFrame, grid: RateGrid) -> pd.DataFrame:
    """Estimate what each level of a factor changes against its reference, within each activation and other level.

    The difference is taken between runs that share all other factors and the seed, averaged within each seed; the
    interval is that of `seed_resampling.mean_intervals`, with learning rates chosen again in every resample. The
    reference of a factor is `none`, the smallest number, or the first level by name.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        grid: the runs at all learning rates.

    Returns:
        Columns of stats_schema.SIMPLE_EFFECTS; rows with within `all` take all levels of the other factors.
    """
    means, sides = [], []
    for study, rows in scores.groupby("study", sort=True):
        for pairs in _of_study(str(study), rows):  # of which all together would be the largest thing in memory
            means.append(_over_seeds(pairs))
            sides.append(pairs[[*EFFECT, *SIDES]].drop_duplicates())
    if not means:
        return pd.DataFrame()
    chosen = chosen_again(grid, pd.concat(sides, ignore_index=True), EFFECT)
    found = pd.concat(means, ignore_index=True).merge(chosen, on=EFFECT, validate="one_to_one")
    return found.assign(note=np.where(found["n_seeds"] > 1, "", TOO_SMALL))


def _varied(rows: pd.DataFrame) -> list[str]:
    return [name for name in CONDITION if rows[name].nunique() > 1]


def reference_of(levels: list[Any]) -> Any:
    """Return the level with which the others of a factor are compared."""
    return PLAIN if PLAIN in levels else sorted(levels)[0]


def _of_study(study: str, rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the pairs of runs of each factor, once for all levels of the others and once for those of each."""
    factors = [name for name in _varied(rows) if name != "activation"]
    for factor in factors:
        reference = reference_of(list(rows[factor].unique()))
        paired = _pair(rows, factor, reference)
        for within in (ALL, *(name for name in factors if name != factor)):
            level = paired[within].astype(str) if within != ALL else ALL
            own = paired.assign(within_level=level, within=within, factor=factor, study=study, reference=str(reference))
            named = own[[*EFFECT, "seed", *SIDES, "difference", "trained_difference"]]
            yield named.sort_values(["activation", "level", "within_level"], kind="stable")


def _pair(rows: pd.DataFrame, factor: str, reference: Any) -> pd.DataFrame:
    """Put each run beside the run at the reference level that shares its other factors and its seed."""
    shared = [*(name for name in CONDITION if name != factor), "seed"]
    kept = rows[[*CONDITION, "seed", "condition", "score", "trained"]]
    other = kept.loc[kept[factor] == reference, [*shared, "condition", "score", "trained"]]
    own = kept[kept[factor] != reference]
    paired: pd.DataFrame = own.merge(other, on=shared, suffixes=("", "_reference"), validate="many_to_one")
    paired["level"] = paired[factor].astype(str)
    paired["difference"] = paired["score"] - paired["score_reference"]
    paired["trained_difference"] = paired["trained"].astype(float) - paired["trained_reference"].astype(float)
    return paired


def _over_seeds(pairs: pd.DataFrame) -> pd.DataFrame:
    per_seed = pairs.groupby([*EFFECT, "seed"], sort=False, as_index=False).agg(
        difference=("difference", "mean"), trained=("trained_difference", "mean"), n=("difference", "size")
    )
    found: pd.DataFrame = per_seed.groupby(EFFECT, sort=False, as_index=False).agg(
        difference=("difference", "mean"),
        trained_difference=("trained", "mean"),
        n_seeds=("difference", "size"),
        n_pairs=("n", "sum"),
    )
    return found

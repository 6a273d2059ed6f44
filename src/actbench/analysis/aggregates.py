"""One number and one curve for each activation: interquartile mean and performance profile, with intervals over seeds.

Shape letters: A activations, N blocks, S seeds, T thresholds.
"""

from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.intervals import TOO_SMALL
from actbench.analysis.outcome_cube import Array, Cube, choose, cubes
from actbench.analysis.seed_resampling import SeedStatistic, seed_intervals

THRESHOLDS = np.round(np.arange(0, 1.0001, 0.025), 3)
NO_RUNS = "no complete condition"


def aggregates(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return interquartile means and performance profiles of each activation of each study.

    The interquartile mean is that of the middle half of the scores of all conditions and seeds; the profile is the
    share of them above each threshold (Agarwal et al. 2021, sections 4.2 and 4.3). Learning rates are chosen again in
    every resample of seeds.

    Args:
        rows: the runs at every learning rate, from `outcome_cube.outcomes`.

    Returns:
        Columns of stats_schema.AGGREGATES and of stats_schema.PROFILES.
    """
    parts = [_of_study(cube) for cube in cubes(rows)]
    return pd.concat([one for one, _ in parts], ignore_index=True), pd.concat(
        [two for _, two in parts], ignore_index=True
    )


def _of_study(cube: Cube) -> tuple[pd.DataFrame, pd.DataFrame]:
    a, t = len(cube.activations), len(THRESHOLDS)
    statistic = SeedStatistic(lambda weights_S: _numbers(choose(cube, weights_S), weights_S), len(cube.seeds))
    low, high, kind = seed_intervals(statistic)
    table = {"value": statistic.of(cube.once()), "low": low, "high": high, "interval": kind}
    note = TOO_SMALL if len(cube.seeds) < 2 else ""
    n_blocks = (~np.isnan(choose(cube, cube.once())).any(axis=2)).sum(axis=1)
    base: dict[str, Any] = {"study": cube.study, "n_seeds": len(cube.seeds)}
    means = pd.DataFrame({name: column[:a] for name, column in table.items()}).rename(columns={"value": "iqm"})
    means = means.assign(**base, activation=cube.activations, n_blocks=n_blocks)
    means = means.assign(note=[note if n else NO_RUNS for n in n_blocks])
    profiles = pd.DataFrame({name: column[a:] for name, column in table.items()}).rename(
        columns={"value": "share_above"}
    )
    profiles = profiles.assign(**base, activation=np.repeat(cube.activations, t), threshold=np.tile(THRESHOLDS, a))
    profiles = profiles.assign(n_runs=np.repeat(n_blocks * len(cube.seeds), t), note=note)
    return means, profiles[profiles["n_runs"] > 0]


def _numbers(chosen_ANS: Array, weights_S: Array) -> Array:
    """Return A interquartile means, then A·T shares."""
    means, shares = [], []
    for scores_NS in chosen_ANS:
        known = scores_NS[~np.isnan(scores_NS).any(axis=1)]
        drawn = np.sort(np.repeat(known, weights_S.astype(int), axis=1).ravel())
        means.append(_middle(drawn))
        above = len(drawn) - np.searchsorted(drawn, THRESHOLDS, side="right")
        shares.append(above / len(drawn) if len(drawn) else np.full(len(THRESHOLDS), np.nan))
    return np.concatenate([means, *shares])


def _middle(ordered: Array) -> float:
    """Return the mean without the lowest and the highest quarter, as scipy.stats.trim_mean(ordered, 0.25)."""
    cut = len(ordered) // 4
    return float(ordered[cut : len(ordered) - cut].mean()) if len(ordered) else np.nan

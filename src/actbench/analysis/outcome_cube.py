"""The runs of a study as arrays, so that the choice of learning rates can be repeated for every resample of seeds.

Shape letters: A activations, N blocks, L learning rates, S seeds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.comparisons import BLOCK
from actbench.analysis.metrics import CONDITION, ROUNDED, add_metrics, varying

Array = np.ndarray[Any, np.dtype[np.float64]]
COLUMNS = ["study", *CONDITION, "lr", "seed", "val_score", "score", "failed", "trained"]


@dataclass(frozen=True)
class Cube:
    """Scores of one study at every learning rate; nan where there is no run."""

    study: str
    activations: list[str]
    blocks: pd.DataFrame
    rates: list[float]
    seeds: list[int]
    val_ANLS: Array
    score_ANLS: Array

    def once(self) -> Array:
        """Return the weights of the sample itself: each seed once."""
        return np.ones(len(self.seeds))


def outcomes(runs: pd.DataFrame, studies: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each run of each study, at every learning rate, with the columns of COLUMNS."""
    joined = studies.merge(add_metrics(runs), on="run_key", validate="many_to_one")
    return joined[COLUMNS]


def cubes(rows: pd.DataFrame) -> Iterator[Cube]:
    """Make the cube of each study, by name, from rows of `outcomes` in any order."""
    for study, own in rows.groupby("study", sort=True):
        yield _cube(str(study), own)


def _cube(study: str, rows: pd.DataFrame) -> Cube:
    block = rows.groupby(varying(rows, BLOCK) or BLOCK[:1], sort=True).ngroup().to_numpy()
    blocks = rows[BLOCK].iloc[np.unique(block, return_index=True)[1]].reset_index(drop=True)
    axes = [sorted(rows["activation"].unique()), sorted(rows["lr"].unique()), sorted(rows["seed"].unique())]
    place = [
        pd.Index(axis).get_indexer(rows[name]) for axis, name in zip(axes, ("activation", "lr", "seed"), strict=True)
    ]
    shape = len(axes[0]), len(blocks), len(axes[1]), len(axes[2])
    val, score = np.full(shape, np.nan), np.full(shape, np.nan)
    where = place[0], block, place[1], place[2]
    val[where], score[where] = rows["val_score"], rows["score"]
    return Cube(study, axes[0], blocks, [float(lr) for lr in axes[1]], [int(seed) for seed in axes[2]], val, score)


def choose(cube: Cube, weights_S: Array, rates: "np.ndarray[Any, np.dtype[np.bool_]] | None" = None) -> Array:
    """Return the scores (A, N, S) of each condition at the rate with the highest weighted mean val_score.

    The smallest rate wins a tie, as in `metrics.choose_lr`; nan where a condition lacks a seed at every rate.

    Args:
        cube: the runs.
        weights_S: how often each seed is in the resample.
        rates: rates to choose among; all when None.
    """
    mean_ANL = np.round(cube.val_ANLS @ (weights_S / weights_S.sum()), ROUNDED)
    allowed_ANL = np.where(np.isnan(mean_ANL), -np.inf, mean_ANL)
    if rates is not None:
        allowed_ANL[:, :, ~rates] = -np.inf
    best_AN = allowed_ANL.argmax(axis=2)
    picked_ANS: Array = np.take_along_axis(cube.score_ANLS, best_AN[:, :, None, None], axis=2)[:, :, 0]
    return np.where(np.isneginf(allowed_ANL.max(axis=2))[:, :, None], np.nan, picked_ANS)

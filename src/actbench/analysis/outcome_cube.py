"""The runs of a study as arrays, so that the choice of learning rates can be repeated for every resample of seeds.

Shape letters: A activations, N blocks, L learning rates, S seeds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.comparisons import BLOCK
from actbench.analysis.metrics import CONDITION, add_metrics, varying
from actbench.analysis.rate_choice import Flags, Validation, at_rates

Array = np.ndarray[Any, np.dtype[np.float64]]
COLUMNS = ["run_key", "study", *CONDITION, "lr", "seed", "val_score", "score", "failed", "trained"]


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

    @cached_property
    def complete(self) -> Validation:
        """Return the validation scores of the conditions and rates that have every seed."""
        whole_ANL1 = ~np.isnan(self.val_ANLS).any(axis=3, keepdims=True)
        return Validation.of(np.where(whole_ANL1, self.val_ANLS, np.nan))


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


def choose(cube: Cube, weights_S: Array, rates: "Flags | None" = None) -> Array:
    """Return the scores (A, N, S) of each condition at the rate with the highest weighted mean val_score.

    The rule is that of `rate_choice.Validation`, among the rates at which the condition has every seed of the study;
    nan where there is none.

    Args:
        cube: the runs.
        weights_S: how often each seed is in the resample.
        rates: rates to choose among; all when None.
    """
    return at_rates(cube.score_ANLS, cube.complete.best(weights_S, rates))

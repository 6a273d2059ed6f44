"""Gradient norms by layer in the deepest networks, at initialisation and after the last step."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from actbench.analysis.layer_ends import MOMENTS, PROFILES, Ends

DIAGNOSTIC = "gradient_norm"
BY = ["study", "activation", "depth", "init", "norm", "residual", "moment", "layer"]


def gradient_table(scores: pd.DataFrame, runs: pd.DataFrame, ends: Ends) -> pd.DataFrame:
    """Take the median gradient norm of each layer over seeds, with the lowest and the highest seed.

    Only the deepest networks of each study stand in the table. Within a seed the norm is the median over the
    conditions that share activation, init, norm and residual. At the end only runs that are ok are left; `n_failed`
    counts the others.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`, of all activations.
        runs: the runs whose rows are wanted, those of whole activations.
        ends: from `layer_ends.add_ends`, of these `runs`.

    Returns:
        Columns of stats_schema.GRADIENTS in the order of BY: BY, n_runs, n_failed, n_seeds, gradient_norm, low, high.
    """
    deepest = scores[scores["depth"] == scores.groupby("study")["depth"].transform("max")]
    place = pd.Index(runs["run_key"]).get_indexer(deepest["run_key"])
    own = deepest[[*BY[:6], "seed", "failed"]].assign(run=place)[place >= 0]
    medians = _over_seeds(pd.concat(_norms(own, ends), ignore_index=True))
    return medians.merge(_failures(own), on=BY[:6], validate="many_to_one")


def _norms(deepest: pd.DataFrame, ends: Ends) -> Iterator[pd.DataFrame]:
    """Yield a row for each recorded norm: the columns of its run, moment, layer, value."""
    yield deepest.iloc[:0].assign(moment="", layer=0, value=0.0)
    for depth, cube_NMLK in ends.cubes.items():
        rows = deepest[deepest["depth"] == depth]
        norm_RML = cube_NMLK[ends.place_R[rows["run"]], :, :, PROFILES.index(DIAGNOSTIC)]
        run, moment, layer = where = np.nonzero(~np.isnan(norm_RML))
        named = rows.iloc[run].assign(moment=np.array(MOMENTS)[moment], layer=layer + 1)
        yield named.assign(value=norm_RML[where].astype(np.float64))


def _over_seeds(norms: pd.DataFrame) -> pd.DataFrame:
    per_seed = norms.groupby([*BY, "seed"], as_index=False).agg(value=("value", "median"), runs=("value", "size"))
    return per_seed.groupby(BY, as_index=False).agg(
        n_runs=("runs", "sum"),
        n_seeds=("value", "size"),
        gradient_norm=("value", "median"),
        low=("value", "min"),
        high=("value", "max"),
    )


def _failures(deepest: pd.DataFrame) -> pd.DataFrame:
    return deepest.groupby(BY[:6], as_index=False).agg(n_failed=("failed", "sum"))

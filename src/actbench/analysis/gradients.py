"""Gradient norms by layer in the deepest networks, at initialisation and after the last step."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from actbench.analysis.inside import Levels
from actbench.analysis.layer_ends import MOMENTS, PROFILES, Ends
from actbench.analysis.run_places import places_of

DIAGNOSTIC = "gradient_norm"
BY = ["study", "activation", "depth", "init", "norm", "residual", "moment", "layer"]


def gradient_table(scores: pd.DataFrame, runs: pd.DataFrame, ends: Ends, deepest: Mapping[str, int]) -> pd.DataFrame:
    """Take the median gradient norm of each layer over seeds, with the lowest and the highest seed.

    Only the deepest networks of each study stand in the table. Within a seed the norm is the median over the
    conditions that share activation, init, norm and residual. At the end only runs that are ok are left; `n_failed`
    counts the others.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`, of whole activations.
        runs: at all rates, those behind the scores among them.
        ends: from `layer_ends.add_ends`, of these `runs`.
        deepest: from `deepest_of` the levels of all activations.

    Returns:
        Columns of stats_schema.GRADIENTS in the order of BY: BY, n_runs, n_failed, n_seeds, gradient_norm, low, high.
    """
    own = scores[scores["depth"] == scores["study"].astype("str").map(deepest)]
    own = own[[*BY[:6], "seed", "failed"]].assign(run=places_of(own["run_key"], runs["run_key"]))
    medians = _over_seeds(pd.concat(_norms(own, ends), ignore_index=True))
    return medians.merge(_failures(own), on=BY[:6], validate="many_to_one")


def deepest_of(parts: Iterable[Levels]) -> dict[str, int]:
    """Return the largest depth of each study, whichever activation has it, from `inside.levels_of` each."""
    depths: dict[str, int] = {}
    for part in parts:
        for study, levels in part.items():
            depths[study] = max(depths.get(study, 0), *map(int, levels["depth"]))
    return depths


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

"""Gradient norms by layer in the deepest networks, at initialisation and after the last step."""

import pandas as pd

DIAGNOSTIC = "gradient_norm"
BY = ["study", "activation", "depth", "init", "norm", "residual", "moment", "layer"]


def gradient_table(scores: pd.DataFrame, runs: pd.DataFrame, ends: pd.DataFrame) -> pd.DataFrame:
    """Take the median gradient norm of each layer over seeds, with the lowest and the highest seed.

    Only the deepest networks of each study stand in the table. Within a seed the norm is the median over the
    conditions that share activation, init, norm and residual. At the end only runs that are ok are left; `n_failed`
    counts the others.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`, of all activations.
        runs: the runs whose rows are wanted, those of whole activations.
        ends: from `layer_ends.ends_of` of these `runs`.

    Returns:
        Columns of stats_schema.GRADIENTS in the order of BY: BY, n_runs, n_failed, n_seeds, gradient_norm, low, high.
    """
    deepest = scores[scores["depth"] == scores.groupby("study")["depth"].transform("max")]
    place = pd.Index(runs["run_key"]).get_indexer(deepest["run_key"])
    own = deepest[[*BY[:6], "seed", "failed"]].assign(run=place)[place >= 0]
    norms = ends.loc[ends["diagnostic"] == DIAGNOSTIC, ["run", "moment", "layer", "value"]]
    medians = _over_seeds(own.merge(norms.astype({"moment": "str", "value": "float64"}), on="run"))
    return medians.merge(_failures(own), on=BY[:6], validate="many_to_one")


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

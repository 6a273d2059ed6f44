"""Gradient norms by layer in the deepest networks, at initialisation and after the last step."""

import pandas as pd

DIAGNOSTIC = "gradient_norm"
BY = ["study", "activation", "depth", "init", "norm", "residual", "moment", "layer"]
START, END = "start", "end"


def gradient_filters(scores: pd.DataFrame) -> list[tuple[str, str, object]]:
    """Return the filters, narrowest first, under which `layers` holds just the rows that `gradient_table` needs."""
    deepest = _deepest(scores)
    return [
        ("run_key", "in", sorted(set(deepest["run_key"]))),
        ("step", "in", sorted({0, *map(int, deepest["steps"].unique())})),
        ("diagnostic", "==", DIAGNOSTIC),
        ("layer", ">", 0),
    ]


def gradient_table(scores: pd.DataFrame, layers: pd.DataFrame) -> pd.DataFrame:
    """Take the median gradient norm of each layer over seeds, with the lowest and the highest seed.

    Only the deepest networks of each study stand in the table. Within a seed the norm is the median over the
    conditions that share activation, init, norm and residual. At the end only runs that are ok are left; `n_failed`
    counts the others.

    Args:
        scores: the runs at the chosen learning rates, from `metrics.scores_by_study`.
        layers: the table `layers`, words as such or as categories; other diagnostics, steps and runs are left out.

    Returns:
        Columns of stats_schema.GRADIENTS: BY, n_runs, n_failed, n_seeds, gradient_norm, low, high.
    """
    deepest = _deepest(scores)
    norms = layers.loc[
        (layers["diagnostic"] == DIAGNOSTIC) & (layers["layer"] > 0), ["run_key", "step", "layer", "value"]
    ]
    parts = [_over_seeds(_at_both_ends(own, norms)) for _, own in deepest.groupby("activation")]
    medians = pd.concat(parts).sort_values(BY, ignore_index=True)
    return medians.merge(_failures(deepest), on=BY[:6], validate="many_to_one")


def _deepest(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[scores["depth"] == scores.groupby("study")["depth"].transform("max")]


def _at_both_ends(own: pd.DataFrame, norms: pd.DataFrame) -> pd.DataFrame:
    """Put the norms of runs beside their levels, those before the first update and those after the last."""
    columns = ["study", "activation", "depth", "init", "norm", "residual", "steps", "seed", "run_key", "failed"]
    measured = norms[norms["run_key"].isin(own["run_key"])].astype({"run_key": "str", "value": "float64"})
    joined = own[columns].merge(measured, on="run_key")
    at_end = (joined["step"] == joined["steps"]) & ~joined["failed"]
    return pd.concat([joined[joined["step"] == 0].assign(moment=START), joined[at_end].assign(moment=END)])


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

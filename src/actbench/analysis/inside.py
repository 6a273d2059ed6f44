"""What happens inside networks over training, by activation and by one cause at a time."""

from collections.abc import Iterable

import pandas as pd

from actbench.plan.factors import FACTORS

DIAGNOSTICS = (
    "saturated_fraction", "zero_fraction", "dead_fraction", "still_dead_fraction", "sign_coherence",
    "global_gradient_norm", "clip_coefficient", "gradient_ratio",
)  # fmt: skip
OUTCOMES = ("clip_rate", "failed")  # of the whole run, at its last step
CAUSES = tuple(name for name in FACTORS if name not in ("dataset", "model", "activation", "seed"))
ALL = "activation"  # the cause under which all runs of an activation stand
BY = ["study", "activation", "cause", "level", "diagnostic", "step"]


def inside_filters(runs: pd.DataFrame) -> list[tuple[str, str, object]]:
    """Return the filters, narrowest first, under which `layers` holds the rows that `inside` needs of these runs."""
    return [("run_key", "in", sorted(set(runs["run_key"]))), ("diagnostic", "in", list(DIAGNOSTICS))]


def inside(runs: pd.DataFrame, members: pd.DataFrame, layers: pd.DataFrame) -> pd.DataFrame:
    """Take the median over seeds of each diagnostic, for each level of each factor that a study varies.

    A run's number is its mean over hidden layers, a seed's the mean over its runs at the level, at every learning
    rate. Runs that failed stand in the steps before their failure; `failed` and `clip_rate` are of all runs.

    Args:
        runs: rows of the table `runs`, those of whole activations.
        members: the table `studies`, the rows of these runs.
        layers: the table `layers`; rows of other runs and diagnostics are left out.

    Returns:
        Columns of stats_schema.INSIDE.
    """
    measured = pd.concat([_over_layers(runs, layers), _outcomes(runs)], ignore_index=True)
    levels = pd.concat([_levels(runs, str(study), rows) for study, rows in members.groupby("study")], ignore_index=True)
    joined = levels.merge(measured, on="run_key")
    per_seed = joined.groupby([*BY, "seed"], as_index=False).agg(value=("value", "mean"), runs=("value", "size"))
    medians = per_seed.groupby(BY, as_index=False).agg(
        n_runs=("runs", "sum"),
        n_seeds=("value", "size"),
        value=("value", "median"),
        low=("value", "min"),
        high=("value", "max"),
    )
    return medians.sort_values(BY, ignore_index=True)


def join_inside(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join the rows of several activations."""
    return pd.concat(parts).sort_values(BY, ignore_index=True)


def _over_layers(runs: pd.DataFrame, layers: pd.DataFrame) -> pd.DataFrame:
    """Return run_key, step, diagnostic and value, the mean over hidden layers; of layer 0 the number itself."""
    wanted = layers["diagnostic"].isin(DIAGNOSTICS) & layers["run_key"].isin(runs["run_key"])
    own = layers[wanted].astype({"run_key": "str", "diagnostic": "str", "value": "float64"})
    own = own.merge(runs[["run_key", "depth"]], on="run_key")
    hidden = own[own["layer"] <= own["depth"]]
    return hidden.groupby(["run_key", "step", "diagnostic"], as_index=False).agg(value=("value", "mean"))


def _outcomes(runs: pd.DataFrame) -> pd.DataFrame:
    scored = runs.assign(failed=(runs["status"] != "ok").astype("float64"), step=runs["steps"])
    return scored.melt(["run_key", "step"], list(OUTCOMES), "diagnostic", "value")


def _levels(runs: pd.DataFrame, study: str, members: pd.DataFrame) -> pd.DataFrame:
    """Return each run of a study once for each factor that varies there, with its level as text."""
    own = runs[runs["run_key"].isin(members["run_key"])].assign(study=study)
    causes = [ALL, *(cause for cause in CAUSES if own[cause].nunique() > 1)]
    kept = ["study", "activation", "seed", "run_key"]
    return pd.concat([own[kept].assign(cause=cause, level=own[cause].map(str)) for cause in causes])

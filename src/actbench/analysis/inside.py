"""What happens inside networks over training, by activation and by one cause at a time."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.layer_records import Array
from actbench.analysis.run_places import places_of
from actbench.plan.factors import FACTORS

DIAGNOSTICS = (
    "saturated_fraction", "zero_fraction", "dead_fraction", "still_dead_fraction", "sign_coherence",
    "global_gradient_norm", "clip_coefficient", "gradient_ratio",
)  # fmt: skip
OUTCOMES = ("clip_rate", "failed")  # of the whole run, at its last step
WORDS = pd.CategoricalDtype(sorted((*DIAGNOSTICS, *OUTCOMES)))  # text takes ten times the room
CAUSES = tuple(name for name in FACTORS if name not in ("dataset", "model", "activation", "seed"))
ALL = "activation"  # the cause under which all runs of an activation stand
BY = ["study", "activation", "cause", "level", "diagnostic", "step"]
SLOT = BY[4:]
Levels = dict[str, dict[str, set[Any]]]  # by study and cause
Causes = dict[str, list[str]]  # by study
ROWS_AT_ONCE = 5_000  # runs in groups; each has about a hundred numbers


def means_of(hidden: pd.DataFrame) -> pd.DataFrame:
    """Keep what `inside` needs of `hidden_layers.reduce_hidden`: run, step, diagnostic of DIAGNOSTICS and value."""
    own = hidden.loc[hidden["diagnostic"].isin(DIAGNOSTICS), ["run", "step", "diagnostic", "mean"]]
    return own.rename(columns={"mean": "value"})


def levels_of(runs: pd.DataFrame, members: pd.DataFrame) -> Levels:
    """Return the levels of each of CAUSES in each study.

    Args:
        runs: runs of some activations.
        members: the rows of the table `studies` that name them.
    """
    studies = {str(study): runs.take(_places(runs, rows)) for study, rows in members.groupby("study")}
    return {study: {cause: set(own[cause].unique()) for cause in CAUSES} for study, own in studies.items()}


def causes_of(parts: Iterable[Levels]) -> Causes:
    """Return the factors that vary in each study, whichever activation has the levels, from `levels_of` each."""
    known: dict[str, dict[str, set[Any]]] = {}
    for part in parts:
        for study, levels in part.items():
            own = known.setdefault(study, {cause: set() for cause in CAUSES})
            for cause in CAUSES:
                own[cause] |= levels[cause]
    return {study: [cause for cause in CAUSES if len(levels[cause]) > 1] for study, levels in known.items()}


def inside(runs: pd.DataFrame, members: pd.DataFrame, means: pd.DataFrame, causes: Causes) -> pd.DataFrame:
    """Take the median over seeds of each diagnostic, for each level of each factor that a study varies.

    A run's number is its mean over hidden layers, a seed's the mean over its runs at the level, at every learning
    rate. Runs that failed stand in the steps before their failure; `failed` and `clip_rate` are of all runs.

    Args:
        runs: rows of the table `runs`, those of whole activations.
        members: the table `studies`, the rows of these runs.
        means: over hidden layers of these runs, from `means_of`.
        causes: from `causes_of` the levels of all activations.

    Returns:
        Columns of stats_schema.INSIDE, in the order of BY.
    """
    runs = runs.reset_index(drop=True)
    both = pd.concat([rows.astype({"diagnostic": WORDS}) for rows in (means, _outcomes(runs))])
    measured, slots = _numbered(both, SLOT, "slot")
    del both
    parts = [_levels(runs, str(study), rows, causes[str(study)]) for study, rows in members.groupby("study")]
    levels, groups = _numbered(pd.concat(parts), [*BY[:4], "seed"], "group")
    per_seed = pd.concat([_per_seed(own, measured, len(slots)) for own in _some_at_once(levels)])
    slots = slots.astype({"diagnostic": "str"})
    named = (groups.iloc[per_seed.index // len(slots)], slots.iloc[per_seed.index % len(slots)])
    rows = pd.concat([frame.reset_index(drop=True) for frame in (*named, per_seed)], axis=1)
    medians = rows.groupby(BY, as_index=False).agg(
        n_runs=("runs", "sum"),
        n_seeds=("value", "size"),
        value=("value", "median"),
        low=("value", "min"),
        high=("value", "max"),
    )
    return medians.sort_values(BY, ignore_index=True)


def _some_at_once(levels: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Part rows into whole groups, about ROWS_AT_ONCE at a time: every run stands in a group for each cause."""
    ordered = levels.sort_values("group", kind="stable")
    group = ordered["group"].to_numpy()
    starts = np.searchsorted(group, group[ROWS_AT_ONCE::ROWS_AT_ONCE])
    for start, end in pairwise([0, *np.unique(starts[starts > 0]), len(group)]):
        yield ordered.iloc[start:end]


def _per_seed(levels: pd.DataFrame, measured: pd.DataFrame, n_slots: int) -> pd.DataFrame:
    """Return the mean value of each group and slot, under group · n_slots + slot, and its runs."""
    row, n = _rows_of_runs(measured["run"].to_numpy(), levels["run"].to_numpy())
    cell = np.repeat(levels["group"].to_numpy(), n) * n_slots + measured["slot"].to_numpy()[row]
    per_seed = pd.DataFrame({"value": measured["value"].to_numpy()[row]}).groupby(cell)["value"].agg(["mean", "size"])
    return per_seed.set_axis(["value", "runs"], axis=1)


def _numbered(rows: pd.DataFrame, names: list[str], number: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put a number in place of some columns; return the rows and, in the order of the numbers, what they stand for."""
    by = rows.groupby(names, sort=False, observed=True)
    first = rows.loc[~rows.duplicated(names), names]
    return rows.drop(columns=names).assign(**{number: by.ngroup()}), first


def _rows_of_runs(measured: Array, wanted: Array) -> tuple[Array, Array]:
    """Return the places of the rows of each wanted run, one run after another, and how many each has."""
    order = np.argsort(measured, kind="stable")
    starts = np.searchsorted(measured[order], np.arange(wanted.max() + 2))
    n = np.diff(starts)[wanted]
    return order[np.repeat(starts[wanted] - np.cumsum(n) + n, n) + np.arange(n.sum())], n


def _outcomes(runs: pd.DataFrame) -> pd.DataFrame:
    failed = (runs["status"] != "ok").astype("float64")
    scored = runs.assign(failed=failed, step=runs["steps"], run=range(len(runs)))
    return scored.melt(["run", "step"], list(OUTCOMES), "diagnostic", "value")


def _levels(runs: pd.DataFrame, study: str, members: pd.DataFrame, causes: list[str]) -> pd.DataFrame:
    """Return each run of a study once for each factor that varies there, with its level as text."""
    own = runs.take(_places(runs, members))
    kept = own[["activation", "seed"]].assign(study=study, run=own.index)
    return pd.concat([kept.assign(cause=cause, level=_as_text(own[cause])) for cause in [ALL, *causes]])


def _places(runs: pd.DataFrame, members: pd.DataFrame) -> Array:
    """Return the places of the runs that are named, in their order."""
    place = places_of(members["run_key"], runs["run_key"])
    return np.sort(place[place >= 0])


def _as_text(levels: "pd.Series[Any]") -> "pd.Series[str]":
    return levels.map({level: str(level) for level in levels.unique()})

"""The number that a rule looks at, for many runs at once: one row a run, with the layer and step where it was seen."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench.analysis.illness import ANY, END, START, Illness
from actbench.analysis.illnesses import ILLNESSES
from actbench.analysis.metrics import learned

COLUMNS = ["run_key", "value", "layer", "step"]


@dataclass(frozen=True)
class Records:
    """The rows of the runs that are looked at. layers: only the diagnostics that rules name, see `needed`."""

    runs: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame


def needed() -> list[str]:
    """Return the diagnostics that the rules look at."""
    rules = [rule for rule in ILLNESSES.values() if rule.table == "layers"]
    return sorted({name for rule in rules for name in (rule.diagnostic, rule.minus) if name})


def measure(rule: Illness, records: Records) -> pd.DataFrame:
    """Return what a rule looks at; runs that did not record it have no row.

    Returns:
        Columns COLUMNS; layer is missing where the number belongs to no layer, step where it belongs to no step.
    """
    if rule.table == "runs":
        return _of_runs(rule, records.runs)
    rows = _of_curves(rule, records) if rule.table == "curves" else _of_layers(rule, records)
    found = REDUCTIONS[rule.reduction](rows, rule.moment)
    return found.dropna(subset="value")[COLUMNS].reset_index(drop=True)


def _of_runs(rule: Illness, runs: pd.DataFrame) -> pd.DataFrame:
    ok = runs["status"] == "ok"
    derived = {
        "could_not_train": (runs["status"] == "error").astype("float64"),
        "diverged": (runs["status"] == "diverged").astype("float64"),
        "times_chance": (runs["best_val_accuracy"] * runs["classes"]).where(ok),
        "times_chance_at_end": (runs["val_accuracy"] * runs["classes"]).where(learned(runs)),
    }
    values = derived.get(rule.diagnostic, runs.get(rule.diagnostic))
    step = runs["diverged_step"].astype("float64") if rule.diagnostic == "diverged" else np.nan
    found = pd.DataFrame({"run_key": runs["run_key"], "value": values, "layer": np.nan, "step": step})
    return found.dropna(subset="value").reset_index(drop=True)


def _of_curves(rule: Illness, records: Records) -> pd.DataFrame:
    """Return the losses of a split with `guess`, that of guessing: ln of the number of classes.

    The loss of a run that diverged is infinite from the step of its divergence on.
    """
    rows = records.curves[(records.curves["split"] == rule.diagnostic) & records.curves["loss"].notna()]
    ends = records.runs[(records.runs["status"] == "diverged") & records.runs["diverged_step"].notna()]
    after = ends[["run_key", "diverged_step"]].rename(columns={"diverged_step": "step"}).assign(loss=np.inf)
    joined = pd.concat([rows[["run_key", "step", "loss"]], after.astype({"step": "int64"})], ignore_index=True)
    last = joined.drop_duplicates(["run_key", "step"], keep="last")
    classes = records.runs.set_index("run_key")["classes"].astype("float64")
    guess = classes.where(classes > 0).map(math.log, na_action="ignore")
    last = last.assign(layer=np.nan, value=last["loss"].astype("float64"))
    return last.assign(guess=last["run_key"].map(guess).astype("float64"))


def _of_layers(rule: Illness, records: Records) -> pd.DataFrame:
    """Return the rows of a diagnostic less another, with `depth`, the last hidden layer, and the run's `updates`.

    Missing values are left out. A run that diverged has no number of updates: it made fewer than it was meant to.
    """
    by = ["run_key", "step", "layer"]
    rows = _named(records.layers, rule.diagnostic)
    if rule.minus:
        rows = rows.merge(_named(records.layers, rule.minus), on=by, suffixes=("", "_minus"))
        rows = rows.assign(value=rows["value"] - rows["value_minus"])
    whole = records.runs[records.runs["status"] == "ok"].set_index("run_key")["steps"]
    rows = rows.assign(depth=rows["run_key"].map(_depths(records)).astype("float64"))
    rows = rows.assign(updates=rows["run_key"].map(whole).astype("float64"))
    trained = rows["step"] > 0 if rule.moment == END else True
    return rows[(rows["layer"] > 0) & rows["value"].notna() & trained]


def _named(layers: pd.DataFrame, diagnostic: str) -> pd.DataFrame:
    rows = layers.loc[layers["diagnostic"] == diagnostic, ["run_key", "step", "layer", "value"]]
    return rows.astype({"run_key": "str", "value": "float64"})


def _depths(records: Records) -> "pd.Series[float]":
    """Return the last hidden layer of each run; where depth is not recorded, the one below the last that is."""
    seen = records.layers.groupby("run_key", observed=True)["layer"].max() - 1
    return records.runs.set_index("run_key")["depth"].astype("float64").fillna(seen.astype("float64"))


def at_moment(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Keep the rows of each run at its first step, its last step, or any."""
    if moment == ANY:
        return rows
    steps = rows.groupby("run_key", observed=True)["step"].transform("max" if moment == END else "min")
    return rows[rows["step"] == steps]


def _extreme(rows: pd.DataFrame, largest: bool) -> pd.DataFrame:
    ordered = rows.sort_values(["value", "layer"], ascending=[not largest, True], kind="stable")
    return ordered.drop_duplicates("run_key")


def highest(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return the largest value over all layers."""
    return _extreme(at_moment(rows, moment), largest=True)


def highest_hidden(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return the largest value over the hidden layers."""
    return _extreme(_hidden(at_moment(rows, moment)), largest=True)


def lowest_hidden(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return the smallest value over the hidden layers."""
    return _extreme(_hidden(at_moment(rows, moment)), largest=False)


def last_hidden(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return the value of the last hidden layer."""
    rows = at_moment(rows, moment)
    return rows[rows["layer"] == rows["depth"]]


def farthest_hidden(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return the largest value over the hidden layers times the run's updates, where something moves at all."""
    moved = rows.assign(value=rows["value"] * rows["updates"])
    return highest_hidden(moved[moved["value"] > 0], moment)


def first_over_last_hidden(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return the value of the first hidden layer over that of the last; 0 where nothing arrives at the first."""
    return _quotient(*_ends(rows, moment))


def last_over_first_hidden(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return the value of the last hidden layer over that of the first; 0 where nothing arrives at the last."""
    return _quotient(*reversed(_ends(rows, moment)))


def spread_hidden(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return the largest over the smallest value of the hidden layers, with the layer of the smallest."""
    hidden = _hidden(at_moment(rows, moment))
    least, most = _extreme(hidden, largest=False), _extreme(hidden, largest=True)
    return _quotient(most, least).assign(layer=least.sort_values("run_key")["layer"].to_numpy())


def last_over_first(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return the value at the last recorded step over that at the first, where there are two."""
    first, last = at_moment(rows, START), at_moment(rows, END)
    return _quotient(last[last["step"] > 0], first)


def over_guessing(rows: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return the loss over that of guessing, after an update at least; a run that diverged has none."""
    at = at_moment(rows, moment)
    value = at["value"] / at["guess"]
    return at.assign(value=value.where(np.isfinite(value) & (at["step"] > 0)))


def _hidden(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["layer"] <= rows["depth"]]


def _ends(rows: pd.DataFrame, moment: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the first and of the last hidden layer of the runs that have two and more."""
    deep = at_moment(rows, moment)
    deep = deep[deep["depth"] > 1]
    return deep[deep["layer"] == 1], deep[deep["layer"] == deep["depth"]]


def _quotient(above: pd.DataFrame, below: pd.DataFrame) -> pd.DataFrame:
    """Divide the values of two rows of each run; 0 over 0 is 0, since nothing arrives."""
    pairs = above.merge(below[["run_key", "value"]], on="run_key", suffixes=("", "_below")).sort_values("run_key")
    top, bottom = pairs["value"].to_numpy(), pairs["value_below"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(top == 0, 0.0, top / bottom)
    return pairs.assign(value=value)


REDUCTIONS: dict[str, Callable[[pd.DataFrame, str], pd.DataFrame]] = {
    "highest": highest,
    "highest_hidden": highest_hidden,
    "lowest_hidden": lowest_hidden,
    "last_hidden": last_hidden,
    "farthest_hidden": farthest_hidden,
    "first_over_last_hidden": first_over_last_hidden,
    "last_over_first_hidden": last_over_first_hidden,
    "spread_hidden": spread_hidden,
    "last_over_first": last_over_first,
    "over_guessing": over_guessing,
}

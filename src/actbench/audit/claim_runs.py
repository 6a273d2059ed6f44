"""The runs that a test of a claim takes, each with the one number that the test is about."""

from functools import cache
from math import expm1, isfinite, log1p
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.raw_rows import CONDITION, Raw, at_best_rate, chosen, runs_of
from actbench.plan.config import Levels
from actbench.plan.ledger import ClaimTest
from actbench.plan.level import parse_level

LOGS = {"log10": np.log10, "log2": np.log2}
TIMES = ("steps_to_loss", "seconds_to_loss")
LEAST = 1e-38


def has(rows: pd.DataFrame, levels: Levels) -> "pd.Series[bool]":
    """Tell which rows have the levels."""
    kept = pd.Series(True, index=rows.index)
    for factor, values in levels.items():
        kept &= rows[factor].isin(list(values))
    return kept


def needs_layers(raw: Raw, test: ClaimTest) -> bool:
    """Tell whether a test is about numbers of the table `layers`."""
    return test.rule == "law" or test.quantity not in (*TIMES, *raw.runs.columns)


def runs_of_test(raw: Raw, test: ClaimTest) -> pd.DataFrame:
    """Return the runs of a test, at the learning rates that it asks for, with `value`, missing where there is none."""
    runs = runs_of(raw, test.study)
    runs = runs[has(runs, test.where)]
    if test.rates == "fastest":
        runs = _at_fastest_rate(runs, _times(raw, test, runs, "val"))
    elif test.rates == "chosen" and {"lr", "seed"} & set(test.where):
        runs = at_best_rate(runs)  # of the rates that are left
    elif test.rates == "chosen":
        runs = runs[runs["run_key"].isin(set(chosen(raw, test.study)["run_key"]))]
    return _valued(raw, test, runs)


def tried_for_test(raw: Raw, test: ClaimTest) -> pd.DataFrame:
    """Return the runs of a test at all rates, with `value` and the `merit` by which rates are chosen."""
    runs = runs_of(raw, test.study)
    runs = runs[has(runs, test.where)]
    merit = -_times(raw, test, runs, "val") if test.rates == "fastest" else runs["val_score"]
    return _valued(raw, test, runs).assign(merit=merit)


def _valued(raw: Raw, test: ClaimTest, runs: pd.DataFrame) -> pd.DataFrame:
    values = _deviations(raw, runs) if test.rule == "law" else _values(raw, test, runs)
    values = values.astype("float64").replace([np.inf, -np.inf], np.nan)
    if test.scale in LOGS:
        values = pd.Series(LOGS[test.scale](values.clip(lower=LEAST)), index=runs.index)
    return runs.assign(value=values)


def _values(raw: Raw, test: ClaimTest, runs: pd.DataFrame) -> "pd.Series[float]":
    if test.quantity == "steps_to_loss":
        return _times(raw, test, runs, "train")
    if test.quantity == "seconds_to_loss":
        return _times(raw, test, runs, "train") * (runs["seconds"] / runs["steps"])
    if test.quantity in runs:
        return runs[test.quantity]
    return runs["run_key"].map(diagnostic(raw, test.quantity, test.moment, test.layers))


def _at_fastest_rate(runs: pd.DataFrame, times: "pd.Series[float]") -> pd.DataFrame:
    """Keep the runs of each condition at the rate with the fewest updates on average, the smallest of equals."""
    kept = []
    for _, own in runs.assign(time=times).groupby(CONDITION):
        means = {lr: float(own.loc[own["lr"] == lr, "time"].mean()) for lr in sorted(set(own["lr"]))}
        kept.append(own[own["lr"] == min(means, key=lambda lr: means[lr])])
    return pd.concat(kept) if kept else runs


def _times(raw: Raw, test: ClaimTest, runs: pd.DataFrame, split: str) -> "pd.Series[float]":
    """Return the updates until the loss is down; a run that fails or never gets there counts twice its own."""
    found = _reached(raw, test.study, split, test.threshold)
    rows = zip(runs["run_key"], runs["steps"], runs["failed"], strict=True)
    times = [2.0 * steps if failed else max(1.0, found.get(key, 2.0 * steps)) for key, steps, failed in rows]
    return pd.Series(times, index=runs.index, dtype="float64")


@cache
def _reached(raw: Raw, study: str, split: str, threshold: float) -> dict[str, float]:
    """Walk along the curves of a study and note where each first comes down to the threshold."""
    own = raw.curves[(raw.curves["split"] == split) & raw.curves["run_key"].isin(set(runs_of(raw, study)["run_key"]))]
    own = own.astype({"run_key": str, "loss": "float64"}).sort_values("step")
    before: dict[str, tuple[int, float]] = {}
    found: dict[str, float] = {}
    for key, step, loss in zip(own["run_key"], own["step"], own["loss"], strict=True):
        if loss <= threshold and key not in found:
            found[key] = _crossing(before.get(key, (step, np.nan)), (step, loss), threshold)
        before[key] = step, loss
    return found


def _crossing(before: tuple[int, float], after: tuple[int, float], threshold: float) -> float:
    """Return where a line between two evaluations meets the threshold; evenly spaced are logarithms of 1 + step."""
    if not isfinite(before[1]):
        return float(after[0])
    return expm1(float(np.interp(threshold, [after[1], before[1]], [log1p(after[0]), log1p(before[0])])))


@cache
def _records(raw: Raw) -> dict[str, pd.DataFrame]:
    """Sort the table `layers` by diagnostic, with the depth and the length of each run."""
    assert raw.layers is not None
    codes = raw.layers["run_key"].cat.codes.to_numpy()
    facts = raw.runs.set_index("run_key").reindex(raw.layers["run_key"].cat.categories)
    table = raw.layers[["step", "layer", "value"]].assign(
        run=codes, depth=facts["depth"].to_numpy()[codes], steps=facts["steps"].to_numpy()[codes]
    )
    places = raw.layers.groupby("diagnostic", observed=True).indices
    return {str(name): table.iloc[place] for name, place in places.items()}


@cache
def diagnostic(raw: Raw, name: str, moment: str, layers: str) -> dict[str, float]:
    """Return one number a run, by run key: a diagnostic at one moment, the layers brought down to one number."""
    assert raw.layers is not None
    if name not in _records(raw):
        return {}
    rows = _records(raw)[name]
    where = layers or ("network" if (rows["layer"] == 0).all() else "mean")
    layer, depth = rows["layer"], rows["depth"]
    places = {"network": layer == 0, "first": layer == 1, "last": layer == depth, "output": layer == depth + 1}
    rows = rows[places.get(where, (layer > 0) & (layer <= depth))]
    if moment == "early":
        rows = rows[rows["step"] > 0]
        rows = rows[rows["step"] == rows.groupby("run")["step"].transform("min")]
    else:
        rows = rows[rows["step"] == (0 if moment == "start" else rows["steps"])]
    numbers = _one(rows["value"].astype("float64").groupby(rows["run"]), where)
    return dict(zip(raw.layers["run_key"].cat.categories[numbers.index], numbers, strict=True))


def _one(numbers: Any, where: str) -> "pd.Series[float]":
    """Bring the layers of each run down to one number."""
    if where == "spread":
        return pd.Series(np.log10(numbers.max().clip(lower=LEAST)) - np.log10(numbers.min().clip(lower=LEAST)))
    return pd.Series(numbers.max() if where == "largest" else numbers.mean())


def _deviations(raw: Raw, runs: pd.DataFrame) -> "pd.Series[float]":
    """Return how far the recorded coefficient of clipping by norm is from what threshold and norm give."""
    found, norms = (diagnostic(raw, name, "early", "network") for name in ("clip_coefficient", "global_gradient_norm"))
    off = []
    for key, clip in zip(runs["run_key"], runs["clip"], strict=True):
        level, norm = parse_level("clip", str(clip)), norms.get(key, np.nan)
        known = level.name == "norm" and key in found and norm == norm
        off.append(abs(found[key] - min(1.0, level.arguments[0] / (norm + 1e-6))) if known else np.nan)
    return pd.Series(off, index=runs.index, dtype="float64")

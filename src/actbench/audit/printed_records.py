"""Learning curves and layer profiles computed once more from the records of single runs."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd

from actbench.audit.chosen_again import intervals_again, others_again, placed, seeds_of
from actbench.audit.printed_rows import Numbers, Row, Unfinished, with_these_ends
from actbench.audit.raw_rows import CONDITION, Raw, chosen, runs_of
from actbench.audit.resampled import Ends
from actbench.plan.factors import FACTORS

CELL = ["activation", *(name for name in CONDITION if name != "activation"), "lr"]
INSIDE = {
    "saturated_fraction", "zero_fraction", "dead_fraction", "still_dead_fraction", "sign_coherence",
    "global_gradient_norm", "clip_coefficient", "gradient_ratio",
}  # fmt: skip
PROFILES = {
    "preactivation_std", "activation_std", "gradient_norm", "backward_norm",
    "zero_fraction", "saturated_fraction", "dead_fraction",
}  # fmt: skip
FACTS = ["run_key", "failed", *FACTORS]


def evaluations(raw: Raw, runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each run, step and split at which runs of its length are evaluated; 0 where it had failed."""
    found = runs.merge(raw.curves[["run_key", "step", "split", "accuracy"]].astype({"split": str}), on="run_key")
    schedule = found[["steps", "split", "step"]].drop_duplicates()
    filled = runs.merge(schedule, on="steps").merge(
        found[["run_key", "split", "step", "accuracy"]], how="left", on=["run_key", "split", "step"]
    )
    return filled.assign(accuracy=filled["accuracy"].astype("float64").fillna(0.0))


def curves(raw: Raw, study: str) -> Iterator[Row]:
    """Accuracy of each activation and depth over training: the mean over seeds of the mean over conditions."""
    by = ["activation", "depth", "steps", "split", "step"]
    filled = evaluations(raw, chosen(raw, study))
    means = filled.pivot_table(index=by, columns="seed", values="accuracy", aggfunc="mean")
    sizes = filled.groupby(by).size()

    ends = _ends(raw, study, list(means.index))

    def rows() -> Iterator[Unfinished]:
        for key, seeds in zip(means.index, means.to_numpy(), strict=True):
            yield key, {"n_runs": int(sizes[key])}, list(seeds[~np.isnan(seeds)])

    return with_these_ends(rows(), "accuracy", [ends[key] for key in means.index])


def _ends(raw: Raw, study: str, keys: list[tuple[object, ...]]) -> dict[tuple[object, ...], Numbers]:
    """Return what the ends may be of each activation, depth, length, split and step, one step after another."""
    runs = placed(raw, study)
    found: dict[tuple[object, ...], Numbers] = {}
    members = {key: own["place"].unique() for key, own in runs.groupby(["activation", "depth", "steps"])}
    for moment, own in evaluations(raw, runs_of(raw, study)).groupby(["split", "step"]):
        here = [key for key in keys if key[3:] == moment]
        of = others_again(raw, study, own, "accuracy")
        ends = intervals_again(of, [members[key[:3]] for key in here], seeds_of(raw, study), (0.0, 1.0))
        found |= dict(zip(here, ends, strict=True))
    return found


@cache
def _wanted(raw: Raw) -> pd.DataFrame:
    assert raw.layers is not None
    return raw.layers[raw.layers["diagnostic"].isin(INSIDE | PROFILES)].astype({"value": "float64"})


@cache
def _records(raw: Raw, study: str) -> pd.DataFrame:
    """Return the records of all runs of a study beside their levels."""
    wanted, runs = _wanted(raw), runs_of(raw, study)
    found = wanted[wanted["run_key"].isin(set(runs["run_key"]))].astype({"diagnostic": str, "run_key": str})
    return found.merge(runs[FACTS], on="run_key")


def _moments(records: pd.DataFrame) -> pd.DataFrame:
    """Keep the records before the first update, and those after the last one of runs that are ok."""
    start = records[records["step"] == 0].assign(moment="start")
    end = records[(records["step"] == records["steps"]) & ~records["failed"]].assign(moment="end")
    return pd.concat([start, end])


def gradients(raw: Raw, study: str) -> Iterator[Row]:
    """Gradient norm of each layer in the deepest networks: the median over seeds of the median over conditions."""
    runs = chosen(raw, study)
    deepest = runs[runs["depth"] == runs["depth"].max()]
    records = _moments(_records(raw, study))
    kept = (records["diagnostic"] == "gradient_norm") & (records["layer"] > 0)
    norms = records[kept & records["run_key"].isin(set(deepest["run_key"]))]
    by = ["activation", "depth", "init", "norm", "residual"]
    failures = deepest.groupby(by)["failed"].sum()
    for key, own in norms.groupby([*by, "moment", "layer"]):
        seeds = own.groupby("seed")["value"].median()
        numbers = {"n_runs": len(own), "n_failed": int(failures[key[:5]]), "n_seeds": len(seeds)}
        yield key, numbers | {"gradient_norm": seeds.median(), "low": seeds.min(), "high": seeds.max()}


def inside(raw: Raw, study: str) -> Iterator[Row]:
    """Each diagnostic over training, for each level of each factor that varies: median over seeds, lowest, highest."""
    records, runs = _records(raw, study), runs_of(raw, study)
    records = records[records["diagnostic"].isin(INSIDE) & (records["layer"] <= records["depth"])]
    of_run = records.groupby(["run_key", "step", "diagnostic"])["value"].mean().reset_index()
    parts = [of_run]
    for name, value in (("clip_rate", runs["clip_rate"]), ("failed", runs["failed"].astype(float))):
        parts.append(runs[["run_key"]].assign(step=runs["steps"], diagnostic=name, value=value))
    measured = pd.concat(parts).merge(runs[["run_key", *FACTORS]], on="run_key")
    others = [name for name in FACTORS if name not in ("dataset", "model", "activation", "seed")]
    for cause in ("activation", *(name for name in others if runs[name].nunique() > 1)):
        by = ["activation", cause] if cause != "activation" else ["activation"]
        means = measured.pivot_table(index=[*by, "diagnostic", "step"], columns="seed", values="value", aggfunc="mean")
        sizes = measured.groupby([*by, "diagnostic", "step"]).size()
        for key, seeds in zip(means.index, means.to_numpy(), strict=True):
            level, known = str(key[len(by) - 1]), seeds[~np.isnan(seeds)]
            numbers = {"n_runs": int(sizes[key]), "n_seeds": len(known), "value": float(np.median(known))}
            ends = {"low": float(known.min()), "high": float(known.max())}
            yield (key[0], cause, level, *key[-2:]), numbers | ends


def _cells(raw: Raw, study: str) -> pd.DataFrame:
    """Give each condition and rate of a study its number, in the order of their levels."""
    runs = runs_of(raw, study)
    return runs.assign(cell=runs.groupby(CELL).ngroup())


def explorer(raw: Raw, study: str) -> Iterator[Row]:
    """Each run: its cell, its levels, its score, whether it failed and whether its rate was chosen."""
    kept = set(chosen(raw, study)["run_key"])
    for row in _cells(raw, study).to_dict("records"):
        numbers = {name: row[name] for name in CELL} | {"score": row["score"], "failed": int(row["failed"])}
        yield (row["cell"], row["seed"]), numbers | {"chosen": int(row["run_key"] in kept)}


def four_digits(value: float) -> Ends:
    """Return what the explorer's tables may hold, who keep four digits: half a unit of the last either way."""
    if np.isnan(value):
        return Ends({})
    half = 0.5001 * 10.0 ** (np.floor(np.log10(abs(value))) - 3) if value and np.isfinite(value) else 0.0
    return Ends({"four digits": (value - half, value + half)})


def explorer_curves(raw: Raw, study: str) -> Iterator[Row]:
    """Mean curve of each cell."""
    for key, own in evaluations(raw, _cells(raw, study)).groupby(["cell", "split", "step"])["accuracy"]:
        yield key, {"n_runs": len(own), "accuracy": four_digits(own.mean())}


def explorer_layers(raw: Raw, study: str) -> Iterator[Row]:
    """Median profile of each cell."""
    records = _records(raw, study)
    kept = records[records["diagnostic"].isin(PROFILES) & (records["layer"] > 0)]
    joined = _moments(kept).merge(_cells(raw, study)[["run_key", "cell"]], on="run_key")
    by, names = ["cell", "moment", "layer"], sorted(PROFILES)
    medians = joined.groupby([*by, "diagnostic"])["value"].median().unstack("diagnostic")
    sizes = joined.drop_duplicates([*by, "run_key"]).groupby(by).size()
    shown = medians.reindex(columns=names)
    for key, size, own in zip(shown.index, sizes.reindex(shown.index), shown.to_numpy(), strict=True):
        yield key, {"n_runs": int(size)} | {name: four_digits(value) for name, value in zip(names, own, strict=True)}

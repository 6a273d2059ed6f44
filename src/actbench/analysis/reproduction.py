"""Are two sets of trained numbers the same? Run by run, to the last bit or within a tolerance.

Numbers of a run are its measured columns of `runs` and its rows of `curves` and `layers`; levels, origin and time are
none. A deviation is |a - b| for shares and accuracies, |a - b| / max(|a|, |b|) for everything else.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench.plan.factors import FACTORS
from actbench.plan.schema import RUNS, TABLES

EQUAL, WITHIN, DIFFERENT = "bit-equal", "within tolerance", "different"
# Final losses of a run differ by up to 0.064 between kinds of device after 500 updates (benchmarks/exactness.md).
TOLERANCE = 0.1
ORIGIN = ("seconds", "numerics", "version", "commit", "torch", "device")
MEASURED = tuple(c.name for c in RUNS if c.name not in (*FACTORS, *ORIGIN, "run_key", "status"))
FINAL = tuple(name for name in MEASURED if name.endswith(("_loss", "_accuracy")))  # judged by the tolerance
COMPARED = ("runs", "curves", "layers")  # tables that hold numbers; only the first must be there
SHARES = ("accuracy", "fraction", "rate")

Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Reproduction:
    """One row for each run of either set, and what holds of all of them together."""

    runs: pd.DataFrame

    def counts(self) -> dict[str, int]:
        """Count the runs by verdict."""
        found = self.runs["verdict"].value_counts()
        return {verdict: int(found.get(verdict, 0)) for verdict in (EQUAL, WITHIN, DIFFERENT)}


def compare_runs(first: Frames, second: Frames, tolerance: float = TOLERANCE) -> Reproduction:
    """Compare two recordings of the same runs.

    A run is bit-equal when every number is; within tolerance when its status is the same and no final loss or accuracy
    deviates by more than `tolerance`; else different. Where one lacks `curves` or `layers`, that table of the other is
    not compared.

    Args:
        first, second: tables by name, in the columns of plan.schema.
        tolerance: the largest deviation of a final number that is still the same result.

    Returns:
        Rows run_key, verdict, status and other_status, deviation (largest of a final number, nan where there is
        none), largest (of any number) and where (its name), in the order of the run keys.
    """
    statuses = _statuses(first["runs"], second["runs"])
    both = first.keys() & second.keys()
    numbers = _joined({table: first[table] for table in both}, {table: second[table] for table in both})
    equal = numbers.groupby("run_key")["equal"].all().reindex(statuses.index, fill_value=True)
    deviation = numbers[numbers["what"].isin(FINAL)].groupby("run_key")["deviation"].max()
    largest = numbers.sort_values("deviation", kind="stable").drop_duplicates("run_key", keep="last")
    largest = largest.set_index("run_key")
    rows = statuses.assign(
        deviation=deviation.reindex(statuses.index),
        largest=largest["deviation"].reindex(statuses.index),
        where=largest["what"].where(largest["deviation"] > 0).reindex(statuses.index).fillna(""),
    )
    same = rows["status"] == rows["other_status"]
    within = same & (rows["deviation"].fillna(0.0) <= tolerance)
    verdict = np.select([same & equal, within], [EQUAL, WITHIN], DIFFERENT)
    return Reproduction(rows.assign(verdict=verdict).reset_index())


def deviations(a: "pd.Series[float]", b: "pd.Series[float]", shares: "pd.Series[bool]") -> "pd.Series[float]":
    """Return |a - b|, or for numbers that are no shares |a - b| / max(|a|, |b|); infinite where one is missing."""
    larger = a.abs().where(a.abs() >= b.abs(), b.abs())
    scale = larger.where(~shares & (larger > 0), 1.0)
    found = ((a - b).abs() / scale).where(a != b, 0.0)
    whole: pd.Series[float] = found.mask(a.isna() & b.isna(), 0.0).fillna(np.inf)
    return whole


def _statuses(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    joined = first[["run_key", "status"]].merge(
        second[["run_key", "status"]].rename(columns={"status": "other_status"}),
        how="outer", on="run_key", validate="one_to_one",
    )  # fmt: skip
    return joined.fillna("missing").set_index("run_key").sort_index()


def _joined(first: Frames, second: Frames) -> pd.DataFrame:
    """Put every number of both sets side by side: run_key, what, a, b, equal, deviation."""
    sides = [_numbers(frames).rename(columns={"value": side}) for frames, side in ((first, "a"), (second, "b"))]
    joined = sides[0].merge(sides[1], how="outer", on=["run_key", "what"], validate="one_to_one")
    a, b = joined["a"], joined["b"]
    equal = ((a == b) & (np.signbit(a) == np.signbit(b))) | (a.isna() & b.isna())
    name = joined["what"].str.split(" ").str[0]
    return joined.assign(equal=equal, deviation=deviations(a, b, name.str.endswith(SHARES)))


def _numbers(frames: Frames) -> pd.DataFrame:
    """Return the numbers of a set as rows run_key, what, value."""
    runs = frames["runs"][["run_key", *MEASURED]].astype(dict.fromkeys(MEASURED, "float64"))
    parts = [runs.melt("run_key", var_name="what", value_name="value")]
    for split, rows in frames.get("curves", _none("curves")).groupby("split"):
        for column in ("loss", "accuracy"):
            what = f"{column} of {split} at step " + rows["step"].astype("str")
            parts.append(pd.DataFrame({"run_key": rows["run_key"], "what": what, "value": rows[column]}))
    layers = frames.get("layers", _none("layers"))
    what = layers["diagnostic"].astype("str") + " of layer " + layers["layer"].astype("str")
    what += " at step " + layers["step"].astype("str")
    parts.append(pd.DataFrame({"run_key": layers["run_key"], "what": what, "value": layers["value"]}))
    numbers = pd.concat([part.astype({"run_key": "str", "what": "str", "value": "float64"}) for part in parts])
    return numbers.reset_index(drop=True)


def _none(table: str) -> pd.DataFrame:
    return pd.DataFrame({column.name: [] for column in TABLES[table]})

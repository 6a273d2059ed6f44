"""The raw rows of a config's results, and the runs at their chosen learning rates, by the shortest way."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.plan.errors import ConfigError
from actbench.plan.factors import FACTORS

CONDITION = [name for name in FACTORS if name not in ("lr", "seed")]


BLOCK = [name for name in CONDITION if name != "activation"]


@dataclass(frozen=True, eq=False)
class Raw:
    """The four tables; runs have `score`, `val_score`, `failed` and `trained`. A published result may lack `layers`.

    costs: the rounds of timing, stats/cost.csv, which follow from no run; None where it is not there.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame | None
    studies: pd.DataFrame
    costs: pd.DataFrame | None = None


def read_raw(folder: Path) -> Raw:
    """Read the tables under a folder; raise ConfigError when one other than `layers` is missing."""
    runs, curves, studies = (_read(folder / f"{name}.parquet") for name in ("runs", "curves", "studies"))
    path, timed = folder / "layers.parquet", folder.parent / "stats" / "cost.csv"
    layers = _as_words(_read(path)) if path.exists() else None
    return Raw(_scored(runs), _as_words(curves), layers, studies, read_printed(timed) if timed.exists() else None)


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise ConfigError(str(path), "no such table; run `actbench tables` with this config")
    return pd.read_parquet(path)


def _as_words(records: pd.DataFrame) -> pd.DataFrame:
    """Make categories of the words: millions of them are grouped faster so."""
    words = records.select_dtypes(exclude="number").columns
    return records.astype(dict.fromkeys(words, "category"))


def _scored(runs: pd.DataFrame) -> pd.DataFrame:
    ok = (runs["status"] == "ok").to_numpy()
    runs["score"] = np.where(ok, runs["best_test_accuracy"], 0.0)
    runs["val_score"] = np.where(ok, runs["best_val_accuracy"], 0.0)
    runs["failed"] = ~ok
    runs["trained"] = ok & (runs["best_val_accuracy"] * runs["classes"] >= 2).to_numpy()
    runs["loss"] = np.where(ok, runs["best_test_loss"], np.nan)
    runs["gap"] = np.where(ok, runs["train_accuracy"] - runs["test_accuracy"], np.nan)
    return runs


@cache
def chosen(raw: Raw, study: str) -> pd.DataFrame:
    """Return the runs of a study at the best rate of each condition."""
    return at_best_rate(runs_of(raw, study))


@cache
def runs_of(raw: Raw, study: str) -> pd.DataFrame:
    """Return the runs of a study, ordered by their keys."""
    keys = raw.studies.loc[raw.studies["study"] == study, "run_key"]
    return raw.runs[raw.runs["run_key"].isin(set(keys))].sort_values("run_key", ignore_index=True)


def at_best_rate(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep the runs of each condition at the rate with the best mean validation score; the smallest of equals."""
    kept = []
    for _, condition in runs.sort_values(["lr", "seed"]).groupby(CONDITION, sort=False):
        means = condition.groupby("lr")["val_score"].mean().round(12)  # equal but for the order of summation
        kept.append(condition[condition["lr"] == means.index[int(np.argmax(means.to_numpy()))]])
    return pd.concat(kept).sort_values("run_key", ignore_index=True) if kept else runs


def read_printed(path: Path) -> pd.DataFrame:
    """Read a printed CSV file; words stay words, an empty number is missing, an empty word is empty."""
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), f"cannot be read ({error}); run snakemake with this config") from None
    words = frame.select_dtypes(exclude="number").columns
    return frame.assign(**{name: frame[name].fillna("") for name in words})

"""The raw rows of a config's results, and the runs at their chosen learning rates, by the shortest way."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.plan.errors import ConfigError
from actbench.plan.factors import FACTORS

CONDITION = [name for name in FACTORS if name not in ("lr", "seed")]


@dataclass(frozen=True)
class Raw:
    """The four tables; runs have `score`, `val_score`, `failed` and `trained`."""

    runs: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame
    studies: pd.DataFrame


def read_raw(folder: Path) -> Raw:
    """Read the tables under a folder; raise ConfigError when one is missing."""
    frames = []
    for name in ("runs", "curves", "layers", "studies"):
        path = folder / f"{name}.parquet"
        if not path.exists():
            raise ConfigError(str(path), "no such table; run `actbench tables` with this config")
        frames.append(pd.read_parquet(path))
    runs = frames[0]
    ok = (runs["status"] == "ok").to_numpy()
    runs["score"] = np.where(ok, runs["best_test_accuracy"], 0.0)
    runs["val_score"] = np.where(ok, runs["best_val_accuracy"], 0.0)
    runs["failed"] = ~ok
    runs["trained"] = ok & (runs["best_val_accuracy"] * runs["classes"] >= 2).to_numpy()
    runs["loss"] = np.where(ok, runs["best_test_loss"], np.nan)
    runs["gap"] = np.where(ok, runs["train_accuracy"] - runs["test_accuracy"], np.nan)
    return Raw(runs, *frames[1:])


def runs_of(raw: Raw, study: str) -> pd.DataFrame:
    """Return the runs of a study, ordered by their keys."""
    keys = raw.studies.loc[raw.studies["study"] == study, "run_key"]
    return raw.runs[raw.runs["run_key"].isin(set(keys))].sort_values("run_key", ignore_index=True)


def at_best_rate(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep the runs of each condition at the rate with the best mean validation score; the smallest of equals."""
    kept = []
    for _, condition in runs.sort_values(["lr", "seed"]).groupby(CONDITION, sort=False):
        means = condition.groupby("lr")["val_score"].mean()
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

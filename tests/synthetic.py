"""Made-up results of a design, with planted effects: frames, shard files and tables for tests that need no training.

config = make_config(activation=("relu", "tanh"), depth=(2, 8), seed=(0, 1, 2))
frames = fake_frames(expand(config))               # {"runs", "curves", "layers", "studies"}: pandas, as plan.schema
write_shards(expand(config), frames, tmp_path)     # tmp_path/<name>/shards/<id>.parquet
write_results(config, tmp_path)                    # shards and then tables/*.parquet beside them
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from actbench.analysis.shard_file import shard_schema, write_shard
from actbench.plan.config import Config, Levels, Study, Value
from actbench.plan.design import Design, expand
from actbench.plan.factors import FACTORS
from actbench.plan.numerics import NUMERICS
from actbench.plan.schema import TABLES
from actbench.plan.shards import make_shards

CLASSES = 10
EFFECTS = {"relu": 0.05, "gelu": 0.07, "silu": 0.06, "tanh": 0.0, "sigmoid": -0.15, "identity": -0.25}


def make_study(name: str = "main", question: str = "Which activation?", **levels: tuple[Value, ...]) -> Study:
    """Build a study without reading a file; a factor that is not named has its default level."""
    given: Levels = {factor.name: (factor.default,) for factor in FACTORS.values()}
    return Study(name, question, {**given, **levels})


def make_config(name: str = "synthetic", shard_minutes: float = 5.0, **levels: tuple[Value, ...]) -> Config:
    """Build a config of one study; by default 3 activations, 2 depths, 2 inits, 2 learning rates and 3 seeds."""
    given: dict[str, tuple[Value, ...]] = {
        "activation": ("relu", "tanh", "sigmoid"),
        "depth": (2, 8),
        "init": ("he_normal", "xavier_normal"),
        "lr": (0.02, 0.1),
        "seed": (0, 1, 2),
        **levels,
    }
    return Config(name, "made-up results", shard_minutes, (make_study(**given),))


def fake_frames(
    design: Design,
    effects: dict[str, float] = EFFECTS,
    noise: float = 0.01,
    diverge: Callable[[pd.DataFrame], pd.Series] | None = None,
    steps_recorded: int = 6,
) -> dict[str, pd.DataFrame]:
    """Make up the four tables of a design.

    Accuracy is 0.6 + effect of the activation - 0.02 log2(depth) + a part of the seed + noise; `diverge` marks the
    runs that diverge (by default lr above 0.05 at depth 8 and more under he_normal without norm).
    """
    runs = fake_runs(design, effects, noise, diverge)
    curves, layers = _fake_records(runs, steps_recorded)
    pairs = [(study, key) for study, keys in design.members.items() for key in keys]
    studies = pd.DataFrame(pairs, columns=["study", "run_key"])
    return {"runs": runs, "curves": curves, "layers": layers, "studies": studies}


def fake_runs(
    design: Design,
    effects: dict[str, float] = EFFECTS,
    noise: float = 0.01,
    diverge: Callable[[pd.DataFrame], pd.Series] | None = None,
) -> pd.DataFrame:
    """Make up the runs table, in the order of the run keys."""
    runs = pd.DataFrame([{"run_key": run.key, **asdict(run)} for run in design.runs]).sort_values("run_key")
    runs = runs.reset_index(drop=True)
    draws = np.random.default_rng(0)
    seed_part = 0.02 * np.sin(1.0 + 2.0 * runs["seed"].to_numpy())
    level = 0.6 + runs["activation"].map(effects).fillna(0.0) - 0.02 * np.log2(runs["depth"]) + seed_part
    accuracy = np.clip(level + noise * draws.standard_normal(len(runs)), 0.01, 0.99)
    bad = (diverge or _diverge_by_default)(runs).to_numpy(dtype=bool)
    runs["status"] = np.where(bad, "diverged", "ok")
    runs["diverged_step"] = pd.array(np.where(bad, 40, 0), dtype="Int64")
    runs.loc[~bad, "diverged_step"] = pd.NA
    for split, shift in (("train", 0.05), ("val", 0.0), ("test", -0.01)):
        runs[f"{split}_loss"] = np.where(bad, np.nan, -np.log(accuracy))
        runs[f"{split}_accuracy"] = np.where(bad, np.nan, np.clip(accuracy + shift, 0, 1))
    runs["best_step"] = pd.array(np.where(bad, 20, runs["steps"]), dtype="Int64")
    for split, shift in (("val", 0.01), ("test", 0.0)):
        runs[f"best_{split}_loss"] = -np.log(accuracy)
        runs[f"best_{split}_accuracy"] = accuracy + shift
    constants = {"clip_rate": 0.1, "classes": CLASSES, "parameters": 5000, "seconds": 0.5, "numerics": NUMERICS}
    origin = {"version": "0.1.0", "commit": "0" * 40, "torch": "2.13.0", "device": "cpu-avx512"}
    runs = runs.assign(**constants, **origin)
    return runs[[column.name for column in TABLES["runs"]]]


def _diverge_by_default(runs: pd.DataFrame) -> pd.Series:
    return (runs["lr"] > 0.05) & (runs["depth"] >= 8) & (runs["init"] == "he_normal") & (runs["norm"] == "none")


def _fake_records(runs: pd.DataFrame, recorded: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    curves, layers = [], []
    for run in runs.itertuples():
        steps = np.unique(np.geomspace(1, run.steps + 1, recorded).astype(int) - 1)
        if run.status == "diverged":
            steps = steps[steps <= run.diverged_step]
        for step in steps:
            share = step / run.steps
            accuracy = 1 / CLASSES + share * (run.best_val_accuracy - 1 / CLASSES)
            curves += [(run.run_key, step, split, -np.log(accuracy), accuracy) for split in ("train", "val")]
            layers += [(run.run_key, step, *row) for row in _fake_layers(run.depth, share)]
    return _frame(curves, "curves"), _frame(layers, "layers")


def _fake_layers(depth: int, share: float) -> list[tuple[int, str, float]]:
    rows = [(0, "global_gradient_norm", 2.0 - share), (0, "clip_coefficient", 0.5 + 0.5 * share)]
    for layer in range(1, depth + 2):
        rows.append((layer, "gradient_norm", 0.8 ** (depth + 1 - layer) * (1.5 - share)))
        if layer <= depth:
            rows += [(layer, "activation_mean", 0.3), (layer, "activation_std", 0.95**layer)]
            rows += [(layer, "zero_fraction", 0.4 + 0.1 * share), (layer, "dead_fraction", 0.3 * share)]
            rows += [(layer, "saturated_fraction", 0.5 - 0.1 * share), (layer, "sign_coherence", 0.6 + 0.1 * share)]
    return rows


def _frame(rows: list[tuple[object, ...]], table: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[column.name for column in TABLES[table]])
    return frame.astype({column.name: column.dtype for column in TABLES[table] if column.dtype != "string"})


def write_shards(design: Design, frames: dict[str, pd.DataFrame], results: Path) -> list[Path]:
    """Write the shard files of a design under results/<name>/shards and return their paths."""
    nested = {name: _nest(frames[name]) for name in ("curves", "layers")}
    runs = frames["runs"].set_index("run_key", drop=False)
    paths = []
    for shard in make_shards(design.runs, design.config.shard_minutes):
        keys = [run.key for run in shard.runs]
        rows = runs.loc[keys].reset_index(drop=True)
        columns = {name: pa.array(rows[name], from_pandas=True) for name in rows}
        columns |= {name: [lists.get(key, []) for key in keys] for name, lists in nested.items()}
        schema = shard_schema()
        arrays = [pa.array(columns[field.name], type=field.type) for field in schema]
        paths.append(results / design.config.name / "shards" / f"{shard.id}.parquet")
        write_shard(paths[-1], pa.Table.from_arrays(arrays, schema=schema))
    return paths


def _nest(frame: pd.DataFrame) -> dict[str, list[dict[str, object]]]:
    names = [name for name in frame.columns if name != "run_key"]
    lists: dict[str, list[dict[str, object]]] = {}
    for key, *values in frame.itertuples(index=False):
        lists.setdefault(key, []).append(dict(zip(names, values, strict=True)))
    return lists


def write_results(config: Config, results: Path, **options: object) -> dict[str, pd.DataFrame]:
    """Write shards and tables of a config under results/<name> and return the frames they hold."""
    from actbench.analysis.tables import write_tables

    design = expand(config)
    frames = fake_frames(design, **options)  # type: ignore[arg-type]
    write_shards(design, frames, results)
    write_tables(design, results)
    return frames

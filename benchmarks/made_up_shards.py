"""Shard files of a design without training, of the size that training would give them, to measure what follows it."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from actbench.analysis.shard_file import NESTED, nested_type, shard_schema, write_shard
from actbench.levels.diagnostics import DIAGNOSTICS
from actbench.plan.config import Config
from actbench.plan.design import Run
from actbench.plan.factors import FACTORS
from actbench.plan.numerics import NUMERICS
from actbench.plan.shards import Shard
from actbench.training.schedule import evaluation_steps, is_recorded

NAMES = tuple(DIAGNOSTICS)
WORDS = {"split": ("train", "val"), "diagnostic": NAMES}
IS_SHARE = np.array([entry.unit == "fraction" for entry in DIAGNOSTICS.values()])
CLASSES = 10
BOUNDARY_SIDE = 60
Array = np.ndarray[Any, np.dtype[Any]]


def write_made_up_shard(config: Config, shard: Shard, results: Path) -> None:
    """Write results/<name>/shards/<id>.parquet: accuracies fall with depth, high rates fail in deep networks."""
    random = np.random.default_rng(int(shard.digest, 16))
    runs = list(shard.runs)
    columns = _columns(runs, random)
    steps = [_steps_of(run, status) for run, status in zip(runs, columns["status"], strict=True)]
    arrays = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    arrays["curves"] = _nest("curves", list(map(_curve_rows, runs, steps, columns["best_val_accuracy"])), random)
    arrays["layers"] = _nest("layers", list(map(_layer_rows, runs, steps)), random)
    schema = shard_schema()
    rows = pa.Table.from_arrays([arrays[field.name].cast(field.type) for field in schema], schema=schema)
    write_shard(results / config.name / "shards" / f"{shard.id}.parquet", rows)


def _columns(runs: list[Run], random: np.random.Generator) -> dict[str, Any]:
    n = len(runs)
    columns: dict[str, Any] = {"run_key": [run.key for run in runs]}
    columns |= {factor: [getattr(run, factor) for run in runs] for factor in FACTORS}
    depth, lr = np.array(columns["depth"]), np.array(columns["lr"])
    lost = np.array([1 - _gain(run) for run in runs]) * depth  # where gradients vanish nothing is learned
    accuracy = 0.1 + (0.55 - 0.02 * np.log2(depth)) * np.exp(-lost) + 0.03 * random.standard_normal(n)
    accuracy = np.clip(accuracy, 0.05, 0.95)
    bad = (random.random(n) < 0.3) & (lr >= 0.1) & (depth >= 16)
    columns["status"] = np.where(bad, "diverged", "ok")
    columns["diverged_step"] = pd.array(np.where(bad, 40, 0), dtype="Int64")
    columns["diverged_step"][~bad] = pd.NA
    for split in ("train", "val", "test"):
        columns[f"{split}_loss"] = np.where(bad, np.nan, -np.log(accuracy))
        columns[f"{split}_accuracy"] = np.where(bad, np.nan, accuracy)
    columns["best_step"] = np.where(bad, 20, columns["steps"])
    for split in ("val", "test"):
        columns[f"best_{split}_loss"], columns[f"best_{split}_accuracy"] = -np.log(accuracy), accuracy
    columns |= {"clip_rate": np.zeros(n), "parameters": 4096 * depth, "seconds": random.random(n)}
    columns |= {"classes": np.full(n, CLASSES), "numerics": np.full(n, NUMERICS)}
    words = {"version": "0", "commit": "0" * 40, "torch": "0", "device": "cpu"}
    return columns | {name: [word] * n for name, word in words.items()}


def _steps_of(run: Run, status: str) -> Array:
    steps = np.array(evaluation_steps(run.steps))
    return steps if status == "ok" else steps[steps <= 40]


def _gain(run: Run) -> float:
    """Return the factor by which a layer shrinks the gradient: a law of its own for each activation and init."""
    if run.norm != "none" or run.residual != "none":
        return 0.999
    return 1 - 0.3 * np.random.default_rng(list(f"{run.activation} {run.init}".encode())).random() ** 3


def _curve_rows(run: Run, steps: Array, final: float) -> dict[str, Array]:
    split = np.tile(np.arange(2), len(steps))
    learned = np.log1p(np.repeat(steps, 2)) / np.log1p(run.steps)
    return {"step": np.repeat(steps, 2), "split": split, "accuracy": 0.1 + learned * (final - 0.1)}


def _layer_rows(run: Run, steps: Array) -> dict[str, Array]:
    """Return a row for every diagnostic that training records; the diagnostic by its place in NAMES."""
    all_steps = evaluation_steps(run.steps)
    tables = [_recorded(run.depth, tuple(_wanted(step, all_steps))) for step in steps.tolist()]
    layer, place = (np.concatenate([table[column] for table in tables]) for column in (0, 1))
    value = _gain(run) ** (run.depth + 1.0 - layer)
    return {
        "step": np.repeat(steps, [len(table[0]) for table in tables]),
        "layer": layer,
        "diagnostic": place,
        "value": np.where(IS_SHARE[place], 0.9 * value, value),  # below 1 also when it is no round number
    }


def _wanted(step: int, steps: Sequence[int]) -> list[str]:
    return [name for name, entry in DIAGNOSTICS.items() if is_recorded(entry.when, entry.after, step, steps)]


@cache
def _recorded(depth: int, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Return layer and place in NAMES of the rows of one moment."""
    layers = {"hidden": range(1, depth + 1), "weights": range(1, depth + 2), "network": (0,)}
    rows = [(layer, NAMES.index(name)) for name in names for layer in layers[DIAGNOSTICS[name].where]]
    rows.sort(key=lambda row: row[0] or depth + 2)  # as training writes them: layer by layer, the whole network last
    layer, place = np.array(rows).T
    return layer, place


def _nest(table: str, parts: list[dict[str, Array]], random: np.random.Generator) -> pa.Array:
    """Make list<struct<…>>: words from their places in WORDS; no number is round, so that files do not shrink."""
    offsets = np.concatenate([[0], np.cumsum([len(part["step"]) for part in parts])])
    children = []
    struct = nested_type(NESTED[table]).value_type
    for field in struct:
        if field.name in WORDS:
            places = pa.array(np.concatenate([part[field.name] for part in parts]).astype(np.int32))
            children.append(pa.DictionaryArray.from_arrays(places, pa.array(WORDS[field.name])).cast(pa.string()))
        elif pa.types.is_integer(field.type):
            children.append(pa.array(np.concatenate([part[field.name] for part in parts]).astype(np.int32)))
        else:
            exact = np.concatenate([part[field.name] for part in parts]) if field.name in parts[0] else 1.0
            noise = 0.9 + 0.2 * random.random(offsets[-1], dtype=np.float32)
            children.append(pa.array((exact * noise).astype(np.float32)))
    records = pa.StructArray.from_arrays(children, fields=list(struct))
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), records)


def write_made_up_boundaries(path: Path, activations: list[str]) -> None:
    """Write stats/boundaries.csv as `actbench boundaries` does, from networks that answer in spirals."""
    along = np.linspace(-2.7, 2.7, BOUNDARY_SIDE).round(3)
    x, y = (axis.ravel() for axis in np.meshgrid(along, along))
    label = np.floor((np.arctan2(y, x) - 2 * np.hypot(x, y)) / (2 * np.pi) * 3).astype(int) % 3
    frame = pd.DataFrame({"kind": "grid", "x": x, "y": y, "label": label})
    run = {"run_key": "0" * 16, "depth": 2, "seed": 0, "test_accuracy": 0.9, "recorded_accuracy": 0.9}
    examples = frame.iloc[::17].assign(kind="test")
    parts = [*(frame.assign(activation=name, **run) for name in activations), examples]
    pd.concat(parts).astype({"depth": "Int64", "seed": "Int64"}).to_csv(path, index=False)

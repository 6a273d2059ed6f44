"""Shard files of a design without training, of the size that training would give them, to measure what follows it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from actbench.analysis.shard_file import NESTED, nested_type, shard_schema, write_shard
from actbench.plan.config import Config
from actbench.plan.design import Run
from actbench.plan.factors import FACTORS
from actbench.plan.numerics import NUMERICS
from actbench.plan.shards import Shard
from actbench.training.schedule import evaluation_steps

DIAGNOSTICS = ("activation_mean", "activation_std", "zero_fraction", "gradient_norm", "global_gradient_norm")
HIDDEN, WEIGHTS, NETWORK = range(3), 3, 4  # places in DIAGNOSTICS
WORDS = {"split": ("train", "val"), "diagnostic": DIAGNOSTICS}
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
    arrays["curves"] = _nest("curves", [_curve_rows(each) for each in steps], random)
    arrays["layers"] = _nest(
        "layers", [_layer_rows(run.depth, each) for run, each in zip(runs, steps, strict=True)], random
    )
    schema = shard_schema()
    rows = pa.Table.from_arrays([arrays[field.name].cast(field.type) for field in schema], schema=schema)
    write_shard(results / config.name / "shards" / f"{shard.id}.parquet", rows)


def _columns(runs: list[Run], random: np.random.Generator) -> dict[str, Any]:
    n = len(runs)
    columns: dict[str, Any] = {"run_key": [run.key for run in runs]}
    columns |= {factor: [getattr(run, factor) for run in runs] for factor in FACTORS}
    depth, lr = np.array(columns["depth"]), np.array(columns["lr"])
    accuracy = np.clip(0.65 - 0.02 * np.log2(depth) + 0.05 * random.standard_normal(n), 0.1, 0.9)
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


def _curve_rows(steps: Array) -> dict[str, Array]:
    split = np.tile(np.arange(2), len(steps))
    return {"step": np.repeat(steps, 2), "split": split}


def _layer_rows(depth: int, steps: Array) -> dict[str, Array]:
    layer = np.concatenate([[0], np.arange(1, depth + 2), *[np.arange(1, depth + 1)] * len(HIDDEN)])
    kinds = np.concatenate([[NETWORK], np.full(depth + 1, WEIGHTS), np.repeat(HIDDEN, depth)])
    times = len(steps)
    return {
        "step": np.repeat(steps, len(layer)),
        "layer": np.tile(layer, times),
        "diagnostic": np.tile(kinds, times),
    }


def _nest(table: str, parts: list[dict[str, Array]], random: np.random.Generator) -> pa.Array:
    """Make list<struct<…>>: words from their places in WORDS, numbers that are not given drawn at random."""
    offsets = np.concatenate([[0], np.cumsum([len(part["step"]) for part in parts])])
    children = []
    struct = nested_type(NESTED[table]).value_type
    for field in struct:
        if field.name in WORDS:
            places = pa.array(np.concatenate([part[field.name] for part in parts]).astype(np.int32))
            children.append(pa.DictionaryArray.from_arrays(places, pa.array(WORDS[field.name])).cast(pa.string()))
        elif field.name in parts[0]:
            children.append(pa.array(np.concatenate([part[field.name] for part in parts]).astype(np.int32)))
        else:
            children.append(pa.array(random.random(offsets[-1], dtype=np.float32)))
    records = pa.StructArray.from_arrays(children, fields=list(struct))
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), records)


def write_made_up_boundaries(path: Path, activations: list[str]) -> None:
    """Write stats/boundaries.csv as `actbench boundaries` does, from networks that answer in spirals."""
    along = np.linspace(-2.7, 2.7, BOUNDARY_SIDE).round(3)
    x, y = (axis.ravel() for axis in np.meshgrid(along, along))
    label = np.floor((np.arctan2(y, x) - 2 * np.hypot(x, y)) / (2 * np.pi) * 3).astype(int) % 3
    frame = pd.DataFrame({"kind": "grid", "x": x, "y": y, "label": label})
    run = {"run_key": "0" * 16, "depth": 2, "seed": 0, "test_accuracy": 0.9, "recorded_accuracy": 0.9}
    examples = frame.iloc[:: len(frame) // 240].assign(kind="test")
    parts = [*(frame.assign(activation=name, **run) for name in activations), examples]
    pd.concat(parts).astype({"depth": "Int64", "seed": "Int64"}).to_csv(path, index=False)

"""Runs built to show one illness each, and healthy ones, trained by the real loop on a small problem."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actbench.analysis.recorded import Recorded, recorded_in
from actbench.analysis.shard_file import split_shard
from actbench.levels.dataset import Dataset
from actbench.plan.design import Run
from actbench.training.loop import train_stack
from actbench.training.rows import error_row, to_rows
from actbench.training.stack import make_stacks
from test_twin import runs_of, tiny_dataset


def record(folder: Path, runs: Sequence[Run], broken: Sequence[Run] = (), hard: Sequence[Run] = ()) -> Recorded:
    """Train runs, write their tables and open them; `broken` could not be trained, `hard` runs are shown quadrants."""
    tasks = ((runs, tiny_dataset()), (hard, quadrants()))
    rows = [to_rows(train_stack(stack, data), 1.0) for chosen, data in tasks for stack in make_stacks(chosen)]
    for name, table in split_shard(pa.concat_tables([*rows, *map(error_row, broken)])).items():
        pq.write_table(table, folder / f"{name}.parquet")
    return recorded_in(folder)


def quadrants() -> Dataset:
    """Return 384 training examples of 4 classes that no linear map tells apart.

    A class is the pair of signs (x0·x1 > 0, x2·x3 > 0); four more inputs are noise.
    """
    noise, n = np.random.default_rng(0), 640
    y = np.arange(n) % 4
    side_nk = noise.choice([-1.0, 1.0], size=(n, 2))
    x = noise.normal(size=(n, 8)) * 0.3
    for pair, positive in enumerate((y // 2 == 1, y % 2 == 1)):
        first, second = side_nk[:, pair], side_nk[:, pair] * np.where(positive, 1, -1)
        x[:, 2 * pair] = first * (1 + 0.3 * noise.normal(size=n))
        x[:, 2 * pair + 1] = second * (1 + 0.3 * noise.normal(size=n))
    parts = {"train": slice(0, 384), "val": slice(384, 512), "test": slice(512, 640)}
    arrays = {
        f"{letter}_{name}": array[rows]
        for name, rows in parts.items()
        for letter, array in (("x", x.astype(np.float32)), ("y", y))
    }
    return Dataset(name="quadrants", classes=4, checksum="0" * 64, **arrays)


def case(**levels: object) -> Run:
    """Return a run with these levels: by default a healthy one."""
    plain = replace(runs_of(activation="tanh", steps=60, lr=0.05)[0], init="xavier_normal", input_scale=1.0)
    return replace(plain, **levels)  # type: ignore[arg-type]

"""Runs built to show one illness each, and healthy ones, trained by the real loop on a small problem."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from actbench.analysis.recorded import Recorded, recorded_in
from actbench.analysis.shard_file import split_shard
from actbench.plan.design import Run
from actbench.training.loop import train_stack
from actbench.training.rows import error_row, to_rows
from actbench.training.stack import make_stacks
from test_twin import runs_of, tiny_dataset


def record(folder: Path, runs: Sequence[Run], broken: Sequence[Run] = ()) -> Recorded:
    """Train runs, write their tables to a folder and open them; `broken` runs could not be trained."""
    dataset = tiny_dataset()
    rows = [to_rows(train_stack(stack, dataset), 1.0) for stack in make_stacks(runs)]
    for name, table in split_shard(pa.concat_tables([*rows, *map(error_row, broken)])).items():
        pq.write_table(table, folder / f"{name}.parquet")
    return recorded_in(folder)


def case(**levels: object) -> Run:
    """Return a run with these levels: by default a healthy one."""
    plain = replace(runs_of(activation="tanh", steps=60, lr=0.05)[0], init="xavier_normal", input_scale=1.0)
    return replace(plain, **levels)  # type: ignore[arg-type]

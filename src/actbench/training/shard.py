"""Train the runs of one shard: take finished ones from the cache, train the rest in stacks, write one file."""

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from actbench.levels.dataset import Dataset
from actbench.plan.checksums import publish
from actbench.plan.cost import run_seconds
from actbench.plan.design import Run
from actbench.plan.shards import Shard
from actbench.training.cache import RunCache
from actbench.training.capacity import largest_stack
from actbench.training.device import chosen_device
from actbench.training.loop import train_stack
from actbench.training.rows import error_row, to_rows
from actbench.training.stack import make_stacks
from actbench.training.stopping import begin_stack
from actbench.training.warm_up import compile_loops

Progress = Callable[[Sequence[Run], bool], None]


def train_shard(shard: Shard, datasets: dict[str, Dataset], folder: Path, on_runs: Progress) -> pa.Table:
    """Return one row for each run of the shard, in the order of their keys.

    Every stack is saved to the cache when it is done: a job killed at any moment loses at most the stack it was in.

    Args:
        shard: the runs.
        datasets: every data set that the runs name.
        folder: the run cache.
        on_runs: called with the runs that are done, as they are, and whether they were trained now or found.
    """
    tables = []
    for name in sorted({run.dataset for run in shard.runs}):
        runs = [run for run in shard.runs if run.dataset == name]
        tables += _train_on(runs, datasets[name], RunCache(folder, datasets[name].checksum), on_runs)
    rows = pa.concat_tables(tables)
    rows = rows.take(pc.sort_indices(rows["run_key"]))
    assert rows["run_key"].to_pylist() == [run.key for run in shard.runs], "one row for each run"
    return rows


def _train_on(runs: Sequence[Run], dataset: Dataset, cache: RunCache, on_runs: Progress) -> list[pa.Table]:
    tables = [cache.load(runs)]
    cached = set(tables[0]["run_key"].to_pylist())
    on_runs([run for run in runs if run.key in cached], False)
    missing = [run for run in runs if run.key not in cached]
    stacks = make_stacks(missing, lambda run: largest_stack(run, dataset, chosen_device()))
    while stacks:
        stack = stacks.pop(cache.choose(stacks))
        with cache.begun(stack) as ours:
            if ours:
                tables += _train_what_is_new(stack, dataset, cache, on_runs)
            else:
                stacks.append(stack)
    return tables


def _train_what_is_new(stack: Sequence[Run], dataset: Dataset, cache: RunCache, on_runs: Progress) -> list[pa.Table]:
    """Take from the cache what another process has finished since this one began, and train the rest of a stack."""
    tables = [cache.load(stack, skip_known=True)]
    finished = set(tables[0]["run_key"].to_pylist())
    on_runs([run for run in stack if run.key in finished], False)
    if rest := [run for run in stack if run.key not in finished]:
        begin_stack(sum(map(run_seconds, rest)))
        tables += _train_and_keep(rest, dataset, cache)
        on_runs(rest, True)
    return tables


def _train_and_keep(stack: Sequence[Run], dataset: Dataset, cache: RunCache) -> list[pa.Table]:
    """Train a stack; when it fails, halve it until the run that cannot be trained stands alone in an `error` row.

    Raises: MemoryError when a run does not fit into memory even alone: elsewhere it may, so it gets no row.
    """
    # What a GPU does is no time of the process.
    clock = time.process_time if chosen_device() == "cpu" else time.perf_counter
    try:
        compile_loops(stack[0], dataset)
        began = clock()
        record = train_stack(stack, dataset)
    except (RuntimeError, ArithmeticError, MemoryError) as error:
        if len(stack) == 1 and _lacks_memory(error):  # of this machine: that is no property of the run
            raise MemoryError(f"run {stack[0].key} does not fit") from error
        if len(stack) == 1:
            print(f"run {stack[0].key} could not be trained: {type(error).__name__}: {error}", file=sys.stderr)
            return [error_row(stack[0])]
        middle = len(stack) // 2
        return [*_train_and_keep(stack[:middle], dataset, cache), *_train_and_keep(stack[middle:], dataset, cache)]
    rows = to_rows(record, clock() - began)
    cache.save(rows, stack[0])
    return [rows]


def _lacks_memory(error: Exception) -> bool:
    """Tell whether memory ran out: torch says so in words on a CPU, by the type of the error on a GPU."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def write_shard(rows: pa.Table, output: Path) -> None:
    """Write a shard file under a temporary name, then rename it and leave its checksum beside it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.{secrets.token_hex(8)}.tmp")
    try:
        pq.write_table(rows, temporary, compression="zstd")
        publish(temporary, output)
    finally:
        temporary.unlink(missing_ok=True)

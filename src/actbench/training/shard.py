"""Train the runs of one shard: take finished ones from the cache, train the rest in stacks."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import torch

from actbench.levels.dataset import Dataset
from actbench.plan.cost import run_seconds
from actbench.plan.design import Run
from actbench.plan.shards import Shard
from actbench.training.abreast import train_abreast
from actbench.training.cache import RunCache
from actbench.training.capacity import largest_stack, stacks_abreast
from actbench.training.compiling import compiling
from actbench.training.device import chosen_device
from actbench.training.loop import train_stack
from actbench.training.record import Record
from actbench.training.rows import error_row, to_rows
from actbench.training.stack import make_stacks, shared_levels
from actbench.training.stopping import begin_stack
from actbench.training.warm_up import compile_loops

Progress = Callable[[Sequence[Run], bool], None]


def train_shard(
    shard: Shard, datasets: dict[str, Dataset], folder: Path, on_runs: Progress, beside: Sequence[Run] = ()
) -> pa.Table:
    """Return one row for each run of the shard, in the order of their keys.

    Every stack is saved to the cache when it is done: a job killed at any moment loses at most the stack it was in, on
    a GPU the ABREAST_ON_GPU stacks.

    Args:
        shard: the runs.
        datasets: every data set that the runs name.
        folder: the run cache.
        on_runs: called with the runs that are done, as they are, and whether they were trained now or found.
        beside: runs of other shards. On a GPU, which one activation's runs do not fill, those that can be stacked with
            missing runs of this shard are trained along, into the cache.
    """
    own = {run.key for run in shard.runs}
    tables = []
    for name in sorted({run.dataset for run in shard.runs}):
        runs, others = ([run for run in some if run.dataset == name] for some in (shard.runs, beside))
        cache = RunCache(folder, datasets[name].checksum)
        tables += _train_on(runs, others, datasets[name], cache, _only(own, on_runs))
    rows = pa.concat_tables(tables)
    rows = rows.filter(pc.is_in(rows["run_key"], value_set=pa.array(sorted(own))))
    rows = rows.take(pc.sort_indices(rows["run_key"]))
    assert rows["run_key"].to_pylist() == [run.key for run in shard.runs], "one row for each run"
    return rows


def _only(own: set[str], on_runs: Progress) -> Progress:
    return lambda runs, trained: on_runs([run for run in runs if run.key in own], trained)


def _train_on(
    runs: Sequence[Run], others: Sequence[Run], dataset: Dataset, cache: RunCache, on_runs: Progress
) -> list[pa.Table]:
    tables = [cache.load(runs)]
    cached = set(tables[0]["run_key"].to_pylist())
    on_runs([run for run in runs if run.key in cached], False)
    stacks = _stacks([run for run in runs if run.key not in cached], others, dataset, cache)
    while stacks:
        with ExitStack() as marks:
            begun = _begin(stacks, cache, marks)
            tables += _train_what_is_new(begun, dataset, cache, on_runs)
    return tables


def _stacks(missing: Sequence[Run], others: Sequence[Run], dataset: Dataset, cache: RunCache) -> list[tuple[Run, ...]]:
    """Make stacks of the missing runs; on a GPU mixed ones, with the others that belong to them and are not cached."""
    device = chosen_device()
    largest = partial(largest_stack, dataset=dataset, device=device)
    if device == "cpu":
        return make_stacks(missing, largest)
    programs = {shared_levels(run, mixed=True) for run in missing}
    akin = [run for run in others if shared_levels(run, mixed=True) in programs]
    cached = set(cache.load(akin)["run_key"].to_pylist())
    along = [run for run in akin if run.key not in cached]
    return make_stacks([*missing, *along], largest, mixed=True)


def _begin(stacks: list[tuple[Run, ...]], cache: RunCache, marks: ExitStack) -> list[tuple[Run, ...]]:
    """Take stacks out of the list that nobody else trains, as many as train at once, and mark them as in flight."""
    begun: list[tuple[Run, ...]] = []
    index: int | None = cache.choose(stacks)
    while index is not None:
        stack = stacks.pop(index)
        if not marks.enter_context(cache.begun(stack)):
            stacks.append(stack)
            break
        begun.append(stack)
        index = cache.first_free(stacks) if len(begun) < stacks_abreast(chosen_device()) else None
    return begun


def _train_what_is_new(
    begun: Sequence[Sequence[Run]], dataset: Dataset, cache: RunCache, on_runs: Progress
) -> list[pa.Table]:
    """Take from the cache what another process has finished since this one began, and train the rest of the stacks."""
    runs = [run for stack in begun for run in stack]
    tables = [cache.load(runs, skip_known=True)]
    finished = set(tables[0]["run_key"].to_pylist())
    on_runs([run for run in runs if run.key in finished], False)
    rests = [[run for run in stack if run.key not in finished] for stack in begun]
    if rests := [rest for rest in rests if rest]:
        begin_stack(sum(run_seconds(run) for rest in rests for run in rest))
        tables += _train_and_keep(rests, dataset, cache)
        on_runs([run for rest in rests for run in rest], True)
    return tables


def _train_and_keep(stacks: Sequence[Sequence[Run]], dataset: Dataset, cache: RunCache) -> list[pa.Table]:
    """Train stacks at once; when that fails, each alone, halved until the run that cannot be trained is found.

    That run gets an `error` row.

    Raises:
        MemoryError: a run does not fit into memory even alone: elsewhere it may, so it gets no row.
        RuntimeError: the GPU failed, and would fail for all that follows.
    """
    try:
        records, seconds = _timed(stacks, dataset)
    except (RuntimeError, ArithmeticError, MemoryError) as error:
        if _is_of_gpu(error):
            raise
        failure = error
        for part in _chain(error):  # frames would hold the memory that the next attempt needs
            part.with_traceback(None)
    else:
        return _keep(records, seconds, cache)
    parts = stacks if len(stacks) > 1 else _halves(stacks[0])
    if not parts:
        return [_failed(stacks[0][0], failure)]
    return [table for part in parts for table in _train_and_keep([part], dataset, cache)]


def _keep(records: Sequence[Record], seconds: float, cache: RunCache) -> list[pa.Table]:
    """Save what was recorded of stacks that trained at once, each run with an equal share of the seconds."""
    share = seconds / sum(len(record.runs) for record in records)
    tables = [to_rows(record, share * len(record.runs)) for record in records]
    for rows, record in zip(tables, records, strict=True):
        cache.save(rows, record.runs)
    return tables


def _timed(stacks: Sequence[Sequence[Run]], dataset: Dataset) -> tuple[list[Record], float]:
    """Train stacks and return their records and the seconds of them all."""
    device = chosen_device()
    if device == "cuda":  # what a GPU does is no time of the process
        began = time.perf_counter()
        return train_abreast(stacks, dataset, device), time.perf_counter() - began
    with compiling():
        compile_loops(stacks[0][0], dataset)
    began = time.process_time()
    return [train_stack(stack, dataset) for stack in stacks], time.process_time() - began


def _halves(stack: Sequence[Run]) -> list[Sequence[Run]]:
    middle = len(stack) // 2
    return [stack[:middle], stack[middle:]] if middle else []


def _failed(run: Run, error: Exception) -> pa.Table:
    """Return the row of a run that cannot be trained, unless this machine's memory is the cause."""
    if _lacks_memory(error):
        raise MemoryError(f"run {run.key} does not fit") from error
    print(f"run {run.key} could not be trained: {type(error).__name__}: {error}", file=sys.stderr)
    return error_row(run)


def _lacks_memory(error: Exception) -> bool:
    """Tell whether memory ran out: torch says so by the type of the error, or in words on a CPU and in CUDA itself."""
    words = ("allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
    return any(
        isinstance(part, MemoryError | torch.OutOfMemoryError) or any(word in str(part) for word in words)
        for part in _chain(error)
    )


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and those in whose handling it arose: the end of a capture that ran out of memory says less."""
    return [error, *(_chain(error.__context__) if error.__context__ else [])]


def _is_of_gpu(error: Exception) -> bool:
    """Tell whether the GPU failed for another reason; for its libraries torch has no type of error."""
    return not _lacks_memory(error) and (isinstance(error, torch.AcceleratorError) or "CUDA error" in str(error))

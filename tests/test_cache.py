"""The run cache: finished runs are found, damage is seen, nothing half-written stays."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from numba.core import event

from actbench.analysis.shard_file import shard_schema, write_shard
from actbench.plan.design import Run
from actbench.plan.shards import Shard
from actbench.training import shard as shard_module
from actbench.training import warm_up
from actbench.training.cache import RunCache
from actbench.training.chunks import read_chunk
from actbench.training.compiling import seconds_compiling
from actbench.training.loop import train_stack
from actbench.training.rows import ROWS, error_row, to_rows
from actbench.training.shard import train_shard
from actbench.training.warm_up import compile_loops
from test_twin import runs_of, tiny_dataset


def shard_of(runs: list[Run]) -> Shard:
    """Return a shard of these runs, in the order of their keys."""
    return Shard("tiny", tuple(sorted(runs, key=lambda run: run.key)))


def train(folder: Path, runs: list[Run], done: list[str] | None = None) -> object:
    """Train a shard and note the keys as they are done."""

    def note(part: object, trained: bool) -> None:
        if done is not None:
            done.append(",".join(sorted(run.key for run in part)))

    return train_shard(shard_of(runs), {"mnist1d": tiny_dataset()}, folder, note)


def test_cached_runs_are_found_and_equal(tmp_path: Path) -> None:
    """What was saved comes back as it was, and only the runs asked for."""
    runs = runs_of()
    rows = to_rows(train_stack(runs, tiny_dataset()), seconds=3.0)
    cache = RunCache(tmp_path, "ab" * 32)
    assert cache.load(runs).num_rows == 0
    cache.save(rows, runs)
    assert cache.load(runs[1:2]).equals(rows.slice(1, 1))
    assert RunCache(tmp_path, "cd" * 32).load(runs).num_rows == 0, "other data are other runs"


def test_a_second_training_trains_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding a run trains that run alone; the rest comes from the cache bit for bit."""
    runs = runs_of()
    first = train(tmp_path, runs[:2])
    trained: list[Run] = []
    plain = shard_module.train_stack
    monkeypatch.setattr(shard_module, "train_stack", lambda stack, data: trained.extend(stack) or plain(stack, data))
    second = train(tmp_path, runs)
    assert trained == runs[2:]
    keys = first["run_key"].to_pylist()
    again = second.filter([key in keys for key in second["run_key"].to_pylist()])
    assert again.equals(first)


def test_compiling_takes_no_time_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process spends before a stack trains is in no run's seconds; it is counted apart."""

    def busy(run: Run, data: object) -> None:
        until = time.process_time() + 2
        while time.process_time() < until:
            pass

    monkeypatch.setattr(shard_module, "compile_loops", busy)
    before = seconds_compiling()
    assert sum(train(tmp_path, runs_of())["seconds"].to_pylist()) < 2
    assert seconds_compiling() - before >= 2


def test_a_batch_may_be_larger_than_the_warm_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loops are compiled on few examples, of which a run may have more in one batch."""
    monkeypatch.setattr(warm_up, "EXAMPLES", 64)
    rows = train(tmp_path, runs_of(batch_size=96))
    assert rows["status"].to_pylist() == ["ok"] * 3


def test_compiled_loops_serve_every_depth_and_width() -> None:
    """After the warm-up of a run, its stack compiles nothing more."""
    run = runs_of()[0]
    compile_loops(run, tiny_dataset())
    seen = event.RecordingListener()
    with event.install_listener("numba:compile", seen):
        train_stack([replace(run, depth=3, width=20)], tiny_dataset())
    assert seen.buffer == []


def test_of_two_rows_the_first_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run held twice comes from the first file by name; other numbers are a warning, another origin is none."""
    run, other = runs_of()[:2]
    cache = RunCache(tmp_path, "ab" * 32)
    rows = [error_row(run), *(changed(error_row(run), **{name: value}) for name, value in (("seconds", 1.0),))]
    for row in rows:
        cache.save(row, [run])
    cache.save(error_row(other), [other])
    first, *_ = sorted(file for file in tmp_path.rglob("*.parquet") if run.key in run_keys_of(file))
    assert cache.load([run]).equals(read_chunk(first, ROWS))
    assert capsys.readouterr().err == ""
    cache.save(changed(rows[0], clip_rate=0.5), [run])
    first, *_ = sorted(file for file in tmp_path.rglob("*.parquet") if run.key in run_keys_of(file))
    assert cache.load([run]).equals(read_chunk(first, ROWS))
    assert f"run {run.key} has clip_rate" in capsys.readouterr().err


def changed(row: pa.Table, **columns: object) -> pa.Table:
    """Return a row with some columns changed."""
    return pa.Table.from_pylist([{**row.to_pylist()[0], **columns}], schema=ROWS)


def run_keys_of(file: Path) -> list[str]:
    """Return the run keys in a chunk."""
    return list(read_chunk(file, ROWS)["run_key"].to_pylist())


THREADS = """
import os, sys
from pathlib import Path
from actbench.training.chunks import read_chunk
from actbench.training.rows import ROWS
threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
read_chunk(Path(sys.argv[1]), ROWS)
print(threads() - before)
"""


def test_reading_a_chunk_starts_no_thread(tmp_path: Path) -> None:
    """A thread that still holds Python's bytes while Python ends would abort a process whose work is done."""
    run = runs_of()[0]
    RunCache(tmp_path, "ab" * 32).save(error_row(run), [run])
    (file,) = tmp_path.rglob("*.parquet")
    done = subprocess.run([sys.executable, "-c", THREADS, file], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


DAMAGES = {
    "truncated": lambda data: data[:-7],
    "empty": lambda data: b"",
    "one bit flipped": lambda data: data[:99] + bytes([data[99] ^ 1]) + data[100:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_seen_and_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: object) -> None:
    """A truncated, empty or flipped file is named, set aside, and its runs are trained again."""
    expected = train(tmp_path, runs_of())
    (file,) = tmp_path.rglob("*.parquet")
    file.write_bytes(damage(file.read_bytes()))
    again = train(tmp_path, runs_of())
    assert "damaged, set aside" in capsys.readouterr().err
    assert file.with_suffix(".damaged").exists()
    assert again.drop_columns("seconds").equals(expected.drop_columns("seconds"))


def test_an_interrupted_shard_keeps_its_finished_stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the second stack loses that stack only, and leaves no temporary file."""
    runs = runs_of() + runs_of(depth=2)
    plain, calls = shard_module.train_stack, []

    def interrupted(stack: object, data: object) -> object:
        calls.append(stack)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain(stack, data)

    monkeypatch.setattr(shard_module, "train_stack", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, runs)
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    assert not [file for file in tmp_path.rglob("*") if file.suffix == ".tmp"]
    calls.clear()
    monkeypatch.setattr(shard_module, "train_stack", lambda stack, data: calls.append(stack) or plain(stack, data))
    train(tmp_path, runs)
    assert len(calls) == 1, "the finished stack is not trained again"


def test_a_run_that_cannot_be_trained_gets_an_error_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One run that fails stands alone in an error row; its neighbours are trained, and it is not cached."""
    runs = runs_of()
    bad, plain = runs[1], shard_module.train_stack

    def failing(stack: list[Run], data: object) -> object:
        if bad in stack:
            raise RuntimeError("no memory")
        return plain(stack, data)

    monkeypatch.setattr(shard_module, "train_stack", failing)
    rows = train(tmp_path, runs)
    status = dict(zip(rows["run_key"].to_pylist(), rows["status"].to_pylist(), strict=True))
    assert status == {run.key: "error" if run == bad else "ok" for run in runs}
    assert "no memory" in capsys.readouterr().err
    assert RunCache(tmp_path, tiny_dataset().checksum).load(runs).num_rows == 2


def test_rows_follow_the_schema_and_the_file_is_whole(tmp_path: Path) -> None:
    """A shard file has one row a run, in the order of the keys, its checksum beside it, and nothing is left over."""
    import pyarrow.parquet as pq

    rows = train(tmp_path / "cache", runs_of())
    write_shard(tmp_path / "out" / "tiny.parquet", rows)
    read = pq.read_table(tmp_path / "out" / "tiny.parquet")
    assert read.schema.equals(shard_schema())
    assert read["run_key"].to_pylist() == sorted(run.key for run in runs_of())
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [".tiny.parquet.sha256", "tiny.parquet"]


END_OF_CAPTURE = torch.AcceleratorError("CUDA error: operation failed due to a previous error during capture")
END_OF_CAPTURE.__context__ = torch.OutOfMemoryError("CUDA")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA"),
        END_OF_CAPTURE,
    ],
)
def test_a_lack_of_memory_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """A run that this machine has no room for gets no error row: the shard stops, and its neighbours are kept."""
    runs = runs_of()
    bad, plain = runs[1], shard_module.train_stack

    def failing(stack: list[Run], data: object) -> object:
        if bad in stack:
            raise error
        return plain(stack, data)

    monkeypatch.setattr(shard_module, "train_stack", failing)
    with pytest.raises(MemoryError, match=bad.key):
        train(tmp_path, runs)
    assert bad.key not in RunCache(tmp_path, tiny_dataset().checksum).load(runs)["run_key"].to_pylist()


@pytest.mark.parametrize(
    "error",
    [torch.AcceleratorError("an illegal memory access"), RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED")],
)
def test_a_gpu_that_failed_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """It would fail for all that follows: the shard stops at once and nothing is recorded of its runs."""
    attempts = []

    def failing(stack: list[Run], data: object) -> object:
        attempts.append(stack)
        raise error

    monkeypatch.setattr(shard_module, "train_stack", failing)
    with pytest.raises(type(error), match=str(error)):
        train(tmp_path, runs_of())
    assert len(attempts) == 1

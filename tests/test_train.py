"""`actbench train` on real data: equal to a hand-written loop, stoppable, and strict about its shard."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from torch.nn import functional

from actbench.levels.dataset import Dataset, load_dataset
from actbench.levels.datasets.fashion_mnist import DEBIAN
from actbench.plan.design import Run, expand
from actbench.plan.shards import make_shards
from actbench.training import loop, state
from test_twin import runs_of
from tiny import link_compiled, tiny_config, write_config
from twin import plain_network, plain_optimizer, plain_step

LONG = """
name: tiny
defaults: {steps: 1500, width: 64, depth: 8}
studies:
  main: {activation: relu, residual: [none, identity], norm: [none, layernorm], seed: [0, 1, 2]}
"""


def train(folder: Path, *words: str) -> list[str]:
    """Return the command that trains a shard of folder/tiny.yaml."""
    return [sys.executable, "-m", "actbench", "train", str(folder / "tiny.yaml"), *words]


def environment(root: Path) -> dict[str, str]:
    """Return an environment in which the library is found and the cache lies where the process starts."""
    inherited = {name: value for name, value in os.environ.items() if name != "ACTBENCH_CACHE"}
    return {**inherited, "PYTHONPATH": str(root / "src")}


def check_against_plain_loop(run: Run, dataset: Dataset) -> None:
    """Compare the recorded validation losses with those of one ordinary network trained on the same batches."""
    record = loop.train_stack([run], dataset)
    training = state.start([run], dataset)
    views = training.stack.views(training.stack.parameters_PN)
    inputs, classes = dataset.x_train.shape[1], dataset.classes
    network = plain_network(run, inputs, classes, views, 0)
    optimizer = plain_optimizer(run, network)
    x_val, y_val = torch.from_numpy(dataset.x_val), torch.from_numpy(dataset.y_val)
    for step in range(run.steps + 1):
        if step in record.steps:
            network.eval()
            with torch.no_grad():
                expected = functional.cross_entropy(network(x_val), y_val).item()
            measured = float(record.curves_PES2[0, record.steps.index(step), 1, 0])
            assert measured == pytest.approx(expected, rel=2e-3), step
            network.train()
        if step < run.steps:
            x_PBI, y_PB = training.batches.at(step)
            plain_step(run, network, optimizer, x_PBI[0], y_PB[0])


@pytest.mark.parametrize("norm", ["none", "batchnorm"])
def test_the_loss_curve_is_that_of_a_hand_written_loop(tmp_path: Path, norm: str) -> None:
    """On MNIST-1D, a plain torch loop with the same weights and batches gives the same curve to float32 rounding."""
    run = runs_of(activation="gelu", norm=norm, width=64, steps=100, batch_size=64, clip="norm(1.0)")[0]
    check_against_plain_loop(run, load_dataset("mnist1d", tmp_path))


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_real_images_are_learned(tmp_path: Path) -> None:
    """Networks of two layers learn Fashion-MNIST far beyond chance in 200 steps."""
    runs = runs_of(dataset="fashion_mnist", activation="relu", width=64, depth=2, steps=200, batch_size=64, lr=0.05)
    record = loop.train_stack([run for run in runs if run.input_scale == 1], load_dataset("fashion_mnist", tmp_path))
    assert (record.scores["test_accuracy"] > 0.75).all()


def test_a_shard_that_is_not_the_plans_is_refused(tmp_path: Path, project_root: Path) -> None:
    """An unknown shard, or runs that changed since the workflow started, is one line and exit code 2."""
    write_config(tmp_path)
    for words, said in (
        (["--shard", "x"], "no shard 'x'"),
        (["--shard", "mnist1d-mlp-relu", "--digest", "0"], "changed"),
    ):
        done = subprocess.run(
            train(tmp_path, *words),
            cwd=tmp_path,
            env=environment(project_root),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert said in done.stderr


def test_a_gpu_that_is_not_there_stops_before_any_work(tmp_path: Path, project_root: Path) -> None:
    """`device: cuda` without a driver is one line with key, value and remedy, exit code 2, and nothing is written."""
    write_config(tmp_path, LONG.replace("name: tiny", "name: tiny\ndevice: cuda"))
    done = subprocess.run(
        train(tmp_path, "--shard", "mnist1d-mlp-relu"), cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**environment(project_root), "PATH": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("device: 'cuda' cannot be had: no NVIDIA driver")
    assert "write `device: auto` or `device: cpu`" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["tiny.yaml"]


@pytest.mark.parametrize(
    ("number", "code", "ending"),
    [
        (signal.SIGINT, 130, "stopped; finished work is kept"),
        (signal.SIGTERM, 75, "stopped by SIGTERM; finished work is kept, and the next attempt goes on"),
    ],
)
def test_a_stopped_shard_goes_on_where_it_was(
    tmp_path: Path, project_root: Path, number: signal.Signals, code: int, ending: str
) -> None:
    """After Ctrl-C or SIGTERM there is no shard file and nothing half-written, and finished stacks are not repeated."""
    write_config(tmp_path, LONG)
    link_compiled(tmp_path)
    command = train(tmp_path, "--shard", "mnist1d-mlp-relu")
    started = subprocess.Popen(command, cwd=tmp_path, env=environment(project_root), stderr=subprocess.PIPE, text=True)
    cached = wait_for_file(tmp_path / "cache", "numerics*/**/*.parquet")
    started.send_signal(number)
    _, said = started.communicate(timeout=120)
    assert (started.returncode, said.splitlines()[-1]) == (code, ending)
    assert not (tmp_path / "results" / "tiny" / "shards" / "mnist1d-mlp-relu.parquet").exists()
    assert not list(tmp_path.rglob("*.tmp"))
    stamp = cached.stat().st_mtime_ns
    subprocess.run(command, cwd=tmp_path, env=environment(project_root), check=True, capture_output=True)
    rows = pq.read_table(tmp_path / "results" / "tiny" / "shards" / "mnist1d-mlp-relu.parquet")
    config = tiny_config(tmp_path, LONG)
    (shard,) = make_shards(expand(config).runs, config.shard_minutes)
    assert rows["run_key"].to_pylist() == [run.key for run in shard.runs]
    assert cached.stat().st_mtime_ns == stamp


def wait_for_file(folder: Path, pattern: str) -> Path:
    """Return the first file that appears; fail after five minutes: loops may have to be compiled first."""
    for _ in range(3000):
        found = [file for file in folder.glob(pattern) if not file.name.startswith(".")]
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no file {pattern}")

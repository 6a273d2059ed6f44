"""Whatever is added to a grid, the command of a shard's job trains the missing runs and no other."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from actbench.plan.config import load_config
from actbench.plan.design import expand
from actbench.plan.shards import make_shards
from tiny import link_compiled

BASE = """
name: tiny
defaults: {steps: 4, width: 16, batch_size: 32}
studies:
  main:
    activation: relu
    depth: [1, 2]
    lr: 0.05
    seed: [0, 1]
"""
# Each leaves some runs of BASE in, in the same shard, and brings others.
ADDITIONS = {
    "a level": BASE.replace("depth: [1, 2]", "depth: [1, 2, 3]"),
    "a learning rate": BASE.replace("lr: 0.05", "lr: [0.05, 0.1]"),
    "a seed": BASE.replace("seed: [0, 1]", "seed: [0, 1, 2]"),
    "a study": BASE + "  other: {activation: relu, depth: 2, lr: [0.05, 0.2], clip: [none, norm(1.0)], seed: [0, 1]}\n",
    "a second config": BASE.replace("tiny", "second").replace("[1, 2]", "[2, 4]").replace("[0, 1]", "[1, 2]"),
}
SHARD = "mnist1d-mlp-relu"
SHARD_FILE = f"results/tiny/shards/{SHARD}.parquet"
ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow


def train(folder: Path, config: str, text: str) -> dict[str, Any]:
    """Train the one shard of a config as its job does and return what the command says as JSON."""
    path = folder / config
    path.write_text(text)
    command = [sys.executable, "-m", "actbench", "train", str(path), "--shard", SHARD, "--json"]
    environment = {**os.environ, "ACTBENCH_CACHE": str(folder / "cache"), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def keys_of(config: Path) -> set[str]:
    """Return the keys of a config's runs, which all are in one shard."""
    runs = expand(load_config(config)).runs
    assert [shard.id for shard in make_shards(runs, load_config(config).shard_minutes)] == [SHARD]
    return {run.key for run in runs}


def rows_of(file: Path) -> dict[str, str]:
    """Return run key -> all that a shard file says of the run, to the last bit."""
    return {row["run_key"]: repr(row) for row in pq.read_table(file).to_pylist()}


def chunks(folder: Path) -> set[Path]:
    """Return the files of the run cache."""
    return set((folder / "cache").glob("numerics*/*/*/*.parquet"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the four runs of BASE."""
    folder = tmp_path_factory.mktemp("base")
    link_compiled(folder)
    told = train(folder, "base.yaml", BASE)
    assert (told["runs"], told["trained"], told["cached"]) == (4, 4, 0)
    return folder


@pytest.mark.parametrize("text", ADDITIONS.values(), ids=ADDITIONS)
def test_an_addition_trains_exactly_what_is_missing(base: Path, tmp_path: Path, text: str) -> None:
    """The command counts, and the cache gains, the runs that the first config lacks; shared ones keep their rows."""
    folder = tmp_path / "copy"
    shutil.copytree(base, folder, symlinks=True)
    before = chunks(folder)
    told = train(folder, "more.yaml", text)
    old, new = keys_of(folder / "base.yaml"), keys_of(folder / "more.yaml")
    assert old & new, "they were built to overlap"
    assert new - old, "they were built to differ"
    assert (told["trained"], told["cached"]) == (len(new - old), len(new & old))
    added = [pq.read_table(file, partitioning=None) for file in sorted(chunks(folder) - before)]
    assert sorted(key for rows in added for key in rows["run_key"].to_pylist()) == sorted(new - old)
    first, second = (rows_of(file) for file in (base / SHARD_FILE, folder / told["file"]))
    assert {key: first[key] for key in old & new} == {key: second[key] for key in old & new}


def test_less_trains_nothing(base: Path, tmp_path: Path) -> None:
    """Another config whose runs are all there takes them from the cache and writes no chunk."""
    folder = tmp_path / "copy"
    shutil.copytree(base, folder, symlinks=True)
    before = chunks(folder)
    told = train(folder, "less.yaml", BASE.replace("name: tiny", "name: less").replace("[1, 2]", "2"))
    assert (told["trained"], told["cached"], chunks(folder)) == (0, 2, before)


def test_shipped_grids_share_runs() -> None:
    """All of smoke's networks are the default grid's; the paper's grid has most of both."""
    designs = [expand(load_config(ROOT / "config" / f"{name}.yaml")).runs for name in ("smoke", "config", "paper")]
    smoke, default, paper = ({run.key for run in runs} for runs in designs)
    assert smoke <= default
    assert len(smoke & paper) > len(smoke) / 2
    assert len(default & paper) > len(default) / 2

"""actbench.shell.plan: the size of a config, and what of it is trained."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actbench.plan.numerics import NUMERICS
from actbench.plan.shards import Shard, make_shards
from actbench.shell.cli import main
from actbench.shell.plan import count_trained
from tiny import tiny_design, write_config


def write_keys(file: Path, keys: list[str], numerics: int = NUMERICS) -> None:
    """Write a shard file with the two columns that are read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"run_key": keys, "numerics": [numerics] * len(keys)}), file)


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    """Return the first shard of the tiny config: four runs."""
    return make_shards(tiny_design(tmp_path).runs, 300)[0]


def plan(path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """Return what `actbench plan --json` prints."""
    assert main(["plan", str(path), "--json", "--results", str(path.parent / "results"), *words]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_work_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight runs of 4 steps are 32 steps; multiply-adds are 3 · steps · batch · (depth + 1) · width² of each run."""
    facts = plan(write_config(tmp_path), capsys)
    assert facts["model_steps"] == 32
    assert facts["multiply_adds"] == 4 * 3 * 4 * 32 * 32**2 * (2 + 3)
    assert (facts["runs"], facts["shards"], facts["trained"]) == (8, 2, 0)


def test_trained_runs_are_counted(tmp_path: Path, shard: Shard, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs that stand in shard files are trained; they are listed for each shard with --shards."""
    write_keys(tmp_path / "results" / "tiny" / "shards" / f"{shard.id}.parquet", [run.key for run in shard.runs[:3]])
    facts = plan(write_config(tmp_path), capsys, "--shards")
    assert facts["trained"] == 3
    assert facts["shard_list"] == [
        {"id": "mnist1d-mlp-relu", "runs": 4, "trained": 3},
        {"id": "mnist1d-mlp-tanh", "runs": 4, "trained": 0},
    ]


def test_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json the same facts are lines, and --shards adds a line a shard."""
    assert main(["plan", str(write_config(tmp_path)), "--results", str(tmp_path), "--shards"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "tiny"]
    assert lines[-1].split() == ["mnist1d-mlp-tanh", "4", "runs,", "0", "trained"]


def test_only_valid_runs_count(tmp_path: Path, shard: Shard) -> None:
    """Runs of another version of the numbers, of another design, and damaged or foreign files count as nothing."""
    file = tmp_path / "a.parquet"
    keys = [run.key for run in shard.runs]
    assert count_trained(shard, file) == 0
    write_keys(file, [*keys, *keys, "0123456789abcdef"])
    assert count_trained(shard, file) == len(keys)
    write_keys(file, keys, NUMERICS - 1)
    assert count_trained(shard, file) == 0
    file.write_bytes(file.read_bytes()[:-20])
    assert count_trained(shard, file) == 0
    pq.write_table(pa.table({"something": [1]}), file)
    assert count_trained(shard, file) == 0

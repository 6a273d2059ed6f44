"""actbench.shell.plan: the size of a config, and what of it is trained."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actbench.levels.dataset import dataset_module
from actbench.plan.cost import IMPORT, JOB_SECONDS, READ, TYPICAL, job_seconds, run_seconds
from actbench.plan.factors import FACTORS
from actbench.plan.numerics import NUMERICS
from actbench.plan.places import NAMED, VARYING, kind_place, stack_place
from actbench.plan.registry import known_levels
from actbench.plan.shards import Shard, make_shards
from actbench.shell.cached import FEW, declared_checksum
from actbench.shell.cli import main
from actbench.shell.plan import count_trained
from actbench.training.process import device_kind
from tiny import TINY, tiny_design, write_config


def typical() -> float:
    """Return the factor of this kind of machine before any run is in the cache."""
    return TYPICAL.get(device_kind(), 1.0)


def minutes_of(shard: Shard) -> float:
    """Return the expected minutes of a shard's job on this kind of machine."""
    return round(job_seconds(shard.runs, typical()) / 60, 2)


def write_keys(file: Path, keys: list[str], numerics: int = NUMERICS) -> None:
    """Write a shard file with the two columns that are read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {"run_key": keys, "numerics": [numerics] * len(keys), "seconds": [1.0] * len(keys)}
    pq.write_table(pa.table(columns), file)


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    """Return the first shard of the tiny config: four runs."""
    return make_shards(tiny_design(tmp_path).runs, 300)[0]


def plan(path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """Return what `actbench plan --json` prints."""
    assert main(["plan", str(path), "--json", "--results", str(path.parent / "results"), *words]) == 0
    return dict(json.loads(capsys.readouterr().out))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a run cache of its own."""
    monkeypatch.setenv("ACTBENCH_CACHE", str(tmp_path / "cache"))


def test_work_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight runs of 4 steps are 32 steps in two jobs; all numbers are numbers and nothing is trained or cached."""
    facts = plan(write_config(tmp_path), capsys)
    assert facts["model_steps"] == 32
    assert (facts["runs"], facts["shards"], facts["trained"], facts["cached"], facts["to_train"]) == (8, 2, 0, 0, 8)
    jobs = [job_seconds(shard.runs, typical()) for shard in make_shards(tiny_design(tmp_path).runs, 300)]
    assert facts["core_hours"] == facts["core_hours_left"] == round(sum(jobs) / 3600, 4)
    assert facts["longest_job_minutes"] == round(max(jobs) / 60, 2)
    assert facts["disk_bytes"] > 0
    assert facts["memory_bytes"] > 300e6
    assert all(isinstance(value, int | float) for key, value in facts.items() if key not in ("name", "studies"))


def test_cached_runs_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs of the cache count for this kind of device and these data; a damaged file counts as nothing."""
    text = TINY.replace("steps: 4,", "steps: 100000,")
    runs = tiny_design(tmp_path, text).runs
    checksum = declared_checksum("mnist1d")
    place = tmp_path / "cache" / kind_place(device_kind()) / stack_place(runs[0], checksum)
    shared = [run for run in runs if stack_place(run, checksum) == stack_place(runs[0], checksum)]
    write_keys(place / "a.parquet", [shared[0].key, "0123456789abcdef"])
    (place / "b.parquet").write_bytes(b"PAR1")
    write_keys(tmp_path / "cache" / kind_place("other") / stack_place(runs[0], checksum) / "a.parquet", [runs[0].key])
    write_keys(
        tmp_path / "cache" / kind_place(device_kind()) / stack_place(runs[0], "0" * 64) / "a.parquet", [runs[1].key]
    )
    facts = plan(write_config(tmp_path, text), capsys)
    assert (facts["cached"], facts["to_train"], facts["jobs_left"]) == (1, 7, 2)
    assert facts["core_hours_left"] < facts["core_hours"]


def test_times_are_those_of_the_machine_that_filled_the_cache(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cached runs count with what they took; FEW that took three times as long as expected treble the others' times.

    The start of a job takes no longer.
    """
    text = TINY.replace("seed: [0, 1]", f"seed: {list(range(20))}").replace("steps: 4,", "steps: 100000,")
    runs, folder = tiny_design(tmp_path, text).runs, tmp_path / "cache" / kind_place(device_kind())
    train, starts = sum(map(run_seconds, runs)), 2 * JOB_SECONDS
    for limit, factor in ((FEW - 1, typical()), (FEW, 3.0), (len(runs), 3.0)):
        for number, run in enumerate(runs[:limit]):
            place = folder / stack_place(run, declared_checksum(run.dataset))
            place.mkdir(parents=True, exist_ok=True)
            columns = {"run_key": [run.key], "status": ["ok"], "seconds": [3 * run_seconds(run)]}
            pq.write_table(pa.table(columns), place / f"{number}.parquet")
        facts = plan(write_config(tmp_path, text), capsys, "--shards")
        assert facts["machine_factor"] == factor
        assert max(shard["minutes"] for shard in facts["shard_list"]) == facts["longest_job_minutes"]
        known = sum(map(run_seconds, runs[:limit]))
        expected = starts + 3 * known + factor * (train - known)
        assert facts["core_hours"] == pytest.approx(expected / 3600, abs=1e-4)


def test_what_is_all_cached_takes_the_start_of_its_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With every run in the cache and no shard file, each job is over once it has imported and read."""
    text = TINY.replace("seed: [0, 1]", f"seed: {list(range(200))}")
    for run in (runs := tiny_design(tmp_path, text).runs):
        place = tmp_path / "cache" / kind_place(device_kind()) / stack_place(run, declared_checksum(run.dataset))
        place.mkdir(parents=True, exist_ok=True)
    for place in (tmp_path / "cache" / kind_place(device_kind())).glob("*/*"):
        keys = [run.key for run in runs]
        columns = {"run_key": keys, "status": ["ok"] * len(keys), "seconds": [9.0] * len(keys)}
        pq.write_table(pa.table(columns), place / "a.parquet")
    facts = plan(write_config(tmp_path, text), capsys)
    assert (facts["to_train"], facts["jobs_left"]) == (0, 2)
    assert facts["core_hours_left"] == pytest.approx((2 * IMPORT + READ * len(runs)) / 3600, abs=1e-4)


def test_a_complete_shard_needs_no_job(tmp_path: Path, shard: Shard, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs of a complete shard file are not trained again, though the cache has lost them."""
    write_keys(tmp_path / "results" / "tiny" / "shards" / f"{shard.id}.parquet", [run.key for run in shard.runs])
    facts = plan(write_config(tmp_path), capsys)
    assert (facts["cached"], facts["trained"], facts["to_train"], facts["jobs_left"]) == (0, 4, 4, 1)


@pytest.mark.parametrize("name", known_levels("dataset"))
def test_declared_checksums(name: str) -> None:
    """Where a data set's cached runs lie is known without numpy: the literal is the module's own."""
    assert declared_checksum(name) == dataset_module(name).CHECKSUM


def test_named_factors_are_those_of_a_stack() -> None:
    """Every factor is named in the folder of a run or may vary within its stack."""
    assert set(VARYING) | set(NAMED) | {"dataset"} == set(FACTORS)


def test_trained_runs_are_counted(tmp_path: Path, shard: Shard, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs that stand in shard files are trained; they are listed for each shard with --shards."""
    write_keys(tmp_path / "results" / "tiny" / "shards" / f"{shard.id}.parquet", [run.key for run in shard.runs[:3]])
    facts = plan(write_config(tmp_path), capsys, "--shards")
    minutes = minutes_of(shard)
    assert facts["trained"] == 3
    assert facts["shard_list"] == [
        {"id": "mnist1d-mlp-relu", "runs": 4, "trained": 3, "minutes": minutes},
        {"id": "mnist1d-mlp-tanh", "runs": 4, "trained": 0, "minutes": minutes},
    ]


def test_words(tmp_path: Path, shard: Shard, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json the same facts are lines, and --shards adds a line a shard."""
    assert main(["plan", str(write_config(tmp_path)), "--results", str(tmp_path), "--shards"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "tiny"]
    minutes = str(minutes_of(shard))
    assert lines[-1].split() == ["mnist1d-mlp-tanh", "4", "runs,", "0", "trained,", minutes, "min"]


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

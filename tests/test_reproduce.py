"""`actbench reproduce` on real training: bit-equal here, and what it says when a recorded number was changed."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from actbench.analysis.shard_file import write_shard
from actbench.plan.design import expand, sample_runs
from actbench.plan.errors import ConfigError
from actbench.plan.shards import make_shards
from actbench.shell.cli import main
from tiny import tiny_design, write_config


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Train the eight runs of the tiny config and gather their tables; tests run in that folder."""
    folder = tmp_path_factory.mktemp("reproduce")
    with contextlib.chdir(folder):
        path = write_config(folder)
        for shard in make_shards(tiny_design(folder).runs, 300):
            assert main(["train", str(path), "--shard", shard.id]) == 0
        assert main(["tables", str(path)]) == 0
        yield folder


def reproduce(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict]:
    """Run the verb and return its exit code and facts."""
    capsys.readouterr()
    code = main(["reproduce", "tiny.yaml", "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_fresh_runs_are_bit_equal(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trained again, alone and without the cache, every number is the recorded one; exit code 0."""
    code, facts = reproduce(capsys, "--sample", "5")
    assert code == 0
    assert (facts["n_runs"], facts["n_bit_equal"], facts["largest_deviation"]) == (5, 5, 0.0)
    assert facts["recorded_on"] == [facts["trained_on"]]


def test_the_seed_picks_the_runs(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same seed picks the same runs, another seed others, and text says what was found."""
    picked = [
        {row["run_key"] for row in reproduce(capsys, "--sample", "3", "--seed", seed)[1]["runs"]}
        for seed in ("1", "1", "2")
    ]
    assert picked[0] == picked[1] != picked[2]
    assert main(["reproduce", "tiny.yaml", "--sample", "2"]) == 0
    said = capsys.readouterr().out
    assert "2 runs trained again" in said
    assert "not compared" not in said


def test_a_changed_number_is_found(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A recorded loss off by a little is within tolerance; by half it is different, with exit code 1 and its name."""
    shard = next(iter((trained / "results" / "tiny" / "shards").glob("*relu*.parquet")))
    before = pq.read_table(shard, partitioning=None)
    place = before.column_names.index("test_loss")
    try:
        for factor, code, count in ((1.001, 0, "n_within_tolerance"), (2.0, 1, "n_different")):
            losses = before["test_loss"].to_pylist()
            off = before.set_column(place, before.schema.field(place), [[losses[0] * factor, *losses[1:]]])
            write_shard(shard, off)
            assert main(["tables", "tiny.yaml"]) == 0
            found, facts = reproduce(capsys, "--sample", "8")
            assert (found, facts[count], facts["n_bit_equal"]) == (code, 1, 7)
            (row,) = [row for row in facts["runs"] if row["verdict"] != "bit-equal"]
            assert row["where"] == "test_loss"
            assert facts["largest_deviation"] == pytest.approx(1 - 1 / factor)
    finally:
        write_shard(shard, before)
        assert main(["tables", "tiny.yaml"]) == 0


def test_a_result_set_without_layers_is_compared_by_the_rest(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A set that lacks curves or layers is compared by the tables that it has, and the text names the others."""
    shutil.copytree(trained / "results" / "tiny" / "tables", tmp_path / "tiny" / "tables")
    lacking = []
    for table in ("layers", "curves"):
        (tmp_path / "tiny" / "tables" / f"{table}.parquet").unlink()
        lacking.insert(0, table)
        code, facts = reproduce(capsys, "--sample", "2", "--results", str(tmp_path))
        assert (code, facts["n_bit_equal"], facts["tables_lacking"]) == (0, 2, lacking)
        assert facts["tables"] == [table for table in ("runs", "curves", "layers") if table not in lacking]
        assert main(["reproduce", "tiny.yaml", "--sample", "2", "--results", str(tmp_path)]) == 0
        assert f"not compared, because the result set lacks them: {', '.join(lacking)}" in capsys.readouterr().out
    (tmp_path / "tiny" / "tables" / "runs.parquet").unlink()
    assert main(["reproduce", "tiny.yaml", "--sample", "2", "--results", str(tmp_path)]) == 2


@pytest.mark.parametrize("words", [["--sample", "0"], ["--sample", "9"], ["--sample", "1", "--tolerance", "-1"]])
def test_impossible_samples_are_refused(trained: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Fewer than one run, more than there are, a negative tolerance: one line and exit code 2."""
    assert main(["reproduce", "tiny.yaml", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_results_there_is_nothing_to_reproduce(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no tables are, the line says how to make them."""
    assert main(["reproduce", "tiny.yaml", "--sample", "1", "--results", "absent"]) == 2
    assert "no such table; run `actbench tables`" in capsys.readouterr().err


def test_a_sample_is_drawn_from_the_whole_design(tmp_path: Path) -> None:
    """All runs can be picked, each once, in the order of their keys."""
    design = tiny_design(tmp_path)
    keys = [run.key for run in sample_runs(design, len(design.runs), 5)]
    assert keys == sorted(run.key for run in expand(design.config).runs)
    with pytest.raises(ConfigError, match="outside 1 … 8"):
        sample_runs(design, 9)

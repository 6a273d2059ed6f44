"""`actbench tables`, `stats` and `manifest`: what they write, print and return."""

import json
from pathlib import Path

import pytest

from actbench.analysis.statistic_file import stats_path
from actbench.analysis.stats_schema import STATS
from actbench.analysis.tables import table_path
from actbench.plan.config import load_config
from actbench.plan.design import expand
from actbench.plan.schema import TABLES
from actbench.shell.cli import main
from synthetic import fake_frames, write_shards

CONFIG = """
name: synthetic
studies:
  main: {activation: [relu, tanh], depth: [2, 8], lr: [0.02, 0.1], seed: [0, 1]}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the shards of a small config in an empty project and go there."""
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG)
    design = expand(load_config("config.yaml"))
    write_shards(design, fake_frames(design, steps_recorded=2), Path("results"))
    return "config.yaml"


def test_the_three_verbs_make_tables_statistics_and_manifest(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One after another they exit with 0 and say in one line what they wrote."""
    for verb in ("tables", "stats", "manifest"):
        assert main([verb, config]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("results/synthetic/tables: 16 rows of runs, ")
    assert lines[1].startswith("results/synthetic/stats: 1 rows of studies, 4 rows of conditions")
    assert lines[2] == f"results/synthetic/manifest.json: {len(TABLES) + len(STATS)} products"
    assert all(table_path("synthetic", table).exists() for table in TABLES)
    assert stats_path("synthetic", "ranking").exists()


def test_json_is_numbers_under_snake_case_keys(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one object that a program can read."""
    main(["tables", config, "--json"])
    assert json.loads(capsys.readouterr().out).items() >= {"runs": 16, "studies": 16}.items()
    main(["stats", config, "--json"])
    assert json.loads(capsys.readouterr().out).items() >= {"conditions": 4, "by_depth": 4, "ranking": 2}.items()
    main(["manifest", config, "--json"])
    assert json.loads(capsys.readouterr().out)["runs"]["total"] == 16


def test_the_check_exits_with_one_when_a_product_changed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """0 and one line while all is as recorded; 1 and a line for each mismatch afterwards."""
    for verb in ("tables", "stats", "manifest"):
        main([verb, config])
    capsys.readouterr()
    assert main(["manifest", config, "--check"]) == 0
    assert capsys.readouterr().out == "results/synthetic/manifest.json: every product is as recorded\n"
    stats_path("synthetic", "ranking").write_text("")
    assert main(["manifest", config, "--check"]) == 1
    assert capsys.readouterr().out.startswith("results/synthetic/stats/ranking.csv: changed")
    assert main(["manifest", config, "--check", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert len(found["mismatches"]) == 1


@pytest.mark.parametrize(("verb", "problem"), [("tables", "16 runs missing"), ("stats", "no such table")])
def test_missing_input_is_one_line_and_exit_two(
    config: str, capsys: pytest.CaptureFixture[str], verb: str, problem: str
) -> None:
    """Without shards or tables the verb stops with one line on standard error and 2."""
    for shard in Path("results/synthetic/shards").iterdir():
        shard.unlink()
    assert main([verb, config]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert problem in captured.err

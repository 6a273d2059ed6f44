"""`actbench diagnose`: what it prints and its exit codes."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from actbench.plan.config import load_config
from actbench.shell.cli import main
from actbench.show.diagnosis_text import MOST_RUNS
from drawn import write_config
from synthetic import write_results

ILL = "activation=relu,depth=8,init=he_normal,lr=0.1,seed=1"
HEALTHY = "activation=relu,depth=8,init=he_normal,lr=0.02,seed=1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a config and made-up results beside it, in which deep runs at the higher rate diverge under He."""
    folder = tmp_path_factory.mktemp("verb")
    write_results(load_config(write_config(folder)), folder / "results")
    return folder


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go where the config is."""
    monkeypatch.chdir(folder)


def diagnosed(*words: str) -> int:
    """Run the verb on the config and return its exit code."""
    return main(["diagnose", *words, "--config", "drawn.yaml"])


def test_an_ill_run_is_named_with_its_repairs(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; the illness, its numbers, and each change that repaired it with counts, effect and the grid."""
    assert diagnosed(ILL) == 1
    out = capsys.readouterr().out
    assert "ill: non_finite (symptom)\n  after 40 updates; last recorded at step" in out
    assert "not recorded: " in out
    assert re.search(
        r"  depth=2: test accuracy 0\.00 → 0\.\d\d in 3 of 3 seeds; everywhere: \d+ of \d+ that did not learn with", out
    )
    assert "  init=xavier_normal: " in out
    assert max(map(len, out.splitlines())) <= 140


def test_a_healthy_run_exits_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and no word of repairs."""
    assert diagnosed(HEALTHY) == 0
    out = capsys.readouterr().out
    assert "healthy: no rule finds an illness" in out
    assert "repaired" not in out


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one object, with the same exit codes."""
    assert diagnosed(ILL, "--json") == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["runs"][0]["illnesses"] == ["non_finite"]
    assert {row["factor"] for row in facts["repairs"] if row["n_repaired"] == 3} == {"depth", "init", "lr"}
    assert diagnosed(HEALTHY, "--json") == 0
    assert json.loads(capsys.readouterr().out)["healthy"] is True


def test_all_failed_runs_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """--status failed counts illnesses, lists runs by the levels on which they differ, and sums up the repairs."""
    assert diagnosed("--status", "failed") == 1
    out = capsys.readouterr().out
    assert out.startswith("9 runs, 9 of them ill\n")
    assert re.search(r"non_finite +symptom +9", out)
    assert re.search(r"run key +activation +seed +illnesses", out)
    assert re.search(r"lr +0\.1 +0\.02 +9 +9 ", out)


def test_no_such_run_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no run has the status there is nothing to find."""
    assert diagnosed("--status", "error") == 0
    assert capsys.readouterr().out == "no run has this status\n"
    assert diagnosed("--status", "error", "--json") == 0
    assert json.loads(capsys.readouterr().out)["n_runs"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give either RUN or --status"),
        ([ILL, "--status", "failed"], "give either RUN or --status"),
        (["activation=relu"], "name a level of each of"),
    ],
)
def test_bad_input_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither or both of the two ways to name runs, and a selector of several, are one line and exit code 2."""
    assert diagnosed(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err


def test_a_long_list_ends_with_its_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More runs than fit are counted, not printed, in tables of somebody else too."""
    count = MOST_RUNS + 5
    columns = {"run_key": [f"{n:03}" for n in range(count)], "status": "diverged", "classes": 10, "seed": range(count)}
    pd.DataFrame({**columns, "val_accuracy": None, "test_accuracy": None}).to_parquet(tmp_path / "runs.parquet")
    assert main(["diagnose", "--status", "failed", "--tables", str(tmp_path)]) == 1
    assert "… and 5 more; --json lists all" in capsys.readouterr().out

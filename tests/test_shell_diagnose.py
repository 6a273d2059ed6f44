"""`actbench diagnose`: what it prints and its exit codes."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from actbench.plan.config import load_config
from actbench.shell.cli import main
from actbench.show.diagnosis_text import MOST_ROWS
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
        r"  depth=2: test accuracy 0\.00 → 0\.\d\d in 3 of 3 seeds; everywhere: \d+ of \d+ ill runs with", out
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
    assert facts["runs"][0]["illnesses"] == ["non_finite", "rate_too_high"]
    assert {row["factor"] for row in facts["repairs"] if row["n_repaired"] == 3} == {"depth", "init", "lr"}
    assert diagnosed(HEALTHY, "--json") == 0
    assert json.loads(capsys.readouterr().out)["healthy"] is True


def test_all_failed_runs_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """--status failed counts illnesses, lists runs by the levels on which they differ, and sums up the repairs."""
    assert diagnosed("--status", "failed") == 1
    out = capsys.readouterr().out
    assert out.startswith("9 runs, 9 of them ill\n")
    assert re.search(r"non_finite +symptom +9", out)
    assert re.search(r"run key +runs +activation +illnesses\n  [0-9a-f]{16} +3 +\w+ +non_finite, rate_too_high\n", out)
    assert re.search(r"lr +0\.1 +0\.02 +9 +9 ", out)


def test_no_such_run_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no run has the status there is nothing to find."""
    assert diagnosed("--status", "error") == 0
    assert capsys.readouterr().out == "no run has this status\n"
    assert diagnosed("--status", "error", "--json") == 0
    assert json.loads(capsys.readouterr().out)["n_runs"] == 0


def test_a_selector_of_several_runs_diagnoses_them_together(capsys: pytest.CaptureFixture[str]) -> None:
    """Levels that name several runs are enough, and --status keeps some of those."""
    assert diagnosed("activation=relu") == 1
    assert capsys.readouterr().out.startswith("24 runs, 3 of them ill\n")
    assert diagnosed("activation=relu", "--status", "ok") == 0
    assert capsys.readouterr().out == "21 runs, 0 of them ill\n"
    assert diagnosed(ILL, "--status", "ok") == 0
    assert capsys.readouterr().out == "no run has this status\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give RUN, --status or both"),
        (["activation=rely"], "relu"),
        (["activation=relu,depth=3"], "no run has level '3'"),
        (["xyz"], "not a run key"),
        (["seed"], "not a run key"),
    ],
)
def test_bad_input_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that names runs, an unknown level and what is no key are one line and exit code 2."""
    assert diagnosed(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err


def test_a_long_list_ends_with_its_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More conditions than fit are counted, not printed, in tables of somebody else too; seeds stand in one row."""
    count = MOST_ROWS + 5
    keys = [f"{n:03}" for n in range(2 * count)]
    widths = [1 + n // 2 for n in range(2 * count)]
    columns = {"run_key": keys, "status": "diverged", "classes": 10, "seed": [0, 1] * count, "width": widths}
    pd.DataFrame({**columns, "val_accuracy": None, "test_accuracy": None}).to_parquet(tmp_path / "runs.parquet")
    assert main(["diagnose", "--status", "failed", "--tables", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"{2 * count} runs, {2 * count} of them ill, {2 * count} of those without a cause\n")
    assert "… and 5 more; --json lists every run" in out
    assert re.search(r"\n  000 +2 +1 +non_finite\n", out)


def test_a_healthy_run_with_a_number_beyond_a_threshold_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is healthy, but: with the number, its threshold and no repairs; exit code 0."""
    scores = {"val_accuracy": [0.9, 0.9], "test_accuracy": [0.9, 0.9]}
    runs = {"run_key": ["a", "b"], "status": "ok", "classes": 10, "clip_rate": [1.0, 0.0], **scores}
    pd.DataFrame(runs).to_parquet(tmp_path / "runs.parquet")
    assert main(["diagnose", "a", "--tables", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "healthy, but:\n  always_clipped: share of updates whose gradient was clipped 1, above 0.95\n" in out
    assert "repaired" not in out
    assert main(["diagnose", "--status", "all", "--tables", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("2 runs, 0 of them ill; 1 healthy, but with numbers beyond a threshold\n")

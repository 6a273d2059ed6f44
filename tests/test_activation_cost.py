"""What activations cost: every field is a positive number, and the verb says it."""

import csv
import json
from pathlib import Path

import pytest

from actbench.analysis.claim_costs import read_costs
from actbench.analysis.claims_schema import COST
from actbench.shell.cli import main
from actbench.training import activation_cost
from actbench.training.activation_cost import activation_costs, timed_rounds

FIELDS = ("forward_ns", "backward_ns", "copy_ns", "forward_copies", "backward_copies", "step_us")


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time few rounds: what is tested is not the speed."""
    monkeypatch.setattr(activation_cost, "ROUNDS", 5)
    monkeypatch.setattr(activation_cost, "UPDATES", 2)


def test_every_number_is_positive_and_consistent() -> None:
    """Times are positive, copies are ratios of times, the baseline has no share of its own step."""
    rows = {
        str(row["activation"]): row for row in activation_costs(timed_rounds(["identity", "relu", "prelu"]), "identity")
    }
    assert list(rows) == ["identity", "relu", "prelu"]
    for row in rows.values():
        assert all(float(row[field]) > 0 for field in FIELDS), row
        assert float(row["forward_copies"]) == pytest.approx(float(row["forward_ns"]) / float(row["copy_ns"]))
        assert 0 <= float(row["step_share"]) < 1
    assert rows["identity"]["step_share"] == 0


def test_an_expensive_function_costs_more() -> None:
    """Mish, with two transcendental functions, takes longer than ReLU both ways."""
    relu, mish = activation_costs(timed_rounds(["identity", "relu", "mish"]), "identity")[1:]
    assert float(mish["forward_ns"]) > float(relu["forward_ns"])
    assert float(mish["step_us"]) > float(relu["step_us"])


def test_the_verb_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json holds numbers under snake-case keys, and --output the same table."""
    path = tmp_path / "cost.csv"
    assert main(["cost", "--activation", "relu", "--json", "--output", str(path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["baseline"] == "identity"
    assert [row["activation"] for row in found["rows"]] == ["identity", "relu"]
    assert [float(row["step_us"]) for row in csv.DictReader(path.read_text().splitlines())] == [
        row["step_us"] for row in found["rows"]
    ]
    assert main(["cost", "--activation", "relu"]) == 0
    assert "share of step" in capsys.readouterr().out


def test_a_config_gets_its_rounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a config its activations and the baseline are timed, one row a round, where claims about cost look."""
    config = tmp_path / "timed.yaml"
    config.write_text("name: timed\nstudies: {main: {question: q, activation: [relu, tanh]}}\n")
    assert main(["cost", str(config), "--results", str(tmp_path)]) == 0
    assert "tanh" in capsys.readouterr().out
    timed = read_costs(tmp_path / "timed" / "stats" / "cost.csv")
    assert timed.groupby("activation").size().to_dict() == {"identity": 5, "relu": 5, "tanh": 5}
    assert (timed["ns_per_element"] == timed["forward_ns"] + timed["backward_ns"]).all()
    assert list(timed.columns[: len(COST)]) == [column.name for column in COST]


def test_an_unknown_activation_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt level is one line and exit code 2, before anything is timed."""
    assert main(["cost", "--activation", "reluu"]) == 2
    assert "did you mean relu" in capsys.readouterr().err

"""Predictions for every condition of a config as rows."""

import csv
from pathlib import Path

import pytest

from actbench.levels.dataset import load_dataset
from actbench.levels.probe_table import probed_run
from actbench.levels.theory_table import LAYER_COLUMNS, SCALE_COLUMNS, layer_rows, scale_rows
from actbench.shell.cli import main
from drawn import write_config


def test_a_condition_stands_there_once(tmp_path: Path) -> None:
    """Seeds and learning rates share their rows; He ReLU keeps variance and gradient; biases with a mean have none."""
    runs = [probed_run(depth=3, width=64, seed=seed, lr=lr) for seed in (0, 1) for lr in (0.1, 0.2)]
    runs.append(probed_run(depth=3, bias_offset=-1.0))
    rows = [
        dict(zip(LAYER_COLUMNS, row, strict=True))
        for row in layer_rows(runs, {"mnist1d": load_dataset("mnist1d", tmp_path)})
    ]
    assert [row["layer"] for row in rows] == [1, 2, 3]
    assert [row["backward_norm2"] for row in rows] == pytest.approx([1, 1, 1])
    assert rows[2]["forward_variance"] == pytest.approx(rows[0]["forward_variance"])
    assert rows[0]["weight_var"] == 2


def test_depth_scales_of_tanh() -> None:
    """Both are infinite, so empty, at σ_w² = 1, the gradient's is -1/ln σ_w² below, and above it is shorter."""
    rows = [dict(zip(SCALE_COLUMNS, row, strict=True)) for row in scale_rows(["tanh"])]
    (edge,) = [row for row in rows if abs(row["weight_var"] - 1) < 1e-9]
    assert edge["xi_c"] is None
    assert edge["xi_gradient"] is None
    assert all(row["xi_c"] == pytest.approx(row["xi_gradient"]) for row in rows if row["weight_var"] < 0.9)
    assert all(row["xi_c"] > 0 for row in rows if row["weight_var"] > 1.1)


def test_the_verb_writes_both_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`actbench theory CONFIG` writes theory.csv, and depth_scales.csv for activations with a fixed scale."""
    config = write_config(tmp_path, activation=("relu",), init=("he_normal", "normal(0.1)"))
    words = [str(config), "--results", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    assert main(["theory", *words]) == 0
    assert capsys.readouterr().out.count("rows)") == 2
    with (tmp_path / "results" / "drawn" / "stats" / "theory.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * (2 + 8)
    with (tmp_path / "results" / "drawn" / "stats" / "depth_scales.csv").open(newline="") as file:
        assert {row["activation"] for row in csv.DictReader(file)} == {"relu"}
    assert main(["theory", *words, "--activation", "tanh"]) == 2
    assert main(["theory"]) == 2
    assert capsys.readouterr().err.splitlines()[1] == "theory: give --activation LEVEL, or a config file"

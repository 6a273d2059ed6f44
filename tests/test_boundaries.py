"""Decision boundaries: which networks are drawn, and that what is drawn is what was trained."""

import json
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actbench.analysis.boundary_runs import choose_boundary_runs
from actbench.analysis.shard_file import write_shard
from actbench.analysis.tables import read_table, write_tables
from actbench.levels.dataset import load_dataset
from actbench.plan.design import expand
from actbench.plan.shards import make_shards
from actbench.shell import boundaries
from actbench.show.inputs import read_csv
from actbench.training import boundaries as trained
from actbench.training import device
from actbench.training.shard import train_shard
from synthetic import fake_runs, make_config, write_results
from test_twin import runs_of, tiny_dataset
from tiny import TINY, tiny_design

SPIRALS = TINY.replace("width: 32", "dataset: spirals, width: 32, lr: 0.1").replace("steps: 4", "steps: 40")


def call(config: Path, *words: str) -> int:
    """Call the verb as the command line does."""
    parser = ArgumentParser()
    boundaries.configure(parser)
    return boundaries.run(parser.parse_args([str(config), *words]))


def test_the_best_condition_is_chosen_on_validation_data() -> None:
    """Each activation is drawn in its condition with the highest mean validation accuracy, at its first seed."""
    runs = fake_runs(expand(make_config()), noise=0.0, diverge=lambda rows: rows["seed"] < 0)
    wanted = (runs["depth"] == 8) & (runs["init"] == "xavier_normal") & (runs["lr"] == 0.1)
    runs.loc[wanted, "best_val_accuracy"] = 0.9
    runs.loc[~wanted, "best_test_accuracy"] = 0.99
    chosen = choose_boundary_runs(runs)
    assert list(chosen["activation"]) == ["relu", "sigmoid", "tanh"]
    assert chosen[["depth", "init", "lr", "seed"]].drop_duplicates().values.tolist() == [[8, "xavier_normal", 0.1, 0]]


def test_a_failed_seed_is_passed_over_and_a_failed_activation_left_out() -> None:
    """Where seed 0 diverged seed 1 is drawn; where every run diverged there is nothing to draw."""
    bad = fake_runs(expand(make_config()), diverge=lambda r: (r["activation"] == "relu") | (r["seed"] == 0))
    chosen = choose_boundary_runs(bad)
    assert list(chosen["activation"]) == ["sigmoid", "tanh"]
    assert set(chosen["seed"]) == {1}
    assert choose_boundary_runs(bad.iloc[:0]).empty


def test_the_networks_drawn_are_the_networks_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trained again alone, each chosen network has the test accuracy of its row, to one example at most."""
    monkeypatch.chdir(tmp_path)
    design = tiny_design(tmp_path, SPIRALS)
    data = {"spirals": load_dataset("spirals", tmp_path / "data")}
    for shard in make_shards(design.runs, design.config.shard_minutes):
        rows = train_shard(shard, data, tmp_path / "cache", lambda runs, trained: None)
        write_shard(tmp_path / "results" / "tiny" / "shards" / f"{shard.id}.parquet", rows)
    write_tables(design)
    assert call(tmp_path / "tiny.yaml", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"file": "results/tiny/stats/boundaries.csv", "networks": 2}
    table = read_csv(tmp_path / "results" / "tiny" / "stats" / "boundaries.csv")
    grid = table[table["kind"] == "grid"]
    runs = read_table(design.config, "runs").set_index("run_key")
    for (key, activation), answers in grid.groupby(["run_key", "activation"]):
        assert runs.loc[key, "activation"] == activation
        assert answers["test_accuracy"].iloc[0] == pytest.approx(runs.loc[key, "best_test_accuracy"], abs=1.01 / 512)
        assert len(answers) == boundaries.SIDE**2
        assert len(answers[["x", "y"]].drop_duplicates()) == boundaries.SIDE**2
        assert set(answers["label"]) <= {0, 1, 2}
    reach = float(np.abs(data["spirals"].x_train).max())
    assert (grid["x"].max(), grid["y"].min()) == pytest.approx((np.ceil(reach * 10) / 10, -np.ceil(reach * 10) / 10))
    points = table[table["kind"] == "test"]
    assert np.allclose(points[["x", "y"]], data["spirals"].x_test[: boundaries.POINTS], atol=1e-5)
    assert list(points["label"]) == list(data["spirals"].y_test[: boundaries.POINTS])


def test_networks_are_trained_on_a_cpu_whatever_trains_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Points and networks lie on one side."""
    run, dataset = runs_of(activation="relu", steps=5)[0], tiny_dataset()
    expected = trained.answers(run, dataset, dataset.x_test)
    monkeypatch.setenv(device.CHOSEN, "cuda")
    np.testing.assert_array_equal(trained.answers(run, dataset, dataset.x_test), expected)


def test_an_activation_without_a_network_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every run of every activation failed the table names them and nothing is trained."""
    monkeypatch.chdir(tmp_path)
    design = tiny_design(tmp_path, SPIRALS)
    write_results(design.config, Path("results"), diverge=lambda runs: runs["seed"] >= 0)
    assert call(tmp_path / "tiny.yaml") == 0
    table = read_csv(tmp_path / "results" / "tiny" / "stats" / "boundaries.csv")
    assert table[["activation", "kind"]].values.tolist() == [["relu", "failed"], ["tanh", "failed"]]


def test_without_spirals_the_table_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A config without runs on the spirals gives a table with its columns and no rows."""
    monkeypatch.chdir(tmp_path)
    design = tiny_design(tmp_path)
    write_results(design.config, Path("results"))
    assert call(tmp_path / "tiny.yaml") == 0
    table = pd.read_csv(tmp_path / "results" / "tiny" / "stats" / "boundaries.csv")
    assert list(table.columns) == boundaries.COLUMNS
    assert table.empty

"""actbench.analysis.recorded: tables of a config, and tables that somebody else wrote."""

from pathlib import Path

import pandas as pd
import pytest

from actbench.analysis.recorded import factors_of, recorded_by, recorded_in
from actbench.analysis.tables import table_path
from actbench.plan.checksums import checksum_path
from actbench.plan.errors import ConfigError
from synthetic import make_config, write_results

FOREIGN = {
    "run_key": ["a", "b"],
    "status": ["ok", "diverged"],
    "classes": [10, 10],
    "activation": ["my_relu", "relu"],
    "val_accuracy": [0.5, None],
    "test_accuracy": [0.4, None],
}


def write_runs(folder: Path, **columns: list[object]) -> Path:
    """Write runs.parquet with the columns of FOREIGN, some of them replaced; a column given as [] is left out."""
    held = {name: values for name, values in {**FOREIGN, **columns}.items() if values}
    pd.DataFrame(held).to_parquet(folder / "runs.parquet")
    return folder


def test_a_configs_tables_are_read_as_they_were_written(tmp_path: Path) -> None:
    """Runs come in the columns of the schema, and records are those of the named runs alone."""
    config = make_config(activation=("relu",), seed=(0,))
    frames = write_results(config, tmp_path)
    recorded = recorded_by(config, tmp_path)
    runs = recorded.runs()
    assert list(runs) == list(frames["runs"])
    key = runs["run_key"].iloc[0]
    assert set(recorded.records("curves", [key])["run_key"]) == {key}
    assert recorded.records("studies", [key])["study"].tolist() == ["main"]


def test_tables_of_another_config_are_refused(tmp_path: Path) -> None:
    """Reading through a config that did not make the tables is an error, as for every other reader."""
    write_results(make_config(activation=("relu",), seed=(0,)), tmp_path)
    with pytest.raises(ConfigError, match="made from another config"):
        recorded_by(make_config(activation=("relu",), seed=(1,)), tmp_path)


def test_foreign_tables_need_few_columns(tmp_path: Path) -> None:
    """Missing columns and tables are empty, and the scores after the last step stand for those of the best."""
    recorded = recorded_in(write_runs(tmp_path))
    runs = recorded.runs()
    assert factors_of(runs) == ["activation"]
    assert runs["best_test_accuracy"].iloc[0] == 0.4
    assert runs["seconds"].isna().all()
    assert recorded.records("layers", ["a"]).empty


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"status": []}, "lacks the column 'status'"),
        ({"run_key": ["a", "a"]}, "run_key 'a' stands twice"),
        ({"test_accuracy": [None, 0.4]}, "run a is ok and has neither best_test_accuracy nor test_accuracy"),
    ],
)
def test_unusable_runs_are_refused(tmp_path: Path, columns: dict[str, list[object]], said: str) -> None:
    """A table that nobody could read rightly is one line that names the column or the run."""
    with pytest.raises(ConfigError, match=said):
        recorded_in(write_runs(tmp_path, **columns)).runs()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"value": ["x", "y"]}, "layers.parquet: column 'value' holds words where numbers belong"),
        ({"step": ["0", "1"]}, "layers.parquet: column 'step' holds words where numbers belong"),
        ({"step": [0, 0]}, "layers.parquet: holds two rows of run_key a, step 0, layer 1, diagnostic zero_fraction"),
    ],
)
def test_unusable_records_are_refused(tmp_path: Path, rows: dict[str, list[object]], said: str) -> None:
    """Records of somebody else's with words for numbers, or twice the same, are one line."""
    sound = {"run_key": "a", "step": [0, 1], "layer": 1, "diagnostic": "zero_fraction", "value": [0.5, 0.25]}
    pd.DataFrame({**sound, **rows}).to_parquet(tmp_path / "layers.parquet")
    recorded = recorded_in(write_runs(tmp_path))
    with pytest.raises(ConfigError, match=said):
        recorded.records("layers", ["a"])


def test_a_folder_without_tables_and_a_broken_table_are_refused(tmp_path: Path) -> None:
    """An empty folder and a file that is no table are one line each."""
    with pytest.raises(ConfigError, match=r"holds no runs\.parquet"):
        recorded_in(tmp_path)
    config = make_config(activation=("relu",), seed=(0,))
    write_results(config, tmp_path)
    path = table_path(config.name, "layers", tmp_path)
    path.write_text("broken")
    checksum_path(path).unlink()
    with pytest.raises(ConfigError, match="not a readable table"):
        recorded_in(path.parent)
    write_results(config, tmp_path)
    path.write_text("broken")
    with pytest.raises(ConfigError, match=r"layers\.parquet: changed since it was written"):
        recorded_in(path.parent)

"""Bad tables given to the verbs that read anybody's: one line and exit code 2, or an answer; no traceback."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from actbench.shell.cli import VERBS, main
from damage import CONFIG, build
from injuries import DAMAGES

TABLES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "no rows": lambda rows: rows.iloc[:0],
    "no columns": lambda rows: rows.iloc[:, :0],
    "words for numbers": lambda rows: rows.assign(test_accuracy="x", best_test_accuracy="x", val_accuracy="x"),
    "all missing": lambda rows: rows.assign(**dict.fromkeys(rows)),
    "infinite": lambda rows: rows.assign(**{name: float("inf") for name in rows.select_dtypes("float")}),
    "every row twice": lambda rows: pd.concat([rows, rows]),
    "one row": lambda rows: rows.iloc[:1],
    "columns called alike": lambda rows: pd.concat([rows, rows], axis=1),
    "other columns": lambda rows: rows.rename(columns={name: f"<b>{name}" for name in rows}),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results once."""
    folder = tmp_path_factory.mktemp("given")
    build(folder)
    return folder


def commands(results: Path, table: Path) -> list[list[str]]:
    """Return the calls that read given tables."""
    sets = [str(results), str(table.parent)]
    columns = ["--treatment", "activation", "--block", "depth", "seed", "--value", "test_accuracy"]
    run = ["activation=relu,seed=0", "--tables", str(table.parent)]
    words = [["compare", str(table), *columns], ["diff", *sets], ["explain", *run], ["audit", str(table)]]
    return [each for each in words if each[0] in VERBS]


def stops_well(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Run a verb: it answers, or refuses in one line; a word that argparse refuses is not the table's fault."""
    try:
        code = main(command)
    except SystemExit as stopped:
        pytest.fail(f"{command}: {stopped} {capsys.readouterr().err}")
    said = capsys.readouterr()
    assert code in (0, 1, 2), command
    if code == 2:
        errors = [line for line in said.err.splitlines() if "no checksum beside it" not in line]
        assert len(errors) == 1, (command, said.err)
        assert errors[0].isprintable()


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("change", TABLES)
def test_strange_tables(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, form: str
) -> None:
    """Tables with odd rows and columns are answered or refused."""
    rows = pd.read_parquet(sound / "results" / CONFIG.name / "tables" / "runs.parquet")
    changed, path = TABLES[change](rows), tmp_path / f"runs.{form}"
    try:
        changed.to_csv(path, index=False) if form == "csv" else changed.to_parquet(path)
    except ValueError:
        pytest.skip("parquet cannot hold it")
    for command in commands(sound / "results" / CONFIG.name, path):
        stops_well(command, capsys)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_damaged_tables(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str, form: str
) -> None:
    """Truncated, flipped, empty and foreign files are answered or refused."""
    shutil.copytree(sound / "results" / CONFIG.name / "tables", tmp_path / "tables")
    path = tmp_path / "tables" / f"runs.{form}"
    if form == "csv":
        pd.read_parquet(path.with_suffix(".parquet")).to_csv(path, index=False)
        path.with_suffix(".parquet").unlink()
    DAMAGES[damage](path, tmp_path / "tables" / "layers.parquet", random.Random(damage))
    for command in commands(sound / "results" / CONFIG.name, path):
        stops_well(command, capsys)

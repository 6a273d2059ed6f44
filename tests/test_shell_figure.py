"""`actbench figure` and `actbench report`."""

import json
from pathlib import Path

import pytest

from actbench.shell.cli import main
from actbench.show.contract import declarations
from drawn import draw_all, draw_from


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder that has results to draw from."""
    monkeypatch.chdir(tmp_path)
    return draw_from(tmp_path)


def test_figure_writes_its_files_and_names_them(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json lists the five files, which exist under figures/<name>."""
    assert main(["figure", here.name, "activation_ranking", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    ends = ("pdf", "svg", "png", "csv", "md")
    assert answer == {
        "figure": "activation_ranking",
        "files": [f"figures/drawn/activation_ranking.{end}" for end in ends],
    }
    assert all(Path(file).is_file() for file in answer["files"])


def test_without_a_name_all_figures_are_drawn(
    here: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each figure has its files, with the bytes of one drawn alone, and --json lists them all in one document."""
    assert main(["figure", here.name, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["figure"] for answer in answers] == list(declarations())
    alone = draw_all(tmp_path_factory.mktemp("alone")).parent
    for answer in answers:
        assert all(Path(file).read_bytes() == (alone / file).read_bytes() for file in answer["files"]), answer["figure"]


def test_an_unknown_figure_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt figure gives exit code 2 and one line with the nearest name, and writes nothing."""
    assert main(["figure", here.name, "learning_curve"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("figure: unknown figure 'learning_curve'; did you mean learning_curves or ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not Path("figures").exists()


def test_results_of_another_config_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report of a config whose tables were made from other levels gives exit code 2 and one line."""
    draw_all(here.parent)
    capsys.readouterr()
    here.write_text(here.read_text().replace("depth: [2, 8]", "depth: [2, 4]"))
    assert main(["report", here.name]) == 2
    captured = capsys.readouterr()
    assert "another config" in captured.err
    assert captured.err.count("\n") == 1


def test_report_writes_the_page(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json names the page and its size in bytes."""
    draw_all(here.parent)
    capsys.readouterr()
    assert main(["report", here.name, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    page = Path("results/drawn/report.html")
    assert answer == {"report": page.as_posix(), "bytes": page.stat().st_size}
    assert sorted(path.suffix for path in page.parent.iterdir() if path.is_file()) == [".html"]


def test_report_without_figures_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where figures are missing one line says which and what to do."""
    assert main(["report", here.name]) == 2
    assert "figures/drawn/activation_functions.md: no such file; run snakemake" in capsys.readouterr().err

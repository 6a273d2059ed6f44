"""Tables and numbers for papers hold what the statistics hold."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from actbench.analysis.numbers import quotable_numbers
from actbench.analysis.statistic_file import read_statistic
from actbench.plan.config import load_config
from actbench.show.latex import main_table, printed, write_latex
from drawn import draw_from

LATEX = shutil.which("pdflatex")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write everything for papers once."""
    folder = tmp_path_factory.mktemp("latex")
    write_latex(load_config(draw_from(folder)), folder / "results")
    return folder


def read(folder: Path, file: str) -> str:
    """Return the text of one of the files."""
    return (folder / "results" / "drawn" / "latex" / file).read_text(encoding="utf-8")


def test_macros_print_the_numbers(folder: Path) -> None:
    """Each number has a macro with its value, and two more where there is an interval."""
    numbers = quotable_numbers(load_config(folder / "drawn.yaml"), folder / "results")
    commands = dict(re.findall(r"\\newcommand\{\\([A-Za-z]+)\}\{(.*)\}", read(folder, "numbers.tex")))
    for number in numbers.to_dict("records"):
        assert commands.pop(number["macro"]) == printed(number["value"])
        if pd.notna(number["low"]):
            assert commands.pop(f"{number['macro']}Low") == printed(number["low"])
            assert commands.pop(f"{number['macro']}High") == printed(number["high"])
    assert commands == {}


def test_json_holds_the_same_numbers(folder: Path) -> None:
    """numbers.json has each name with its value unrounded and null where there is no interval."""
    numbers = quotable_numbers(load_config(folder / "drawn.yaml"), folder / "results").set_index("name")
    found = json.loads(read(folder, "numbers.json"))
    assert found.keys() == set(numbers.index)
    assert found["rank/main/relu"]["value"] == pytest.approx(numbers.loc["rank/main/relu", "value"], rel=1e-12)
    assert found["runs/main"]["low"] is None


def test_the_main_table_is_the_ranking(folder: Path) -> None:
    """The CSV has the ranks, best first; the Markdown and LaTeX tables have a line for each activation."""
    config = load_config(folder / "drawn.yaml")
    ranking = read_statistic(config, "ranking", folder / "results").set_index("activation")["rank"]
    table = pd.read_csv(folder / "results" / "drawn" / "latex" / "main.csv").set_index("activation")
    assert table["rank"].is_monotonic_increasing
    pd.testing.assert_series_equal(table["rank"].sort_index().astype(float), ranking.sort_index(), rtol=1e-9)
    assert pd.isna(table.loc["relu", "difference"]), "the reference has no difference to itself"
    assert len(read(folder, "main.md").splitlines()) == len(table) + 2
    tex = read(folder, "main.tex")
    assert all(rule in tex for rule in ("\\toprule", "\\midrule", "\\bottomrule"))
    assert sum(line.rstrip().endswith("\\\\") for line in tex.splitlines()) == len(table) + 1


def test_each_column_of_the_main_table_has_its_heading(folder: Path) -> None:
    """Under each heading, in Markdown and in LaTeX, stands the number that it names."""
    table = pd.read_csv(folder / "results" / "drawn" / "latex" / "main.csv").set_index("activation")
    headed = {"mean rank": "rank", "accuracy": "score", "failed": "failure_rate", "difference": "difference",
              "runs": "n_runs", "seeds": "n_seeds"}  # fmt: skip
    for file, bar in (("main.md", "|"), ("main.tex", "&")):
        lines = [line.strip(" |\\") for line in read(folder, file).splitlines() if bar in line and "---" not in line]
        heading, *rows = ([cell.strip() for cell in line.split(bar)] for line in lines)
        for cells in rows:
            for word, column in headed.items():
                value, shown = table.loc[cells[0], column], cells[heading.index(word)].replace("$", "").split(" ")[0]
                assert shown == printed(value) if pd.notna(value) else shown in ("–", "--")
        assert len(rows) == len(table)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3.0, "3"), (0.0, "0"), (0.64321, "0.643"), (-0.0123456, "-0.0123"), (12.3456, "12.3"), (8640.0, "8640"),
     (123.456, "123.5"), (0.00004, "4.0e-05"), (0.00012345, "0.0001")],
)  # fmt: skip
def test_numbers_are_rounded_for_reading(value: float, expected: str) -> None:
    """Whole numbers stay whole, others keep three significant digits, and nothing small becomes 0."""
    assert printed(value) == expected


def test_writing_twice_gives_the_same_bytes(folder: Path) -> None:
    """Nothing in the files depends on when they were written."""
    before = {path.name: path.read_bytes() for path in (folder / "results" / "drawn" / "latex").iterdir()}
    write_latex(load_config(folder / "drawn.yaml"), folder / "results")
    assert before == {path.name: path.read_bytes() for path in (folder / "results" / "drawn" / "latex").iterdir()}


@pytest.mark.skipif(LATEX is None, reason="pdflatex is not installed; Debian: texlive-latex-recommended")
def test_numbers_and_table_compile(folder: Path, tmp_path: Path) -> None:
    """A paper that inputs both files and quotes a number compiles."""
    where = (folder / "results" / "drawn" / "latex").as_posix()
    text = (
        "\\documentclass{article}\\usepackage[utf8]{inputenc}\\usepackage{booktabs}"
        f"\\input{{{where}/numbers.tex}}\\begin{{document}}\\RankMainRelu\\input{{{where}/main.tex}}\\end{{document}}"
    )
    (tmp_path / "paper.tex").write_text(text, encoding="utf-8")
    subprocess.run([str(LATEX), "-halt-on-error", "paper.tex"], cwd=tmp_path, check=True, capture_output=True)


def test_a_main_table_of_one_activation_has_no_difference(tmp_path: Path) -> None:
    """Where there is nothing to compare with, the table says so with a dash and is written all the same."""
    config = load_config(draw_from(tmp_path, activation=("tanh",)))
    table = main_table(config, tmp_path / "results")
    assert table["difference"].isna().all()
    write_latex(config, tmp_path / "results")
    assert "–" in read(tmp_path, "main.md")

"""The audit: clean on what the statistics printed, and it finds every planted error."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import t as student

from actbench.analysis.claims import write_claims
from actbench.analysis.statistics import write_statistics
from actbench.audit.summary_table import audit_summary, student95, two_sided
from actbench.plan.config import load_config
from actbench.plan.errors import ConfigError
from actbench.shell.cli import main
from ledgers import claim, ledger_of
from source_tree import SRC, imports
from synthetic import write_results

CONFIG = """
name: synthetic
studies:
  main: {activation: [relu, tanh, gelu], depth: [2, 8], norm: [none, layernorm], lr: [0.02, 0.1], seed: [0, 1, 2, 3, 4]}
"""
PAIR = {"this": {"activation": "relu"}, "that": {"activation": "tanh"}}
CLAIMS = {
    "better": claim(study="main", rule="difference", quantity="score", margin=0.02, strata=["norm"], **PAIR),
    "vanishing": claim(
        study="main", rule="slope", quantity="gradient_norm", layers="first", moment="start", scale="log10",
        over="depth", direction="lower", margin=0.05, where={"norm": "layernorm"},
    ),
    "sparse": claim(study="main", rule="mean", quantity="zero_fraction", moment="start", margin=0.2, rates="each"),
    "warned": claim(study="main", rule="auc", quantity="global_gradient_norm", outcome="failed", moment="start",
                    margin=0.7, rates="each"),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results of a small config with claims in an empty project."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "config.yaml").write_text(CONFIG)
    config = load_config(folder / "config.yaml")
    write_results(config, folder / "results")
    write_statistics(config, folder / "results")
    write_claims(config, ledger_of(folder, CLAIMS), folder / "results")
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the results and go there."""
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def audit(*words: str) -> int:
    """Call the verb."""
    return main(["audit", "config.yaml", "--ledger", "claims.yaml", *words])


def test_the_audit_shares_no_code_with_the_statistics() -> None:
    """No module of the audit reaches the analysis, scipy or statsmodels, by whatever way."""
    for file in (SRC / "actbench" / "audit").glob("*.py"):
        found = " ".join(imports(file))
        assert not re.search(r"analysis|scipy|statsmodels|scikit", found), file.name


def test_what_was_printed_is_clean(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is found in untouched results, and hundreds of numbers were compared."""
    assert audit() == 0
    out, err = capsys.readouterr()
    assert out.startswith("0 mismatches; compared ")
    assert err.splitlines()[:3] == ["checking raw rows", "checking statistic studies", "checking statistic conditions"]
    assert int(re.search(r"([\d,]+) of claims", out)[1]) >= 25  # type: ignore[index]


@pytest.mark.parametrize(
    ("file", "column", "problem"),
    [
        ("stats/conditions.csv", "score", "conditions: main"),
        ("stats/early_warning.csv", "auc", "early_warning: main, "),
        ("stats/early_warning.csv", "sensitivity", "sensitivity is"),
        ("stats/early_warning.csv", "brier", "brier is"),
        ("stats/claim_tests.csv", "effect", "effect is"),
        ("stats/claim_tests.csv", "low", "low is"),
        ("claims.csv", "effect", "is not that of its weakest test"),
        ("claims.csv", "p_adjusted", "Holm within"),
    ],
)
def test_a_planted_error_is_found(
    file: str, column: str, problem: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A number changed in its fourth digit is found and named, and the exit code is 1."""
    path = Path("results/synthetic") / file
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    table[column] = table[column].astype("float64")
    row = table[column].first_valid_index()
    table.loc[row, column] = table.loc[row, column] * 1.0005 + 0.0005
    table.to_csv(path, index=False)
    assert audit() == 1
    assert problem in capsys.readouterr().out


def test_a_planted_verdict_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A verdict that its interval does not give; what could not be checked is said beside it."""
    path = Path("results/synthetic/stats/claim_tests.csv")
    path.write_text(path.read_text().replace(",supported,", ",contradicted,"))
    Path("results/synthetic/tables/layers.parquet").unlink()
    assert audit("--json") == 1
    out = json.loads(capsys.readouterr().out)
    assert not out["ok"]
    assert "is not its interval's" in " ".join(out["mismatches"])
    assert "gradients: layers.parquet is not there" in out["unchecked"]
    assert "latex: not there, or not whole" in out["unchecked"]


def test_what_is_not_checked_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words, classes of points and an activation whose formula the audit does not know."""
    table = "activation,z,value,derivative\nswish_of_old,1.0,9.0,9.0\nrelu,1.0,1.0,1.0\n"
    Path("results/synthetic/stats/activations.csv").write_text(table)
    assert audit("--json") == 0
    unchecked = json.loads(capsys.readouterr().out)["unchecked"]
    assert "activations: swish_of_old: the audit has no formula of it" in unchecked
    assert {"boundaries", "exact", "notes"} <= {line.partition(":")[0] for line in unchecked}


def test_formulas_are_those_of_other_libraries() -> None:
    """Student's t, written out here, equals scipy's."""
    assert two_sided(2.3, 4) == pytest.approx(2 * student.sf(2.3, 4), rel=1e-5)
    assert student95(4) == pytest.approx(student.ppf(0.975, 4), rel=1e-4)


GOOD = "name,mean,sd,n,p,d,low,high\na,2.00,1.00,25,0.0000,2.00,1.59,2.41\n"


def test_a_table_that_agrees_with_itself_is_clean(tmp_path: Path) -> None:
    """Mean, deviation, n, p, d and interval that belong together raise no flag; empty cells are left alone."""
    path = tmp_path / "table.csv"
    path.write_text(GOOD + "b,0.10,1.00,25,0.6217,0.10,-0.31,0.51\nc,1.0,,,,,,\n")
    assert audit_summary(path) == (3, [], ["columns name", "line 4: nothing in it to compare"])
    rows = ["2.00,1.00,25,<0.001,2.00,,", "0.50,1.00,25,<0.05,0.50,0.09,0.91", "0.50,,,<0.10,,0.09,0.91"]
    rows += ["0.50,0.00,3,0.000,,,", "0.00,0.00,3,,0.00,0.00,0.00", "0.50,1.00,25,,,0.15,1.00"]
    path.write_text("\n".join(["Mean,SD,n,p,d,low,high", *rows]))
    assert audit_summary(path) == (len(rows), [], [])


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("2.00,1.00,25,,,2.10,2.90", "mean 2 lies outside its interval 2.1 to 2.9"),
        ("2.00,1.00,25,,,1.00,3.00", "interval reaches 1 either way, sd and n give 0.413"),
        ("0.50,1.00,25,0.2000,,0.09,0.91", "p 0.2 and an interval 0.09 to 0.91 that excludes 0 disagree"),
        ("2.00,1.00,25,,,2.01,2.41", "mean 2 lies outside its interval 2.01 to 2.41"),
        ("2.00,,,,,2.50,", "mean 2 lies outside its interval 2.5 to …"),
        ("2.00,,,,,,1.50", "mean 2 lies outside its interval … to 1.5"),
        ("0.50,1.00,25,,,0.30,1.10", "mean 0.5 is far from the middle of its interval, 0.7"),
        ("2.00,1.00,25,,1.50,,", "d 1.5 is not mean / sd, 2 / 1"),
        ("2.00,0.00,25,,0.10,,", "d 0.1 is not mean / sd, 2 / 0"),
        ("2.00,,,,-1.50,,", "mean 2 and d -1.5 have different signs"),
        ("0.10,1.00,25,0.0300,,,", "p 0.03 is not that of mean, sd and n, 0.603 to 0.641"),
        ("0.10,1.00,25,<0.001,,,", "p <0.001 is not that of mean, sd and n, 0.603 to 0.641"),
        ("2.00,0.00,25,0.9000,,,", "p 0.9 is not that of mean, sd and n, 0 to "),
        (",,25,0.9000,2.00,,", "p 0.9 is not that of d and n, "),
        ("2.00,1.00,1,0.0100,,,", "p 0.01 of one number, which has none"),
        ("2.00,-1.00,25,,,,", "sd -1 is negative"),
        ("2.00,1.00,25,1.2,,,", "p 1.2 is outside"),
        ("2.00,1.00,2.5,,,,", "n 2.5 is not a whole number"),
        ("2.00,,,,,3.0,1.0", "upside down"),
        (",,,,,2.01,2.00", "upside down"),
        ("3.45,,20,,,,", ""),
        ("3.47,,20,,,,", "mean 3.47 of 20 whole numbers is impossible"),
    ],
)
def test_a_row_that_contradicts_itself_is_named(row: str, problem: str, tmp_path: Path) -> None:
    """Each kind of contradiction has its line, with the number of the row in the file."""
    path = tmp_path / "table.csv"
    path.write_text(f"mean,sd,n,p,d,low,high\n{row}\n")
    found = audit_summary(path, whole=True)[1]
    if problem:
        assert any(line.startswith("line 2: ") and problem in line for line in found), found
    else:
        assert found == []


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    """Blank lines, a cell of two lines, short rows and the mark of a spreadsheet's UTF-8 change no number of a line."""
    path = tmp_path / "table.csv"
    path.write_text('\n\ufeffname,mean,sd\n\n"a\nb",1,2\nc\n\n,,\nd,1,-2\n'[1:], encoding="utf-8")
    n_rows, problems, unchecked = audit_summary(path)
    assert (n_rows, problems) == (3, ["line 8: sd -2 is negative"])
    assert unchecked[1:] == ["line 4: nothing in it to compare", "line 5: nothing in it to compare"]


def test_a_bad_table_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file, no known column, a word where a number belongs, and neither config nor table."""
    path = tmp_path / "table.csv"
    with pytest.raises(ConfigError, match="cannot be read"):
        audit_summary(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="none of the columns"):
        audit_summary(path)
    for text, problem in {
        "mean\nmuch\n": "line 2, mean: 'much' is not a number",
        "mean\n-inf\n": "line 2, mean: '-inf' is not a finite number",
        "mean,Mean\n1,2\n": "has the column mean twice",
        "mean\n1,2\n": "cannot be read as CSV: line 2 has more than 1 cells",
        "\n\n": "it is empty",
        'mean\n"1': "cannot be read as CSV: unexpected end of data",
        "mean\n\xe9\n": "cannot be read as CSV",
    }.items():
        path.write_text(text, encoding="latin-1")
        with pytest.raises(ConfigError, match=problem):
            audit_summary(path)
    assert main(["audit"]) == 2
    assert main(["audit", "--summary", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 2

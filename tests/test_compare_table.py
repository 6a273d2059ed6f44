"""The comparison of treatments in anybody's table: fields, Holm, verdicts, thin and odd tables, the verb."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon
from statsmodels.stats.multitest import multipletests

from actbench.analysis.compare_table import compare_treatments
from actbench.analysis.outside_table import OutsideTable
from actbench.shell.cli import main
from demsar import AUC, NAMES, long_rows


def table(values: object, names: tuple[str, ...] = ("a", "b", "c")) -> OutsideTable:
    """Make a table from rows of blocks."""
    frame = pd.DataFrame(values, columns=list(names), dtype=float)
    return OutsideTable(frame, frame.size, 0, int(frame.isna().to_numpy().sum()), 0)


def noise(n: int, shift: tuple[float, ...] = (0.0, 0.0, 0.0), scale: float = 1.0) -> OutsideTable:
    """Make a table of noise with shifted treatments."""
    return table(scale * np.random.default_rng(4).standard_normal((n, len(shift))) + np.array(shift))


def test_the_published_example_through_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verb reads Demšar's table and prints his numbers; pairs are adjusted together."""
    path = tmp_path / "auc.csv"
    path.write_text("classifier,set,auc\n" + "".join(f"{t},{b},{v}\n" for t, b, v in long_rows()))
    words = ["compare", str(path), "--treatment", "classifier", "--block", "set", "--value", "auc"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert round(found["friedman_chi2"], 2) == 9.28
    assert round(found["iman_davenport_f"], 2) == 3.69
    assert found["iman_davenport_df"] == [3, 39]
    assert round(found["critical_difference"], 2) == 1.25
    assert found["mean_ranks"]["C4.5+m"] == 2.0
    assert len(found["pairs"]) == 6
    expected = wilcoxon(*(np.array(AUC)[:, NAMES.index(name)].round(3) for name in ("C4.5", "C4.5+m"))).pvalue
    assert found["pairs"][1]["p"] == pytest.approx(expected)
    adjusted = multipletests([pair["p"] for pair in found["pairs"]], method="holm")[1]
    assert [pair["p_adjusted"] for pair in found["pairs"]] == pytest.approx(list(adjusted))
    assert main(words) == 0
    assert "Friedman chi2 9.279, p 0.02581; Iman-Davenport F 3.686" in capsys.readouterr().out


def test_planted_differences_get_their_verdicts() -> None:
    """A shift is found with sign and size; with lower_is_better the other treatment is named."""
    found = compare_treatments(noise(30, (0.0, 3.0, 0.0)))
    pair = found["pairs"][0]
    assert (pair["first"], pair["second"], pair["verdict"]) == ("a", "b", "b")
    assert pair["low"] < pair["effect"] < pair["high"] < 0
    assert pair["effect"] == pytest.approx(-3, abs=0.6)
    assert found["pairs"][1]["verdict"] == "undecided"
    turned = compare_treatments(noise(30, (0.0, 3.0, 0.0)), lower_is_better=True)
    assert turned["pairs"][0]["verdict"] == "a"
    assert turned["pairs"][0]["wins"] == pair["losses"]
    assert turned["pairs"][0]["effect"] == pair["effect"]


def test_no_difference_is_said_only_within_a_margin() -> None:
    """An interval inside the margin is equivalence; without a margin, or with a wide interval, nothing is said."""
    quiet = noise(30, scale=0.001)
    assert {pair["verdict"] for pair in compare_treatments(quiet, margin=0.01)["pairs"]} == {"equivalent"}
    assert {pair["verdict"] for pair in compare_treatments(quiet)["pairs"]} == {"undecided"}
    assert {pair["verdict"] for pair in compare_treatments(noise(30), margin=0.01)["pairs"]} == {"undecided"}


def test_what_is_called_equivalent_states_its_margin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text for people names the margin beside the word, as the JSON does."""
    rows = [
        f"{name},{block},{0.5 + 0.001 * ((block * 7 + place) % 3)}"
        for block in range(9)
        for place, name in enumerate("xy")
    ]
    (tmp_path / "x.csv").write_text("t,b,v\n" + "\n".join(rows))
    words = ["compare", str(tmp_path / "x.csv"), "--treatment", "t", "--block", "b", "--value", "v"]
    assert main([*words, "--margin", "0.02"]) == 0
    assert ": equivalent within ±0.02" in capsys.readouterr().out
    assert main(words) == 0
    assert "±" not in capsys.readouterr().out


def test_incomplete_blocks_count_in_the_pairs_that_they_hold() -> None:
    """Friedman takes complete blocks; a pair takes every block with both; what was left out is named."""
    rows = np.random.default_rng(1).standard_normal((10, 3))
    rows[0, 2] = rows[1, 2] = np.nan
    found = compare_treatments(table(rows))
    assert (found["n_blocks"], found["n_complete_blocks"], found["incomplete_blocks"]) == (10, 8, ["0", "1"])
    assert [pair["n_blocks"] for pair in found["pairs"]] == [10, 8, 8]
    assert "2 incomplete blocks count only in pairs that they hold" in found["notes"]
    assert found["friedman_chi2"] == pytest.approx(compare_treatments(table(rows[2:]))["friedman_chi2"])


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([[1, 2, 3]], "friedman: n too small, 1 complete blocks"),
        ([[1, 1, 1]] * 7, "friedman_chi2_ties: not estimable, constant values"),
        ([[1, 2, 3]] * 7, "iman_davenport_f: infinite, every block orders the treatments alike"),
        ([[1, np.nan, np.nan], [np.nan, 2, np.nan], [np.nan, np.nan, 3]], "friedman: n too small, 0 complete blocks"),
        ([[1, 2, np.nan]] * 7, "friedman: n too small, 0 complete blocks"),
    ],
)
def test_thin_and_odd_tables_are_answered_with_notes(values: list[list[float]], note: str) -> None:
    """What cannot be computed is null with its reason, the rest goes on, and JSON holds no nan."""
    found = compare_treatments(table(values), margin=0.5)
    assert note in found["notes"]
    assert len(found["pairs"]) == 3
    json.dumps(found, allow_nan=False)


def test_two_treatments_are_enough(capsys: pytest.CaptureFixture[str]) -> None:
    """With two treatments Friedman's test is the sign test's normal form and the pair is compared."""
    rows = np.random.default_rng(2).standard_normal((12, 2)) + np.array([0, 1.0])
    found = compare_treatments(table(rows, ("a", "b")))
    wins = np.sum(rows[:, 0] > rows[:, 1])
    assert found["friedman_chi2"] == pytest.approx((2 * wins - 12) ** 2 / 12)
    assert len(found["pairs"]) == 1


def test_many_blocks_take_the_inverted_test() -> None:
    """A thousand blocks have an interval from the signed-rank test around the planted shift."""
    found = compare_treatments(noise(1000, (0.0, 0.5, 0.5)))
    pair = found["pairs"][0]
    assert pair["interval"] == "wilcoxon"
    assert -0.7 < pair["low"] < pair["effect"] < pair["high"] < -0.3


def test_the_order_of_rows_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same measurements in another order give the same bytes."""
    rows = [f"{t},{b},{v}\n" for t, b, v in long_rows()]
    answers = []
    for order in (rows, rows[::-1]):
        (tmp_path / "auc.csv").write_text("t,b,v\n" + "".join(order))
        main(["compare", str(tmp_path / "auc.csv"), "--treatment", "t", "--block", "b", "--value", "v", "--json"])
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--value", "nope"], "has no column 'nope'"),
        (["--value", "v", "--margin", "-1"], "--margin: -1.0 is not above 0"),
        (["--value", "v", "--margin", "nan"], "--margin: nan is not above 0"),
    ],
)
def test_bad_words_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], problem: str
) -> None:
    """Bad input is one line on standard error and exit code 2."""
    (tmp_path / "x.csv").write_text("t,b,v\nx,1,1\ny,1,2\n")
    assert main(["compare", str(tmp_path / "x.csv"), "--treatment", "t", "--block", "b", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert problem in captured.err

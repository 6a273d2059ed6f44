"""Quotable numbers are the statistics' own, each under a name of its own."""

from pathlib import Path

import pandas as pd
import pytest

from actbench.analysis.numbers import FAMILIES, _numbers, find_number, macro, quotable_numbers
from actbench.analysis.statistic_file import read_statistic
from actbench.plan.config import Config, load_config
from actbench.plan.errors import ConfigError
from actbench.plan.sources import figure_names
from actbench.show.contract import declaration
from actbench.show.figure_file import load_source
from actbench.show.inputs import read_inputs
from drawn import draw_from


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Path, pd.DataFrame]:
    """Make statistics once: config, folder of results, numbers."""
    folder = tmp_path_factory.mktemp("numbers")
    config = load_config(draw_from(folder))
    return config, folder / "results", quotable_numbers(config, folder / "results")


def test_every_number_stands_in_the_row_that_it_names(made: tuple[Config, Path, pd.DataFrame]) -> None:
    """The pandas query of a number finds one row of its statistic, and there the value and the interval."""
    config, results, numbers = made
    assert set(numbers["name"].str.split("/").str[0]) == set(FAMILIES)
    for number in numbers.to_dict("records"):
        family = FAMILIES[number["name"].split("/")[0]]
        assert number["statistic"].endswith(f"/stats/{family.statistic}.csv")
        (row,) = read_statistic(config, family.statistic, results).query(number["rows"]).to_dict("records")
        assert number["value"] == row[family.value]
        if family.low:
            assert (number["low"], number["high"]) == (row[family.low], row[family.high])
        else:
            assert pd.isna(number["low"])
            assert pd.isna(number["high"])


def test_numbers_have_a_name_and_a_macro_of_their_own(made: tuple[Config, Path, pd.DataFrame]) -> None:
    """No two share either, a macro is letters alone, and both find the number."""
    numbers = made[2]
    assert numbers["name"].is_unique
    assert numbers["macro"].str.fullmatch(r"[A-Za-z]+").all()
    assert find_number(numbers, "rank/main/relu")["macro"] == "RankMainRelu"
    assert find_number(numbers, "\\RankMainRelu")["name"] == "rank/main/relu"
    with pytest.raises(ConfigError, match=r"cite: no number 'rank/main/rel'; did you mean .*rank/main/relu"):
        find_number(numbers, "rank/main/rel")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("accuracy", "main", "relu", "16"), "AccuracyMainReluAtOneSix"),
        (("rank", "main", "leaky_relu(0.2)"), "RankMainLeakyReluZeroPointTwo"),
        (("rank", "a-b", "relu"), "RankAMinusBRelu"),
    ],
)
def test_digits_are_spelled(words: tuple[str, ...], expected: str) -> None:
    """TeX takes letters only, so digits, points and signs become words."""
    assert macro(*words) == expected


def test_a_figure_is_named_where_it_draws_the_number(made: tuple[Config, Path, pd.DataFrame]) -> None:
    """What a number says of its figure and of the main table is so: its value stands in the numbers that they show."""
    config, results, numbers = made
    columns = {"rank": "rank", "score": "score", "failure_rate": "failure_rate", "accuracy": "score"}
    for row in numbers[numbers["figure"] != ""].itertuples():
        family, _, activation, *depth = row.name.split("/")
        declared = declaration(row.figure)
        drawn = load_source(row.figure).data(read_inputs(config, declared.tables, declared.stats, results))
        own = drawn[drawn["activation"] == activation]
        own = own[own["depth"] == int(depth[0])] if depth else own
        assert own[columns[family]].tolist() == pytest.approx([row.value])
    tabled = numbers[numbers["tabled"]]["name"].str.split("/").str[0]
    assert set(tabled) == {"rank", "score", "failure_rate", "difference"}
    assert set(numbers.loc[numbers["name"].str.startswith("trained_share"), "figure"]) == {""}


def test_numbers_of_a_smaller_study_are_in_no_figure() -> None:
    """Figures draw the study with the most runs: numbers of another one name none, and stand not in the main table."""
    studies = pd.DataFrame({"study": ["small", "large"], "n_runs": [4, 8]})
    frame = pd.DataFrame({"study": ["small", "large"], "activation": "relu", "rank": [1.0, 2.0]})
    numbers = _numbers("rank", FAMILIES["rank"], frame, studies)
    assert numbers["figure"].tolist() == ["", "activation_ranking"]
    assert numbers["tabled"].tolist() == [False, True]


def test_the_figures_that_are_named_exist() -> None:
    """A family names a figure of the project, or none."""
    assert {family.figure for family in FAMILIES.values() if family.figure} <= set(figure_names())

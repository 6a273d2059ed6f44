"""The second derivation of the statistics: clean on what was printed, and no column in which a wrong number hides."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from actbench.analysis.statistic_file import stats_path
from actbench.analysis.statistics import write_statistics
from actbench.analysis.stats_schema import STATS
from actbench.audit import printed_statistics
from actbench.audit.printed_statistics import STATISTICS, Statistic, audit_statistic
from actbench.audit.raw_rows import Raw, read_printed, read_raw
from actbench.plan.config import Levels
from drawn import fake_costs
from synthetic import make_config, write_results

LEVELS = {"activation": ("relu", "tanh", "gelu"), "norm": ("none", "layernorm"), "seed": (0, 1, 2, 3, 4)}
RESAMPLED = {"first_share", "rank_low", "rank_high"}
TEXTS = {"note", "question"}  # said not to be checked


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results of three activations with two norms, two rates and five seeds."""
    folder, config = tmp_path_factory.mktemp("results"), make_config(**LEVELS)  # type: ignore[arg-type]
    write_results(config, folder)
    stats_path(config.name, "cost", folder).parent.mkdir()
    fake_costs(list(LEVELS["activation"]), rounds=10).to_csv(stats_path(config.name, "cost", folder), index=False)
    write_statistics(config, folder)
    return folder


@pytest.fixture(scope="module")
def raw(results: Path) -> Raw:
    """Read the raw rows."""
    return read_raw(results / "synthetic" / "tables")


@pytest.fixture(scope="module", autouse=True)
def derived_once() -> Iterator[None]:
    """Derive each statistic once for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        for name, statistic in STATISTICS.items():
            patch.setitem(printed_statistics.STATISTICS, name, replace(statistic, derive=_kept(statistic)))
        yield


def _kept(statistic: Statistic) -> Any:
    listed = cache(lambda raw, study: list(statistic.derive(raw, study)))
    return lambda raw, study: iter(listed(raw, study))


def printed(results: Path, name: str) -> pd.DataFrame:
    """Read what was printed."""
    return read_printed(stats_path("synthetic", name, results))


def words() -> list[tuple[str, str]]:
    """Return every column of words that is derived: verdicts, bars, references, directions, kinds and families."""
    known = {name: {"study", *STATISTICS[name].keys, *TEXTS} for name in STATISTICS}
    return [
        (name, c.name) for name in STATISTICS for c in STATS[name] if c.dtype == "string" and c.name not in known[name]
    ]


def columns() -> list[tuple[str, str]]:
    """Return every column of numbers of every statistic that is compared row by row."""
    return [(name, column.name) for name in STATISTICS for column in STATS[name] if column.dtype != "string"]


def test_every_statistic_has_an_audit() -> None:
    """A new statistic needs a second derivation before its numbers may be printed."""
    assert set(STATS) == set(STATISTICS)


@pytest.mark.parametrize("name", STATISTICS)
def test_what_was_printed_is_clean(name: str, results: Path, raw: Raw) -> None:
    """Every number of an untouched statistic is the one that raw rows give."""
    compared, problems = audit_statistic(raw, name, printed(results, name))
    assert problems == []
    assert compared >= len(printed(results, name))


UNBALANCED: dict[str, tuple[Levels, ...]] = {
    "an activation without a run": ({"activation": ("gelu",)},),
    "a rate of one activation alone": ({"activation": ("tanh",), "lr": (0.02,)},),
    "no cell with every seed": ({"depth": (2,), "seed": (0,)}, {"depth": (8,), "seed": (4,)}),
}


@pytest.mark.parametrize("exclude", UNBALANCED.values(), ids=UNBALANCED)
def test_unbalanced_designs_are_clean(exclude: tuple[Levels, ...], tmp_path: Path) -> None:
    """Whatever a study leaves out, every statistic is written, and raw rows give its numbers."""
    config = make_config(**LEVELS)  # type: ignore[arg-type]
    config = replace(config, studies=(replace(config.studies[0], exclude=exclude),))
    write_results(config, tmp_path, steps_recorded=2)
    write_statistics(config, tmp_path)
    rows = read_raw(tmp_path / "synthetic" / "tables")
    assert [line for name in STATISTICS for line in audit_statistic(rows, name, printed(tmp_path, name))[1]] == []


def test_scores_that_hardly_differ_are_clean(tmp_path: Path) -> None:
    """Shares of a variance that is tiny beside the mean do not drown in rounding."""
    config = make_config(depth=(2,), lr=(0.02,), seed=(0, 1))
    write_results(config, tmp_path, effects={}, noise=1e-6, steps_recorded=1)
    write_statistics(config, tmp_path)
    rows = read_raw(tmp_path / "synthetic" / "tables")
    assert audit_statistic(rows, "factor_effects", printed(tmp_path, "factor_effects"))[1] == []


@pytest.mark.parametrize(("name", "column"), columns())
def test_a_wrong_number_is_found_in_every_column(name: str, column: str, results: Path, raw: Raw) -> None:
    """A number changed in its fourth digit, or an interval that ends far from where resamples do, is named."""
    table = printed(results, name)
    values = table[column].astype("float64").to_numpy(copy=True)
    known = np.flatnonzero(np.isfinite(values))
    place = int(known[0]) if len(known) else 0
    value = values[place] if len(known) else 0.0
    far = column.rpartition("_")[2] in ("low", "high") or column in RESAMPLED
    values[place] = value + 0.4 + abs(value) if far else value * 1.0005 + 0.0005
    problems = audit_statistic(raw, name, table.assign(**{column: values}))[1]
    assert problems
    assert all(line.startswith(f"{name}: main") for line in problems)


@pytest.mark.parametrize(("name", "column"), words())
def test_a_wrong_word_is_found(name: str, column: str, results: Path, raw: Raw) -> None:
    """Verdicts, bars of a diagram, kinds of intervals and families of tests are derived too, in every row."""
    table = printed(results, name)
    problems = audit_statistic(raw, name, table.assign(**{column: "9"}))[1]
    if column == "interval" and not any("interval is" in line for line in problems):
        assert sum("low is" in line for line in problems) == len(table)
    else:
        assert sum(f"{column} is '9', raw rows give" in line for line in problems) == len(table)


def test_a_number_where_none_belongs_is_found(results: Path, raw: Raw) -> None:
    """A cell that is empty is empty in the second derivation too."""
    tried, hidden = 0, []
    for name, column in columns():
        table = printed(results, name)
        values = table[column].astype("float64").to_numpy(copy=True)
        for place in np.flatnonzero(np.isnan(values))[:1]:
            values[place] = 0.3
            tried += 1
            found = audit_statistic(raw, name, table.assign(**{column: values}))[1]
            hidden += [] if found else [(name, column)]
    assert tried > 10
    assert hidden == []


def test_without_the_reference_nothing_is_compared(tmp_path: Path) -> None:
    """Rows of activations that have no reference beside them are empty, and a number there is found."""
    config = make_config(activation=("tanh", "gelu"), seed=(0, 1))
    write_results(config, tmp_path)
    write_statistics(config, tmp_path)
    own, table = read_raw(tmp_path / "synthetic" / "tables"), printed(tmp_path, "comparisons")
    assert audit_statistic(own, "comparisons", table)[1] == []
    for column in table.select_dtypes("number").columns.drop("depth"):
        values = table[column].fillna(0.0) + 0.3
        assert audit_statistic(own, "comparisons", table.assign(**{str(column): values}))[1], column


def test_intervals_from_drawn_resamples_are_held_to_their_error(tmp_path: Path) -> None:
    """With nine seeds, whose multisets are too many to list, ends agree within the error of both draws, no farther."""
    config = make_config(activation=("relu", "tanh"), init=("he_normal",), seed=tuple(range(9)))
    write_results(config, tmp_path)
    write_statistics(config, tmp_path)
    own = read_raw(tmp_path / "synthetic" / "tables")
    for name in ("conditions", "by_depth", "ranking", "comparisons", "simple_effects", "curves", "pairs"):
        table = printed(tmp_path, name)
        assert audit_statistic(own, name, table)[1] == [], name
        wide = table.assign(high=table["high"] + 0.6 * (table["high"] - table["low"]) + 0.01)
        assert audit_statistic(own, name, wide)[1], name


def test_rows_too_few_and_too_many_are_found(results: Path, raw: Raw) -> None:
    """A row that is gone, one that stands there twice and one of no study of the config."""
    table = printed(results, "by_depth")
    assert "no such row" in " ".join(audit_statistic(raw, "by_depth", table.iloc[1:])[1])
    assert "1 rows more" in " ".join(audit_statistic(raw, "by_depth", pd.concat([table, table.iloc[:1]]))[1])
    other = pd.concat([table, table.iloc[:1].assign(study="of_old")])
    assert "study of_old: raw rows have no such study" in " ".join(audit_statistic(raw, "by_depth", other)[1])

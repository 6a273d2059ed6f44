"""Reading few rows of a large table, and counting runs, a row group at a time."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from actbench.analysis import shard_file, table_file
from actbench.analysis.row_groups import (
    Filter,
    count_runs,
    in_levels,
    in_words,
    iterate_rows_of,
    read_rows,
)
from actbench.analysis.tables import read_table, table_path
from actbench.plan.checksums import checksum_path
from actbench.plan.errors import ConfigError
from actbench.plan.factors import FACTORS
from synthetic import make_config, write_results

CONFIG = make_config(seed=(0, 1))
COLUMNS = ["run_key", "layer", "step", "diagnostic", "value"]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return results whose tables have many row groups."""
    monkeypatch.setattr(table_file, "GROUP_ROWS", 500)
    monkeypatch.setattr(shard_file, "RUNS_AT_ONCE", 2)
    write_results(CONFIG, tmp_path, steps_recorded=3)
    assert pq.ParquetFile(table_path(CONFIG.name, "layers", tmp_path)).num_row_groups > 5
    return tmp_path


@pytest.mark.parametrize(
    "filters",
    [
        [],
        [("layer", ">", 3)],
        [("diagnostic", "==", "gradient_norm"), ("step", "in", [0, 500])],
        [("step", "==", 0), ("layer", ">", 0), ("diagnostic", "in", ["zero_fraction"])],
        [("diagnostic", "==", "no such thing")],
        [("layer", ">", 1000)],
    ],
)
def test_the_rows_are_those_of_the_whole_table(results: Path, filters: list[Filter]) -> None:
    """What is read row group by row group is what pyarrow reads at once, but for words, which are categories."""
    expected = read_table(CONFIG, "layers", COLUMNS, filters or None, results)
    found = read_rows(CONFIG, "layers", COLUMNS, filters, results)
    assert isinstance(found["run_key"].dtype, pd.CategoricalDtype)
    pd.testing.assert_frame_equal(found.astype({"run_key": "str", "diagnostic": "str"}), expected)


def test_rows_of_some_runs(results: Path) -> None:
    """A filter by run keys leaves the rows of just these runs."""
    keys = read_table(CONFIG, "runs", ["run_key"], results=results)["run_key"].iloc[[1, 17]].tolist()
    found = read_rows(CONFIG, "curves", ["run_key", "accuracy"], [("run_key", "in", keys)], results)
    everything = read_table(CONFIG, "curves", results=results)
    assert len(found) == everything["run_key"].isin(keys).sum() > 0
    assert set(found["run_key"]) == set(keys)


def test_runs_of_a_table_written_anew_are_found(results: Path) -> None:
    """What is known of one table's row groups does not hold for the next one at its path."""
    keys = read_table(CONFIG, "runs", ["run_key"], results=results)["run_key"].iloc[[0, -1]].tolist()
    filters: list[Filter] = [("run_key", "in", keys)]
    before = read_rows(CONFIG, "curves", ["run_key", "step"], filters, results)
    path = table_path(CONFIG.name, "curves", results)
    whole = pq.read_table(path)
    checksum_path(path).unlink()
    pq.write_table(whole.take(list(range(whole.num_rows))[::-1]), path, row_group_size=40)
    after = read_rows(CONFIG, "curves", ["run_key", "step"], filters, results)
    assert after["run_key"].tolist() == before["run_key"].tolist()[::-1]


def test_levels_of_parts_stand_in_the_order_of_their_names(results: Path) -> None:
    """Rows of each activation have the levels of the whole config by name, so that joined they sort as words do."""
    parts = [
        in_levels(read_rows(CONFIG, "runs", ["run_key", *FACTORS], [("activation", "==", name)], results), CONFIG)
        for name in ("tanh", "gelu", "relu")
    ]
    named = [name for name, factor in FACTORS.items() if factor.kind == "level"]
    assert all(part[name].cat.categories.tolist() == CONFIG.names(name) for part in parts for name in named)
    joined = pd.concat(parts, ignore_index=True)
    assert (joined[named].dtypes == "category").all()
    order = [*named, "run_key"]
    words = joined.astype(dict.fromkeys(named, "str"))
    pd.testing.assert_frame_equal(
        joined.sort_values(order).astype(dict.fromkeys(named, "str")), words.sort_values(order)
    )
    assert joined[named].notna().all(axis=None)


def test_rows_of_the_groups_that_hold_some_runs(results: Path) -> None:
    """All rows of these runs come, once each, and not the whole table."""
    whole = read_table(CONFIG, "layers", results=results)
    keys = sorted(whole["run_key"].unique())[3:5]
    found = in_words(pd.concat(iterate_rows_of(CONFIG, "layers", COLUMNS, keys, results), ignore_index=True))
    assert len(found) < len(whole)
    kept = found[found["run_key"].isin(keys)].reset_index(drop=True)
    expected = whole.loc[whole["run_key"].isin(keys), COLUMNS].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, expected)


def test_counts_and_sums_are_those_of_the_whole_table(results: Path) -> None:
    """Runs counted and seconds added up part by part are those of the whole table, in the order of the columns."""
    runs = read_table(CONFIG, "runs", results=results)
    grouped = runs.groupby(["status", "seed"], as_index=False)
    expected = grouped.agg(seconds=("seconds", "sum"), n_runs=("run_key", "size"))
    pd.testing.assert_frame_equal(count_runs(CONFIG, ["status", "seed"], ["seconds"], results), expected)


def test_a_table_of_another_config_is_refused(results: Path) -> None:
    """Both compare the config that the table was made from with the one at hand."""
    other = make_config(seed=(0,))
    with pytest.raises(ConfigError, match="another config"):
        read_rows(other, "curves", ["step"], [], results)
    with pytest.raises(ConfigError, match="another config"):
        count_runs(other, ["status"], results=results)

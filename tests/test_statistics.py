"""All statistics together: types, files, order of rows, thin designs, time."""

import time
from pathlib import Path

import pandas as pd
import pytest

from actbench.analysis.statistic_file import read_statistic, stats_path
from actbench.analysis.statistics import NEEDED, compute_statistics, write_statistics
from actbench.analysis.stats_schema import OF_LAYERS, STATS
from actbench.analysis.tables import write_tables
from actbench.plan.config import Config
from actbench.plan.design import expand
from actbench.plan.errors import ConfigError
from actbench.plan.sources import KINDS
from pace import slowness
from synthetic import EFFECTS, fake_frames, make_config, make_study, write_results, write_shards

CONFIG = make_config(norm=("none", "layernorm"))


def _dtype(name: str, nullable: bool) -> str:
    return {"string": "str", "int64": "Int64" if nullable else "int64"}.get(name, name)


def _check_types(frames: dict[str, pd.DataFrame]) -> None:
    for name, columns in STATS.items():
        expected = {column.name: _dtype(column.dtype, column.nullable) for column in columns}
        assert {column: str(dtype) for column, dtype in frames[name].dtypes.items()} == expected
        required = [column.name for column in columns if not column.nullable]
        assert frames[name][required].notna().all(axis=None), name


def test_every_statistic_has_its_columns_and_types() -> None:
    """The frames are as stats_schema says, and only nullable columns have nulls."""
    frames = fake_frames(expand(CONFIG), steps_recorded=1)
    _check_types(compute_statistics(CONFIG, frames))


def test_the_order_of_the_tables_does_not_matter() -> None:
    """Shuffled tables give the same numbers to the last bit."""
    frames = fake_frames(expand(CONFIG), steps_recorded=1)
    first = compute_statistics(CONFIG, frames)
    again = compute_statistics(CONFIG, {name: frame.sample(frac=1, random_state=1) for name, frame in frames.items()})
    for name, frame in first.items():
        pd.testing.assert_frame_equal(again[name], frame, check_exact=True)


def test_a_study_does_not_depend_on_the_others() -> None:
    """Adding a study leaves every row of the first one as it was."""
    study = make_study("main", "?", activation=("relu", "tanh"), depth=(2, 8), lr=(0.02, 0.1), seed=(0, 1, 2))
    other = make_study("zz", "?", activation=("relu", "tanh", "gelu"), init=("he_normal", "x"), seed=(0, 1))
    both = Config("x", "", 60, (study, other))
    frames = fake_frames(expand(both), steps_recorded=1)
    one = Config("x", "", 60, (study,))
    members = frames["studies"].query("study == 'main'")
    runs = frames["runs"][frames["runs"]["run_key"].isin(members["run_key"])]
    alone = compute_statistics(one, {**frames, "runs": runs, "studies": members})
    together = compute_statistics(both, frames)
    for name, frame in alone.items():
        kept = together[name][together[name]["study"] == "main"].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, frame, rtol=1e-10)


@pytest.mark.parametrize(
    "levels",
    [
        {"seed": (0,)},
        {"activation": ("relu",)},
        {"activation": ("tanh",), "seed": (3,)},
        {"activation": ("tanh", "gelu")},
        {"lr": (0.1,), "depth": (8,), "init": ("he_normal",), "norm": ("none",)},
    ],
)
def test_thin_designs_do_not_crash(levels: dict[str, tuple[object, ...]]) -> None:
    """One seed, one activation, no ReLU, or every run failed: all statistics are there, in their types."""
    config = make_config(**levels)  # type: ignore[arg-type]
    frames = fake_frames(expand(config), steps_recorded=1)
    found = compute_statistics(config, frames)
    _check_types(found)
    assert len(found["conditions"]) == found["studies"]["n_conditions"].sum()


def test_files_are_read_back_as_they_were_computed(tmp_path: Path) -> None:
    """CSV files keep names, types, missing values and ten digits; the same tables give the same bytes."""
    frames = write_results(CONFIG, tmp_path, steps_recorded=1)
    rows = write_statistics(CONFIG, tmp_path)
    computed = compute_statistics(CONFIG, frames)
    first = {name: stats_path(CONFIG.name, name, tmp_path).read_bytes() for name in STATS}
    for name, frame in computed.items():
        assert rows[name] == len(frame)
        pd.testing.assert_frame_equal(read_statistic(CONFIG, name, tmp_path), frame, rtol=1e-9)
    write_statistics(CONFIG, tmp_path)
    assert {name: stats_path(CONFIG.name, name, tmp_path).read_bytes() for name in STATS} == first
    assert len(list((tmp_path / CONFIG.name / "stats").glob("[!.]*"))) == len(STATS)


def test_two_halves_are_the_whole(tmp_path: Path) -> None:
    """The statistics of scores and those of layers, written apart, have the bytes of all written together."""
    write_results(CONFIG, tmp_path, steps_recorded=1)
    write_statistics(CONFIG, tmp_path)
    together = {name: stats_path(CONFIG.name, name, tmp_path).read_bytes() for name in STATS}
    for name in STATS:
        stats_path(CONFIG.name, name, tmp_path).unlink()
    halves = [write_statistics(CONFIG, tmp_path, kinds=[kind]) for kind in KINDS]
    assert set(halves[1]) == set(OF_LAYERS)
    assert {*halves[0], *halves[1]} == set(STATS)
    assert not halves[0].keys() & halves[1].keys()
    assert {name: stats_path(CONFIG.name, name, tmp_path).read_bytes() for name in STATS} == together


def test_statistics_of_other_runs_are_refused(tmp_path: Path) -> None:
    """Once the tables hold other runs, statistics and figures of the former ones are not used, but made anew."""
    frames = write_results(CONFIG, tmp_path, steps_recorded=1)
    write_statistics(CONFIG, tmp_path)
    write_shards(expand(CONFIG), {**frames, "runs": frames["runs"].assign(seconds=9.0)}, tmp_path)
    write_tables(expand(CONFIG), tmp_path)
    with pytest.raises(ConfigError, match=r"ranking.csv: made from another runs.parquet .* run `actbench stats`"):
        read_statistic(CONFIG, "ranking", tmp_path)
    write_statistics(CONFIG, tmp_path)
    assert len(read_statistic(CONFIG, "ranking", tmp_path))


def test_an_empty_statistic_is_a_file_with_its_header(tmp_path: Path) -> None:
    """With ReLU alone there is nothing to compare: the file has its columns and no row, and is read back."""
    config = make_config(activation=("relu",))
    write_results(config, tmp_path)
    assert write_statistics(config, tmp_path)["comparisons"] == 0
    assert list(read_statistic(config, "comparisons", tmp_path)) == [column.name for column in STATS["comparisons"]]


def test_the_needed_columns_suffice() -> None:
    """The statistics read no other column of the runs than those that are asked for."""
    frames = fake_frames(expand(CONFIG), steps_recorded=1)
    compute_statistics(CONFIG, {**frames, "runs": frames["runs"][NEEDED]})


def test_absent_and_foreign_files_are_named(tmp_path: Path) -> None:
    """An absent file, an unknown name and other columns are each one line with the remedy."""
    with pytest.raises(ConfigError, match="no such file; run `actbench stats`"):
        read_statistic(CONFIG, "ranking", tmp_path)
    with pytest.raises(ConfigError, match="unknown statistic 'rank'; did you mean ranking"):
        read_statistic(CONFIG, "rank", tmp_path)
    path = stats_path(CONFIG.name, "ranking", tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match=r"columns are others than those of this version \(.*run `actbench stats`"):
        read_statistic(CONFIG, "ranking", tmp_path)


def test_twenty_thousand_runs_take_seconds() -> None:
    """The statistics of 21,600 runs are computed within the 20 s of process time that they are allowed."""
    config = make_config(
        activation=(*EFFECTS, "elu", "selu", "mish", "prelu"),
        depth=(2, 4, 8, 16),
        init=("a", "b", "c"),
        norm=("none", "batchnorm", "layernorm"),
        residual=("none", "identity"),
        clip=("none", "norm(1.0)", "value(1.0)"),
        seed=(0, 1, 2, 3, 4),
    )
    design = expand(config)
    frames = fake_frames(design, steps_recorded=0)
    start = time.process_time()
    found = compute_statistics(config, frames)
    assert time.process_time() - start < 20 * slowness()
    assert found["studies"]["n_runs"].tolist() == [len(design.runs)] == [21600]

"""What the explorer filters: cells, mean curves and median profiles, against a plain reading of the tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actbench.analysis.json_rows import round_digits
from actbench.analysis.layer_ends import PROFILES
from actbench.analysis.metrics import CONDITION
from actbench.analysis.statistic_file import read_statistic
from actbench.analysis.statistics import compute_statistics, write_statistics
from actbench.plan.config import Config
from actbench.plan.design import expand
from synthetic import fake_frames, make_config, make_study, write_results

CONFIG = make_config(norm=("none", "layernorm"))
KEY = [*CONDITION, "lr", "seed"]


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    """Make up tables in which some runs diverge."""
    return fake_frames(expand(CONFIG))


@pytest.fixture(scope="module")
def found(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Compute the statistics."""
    return compute_statistics(CONFIG, frames)


def test_every_run_stands_once_with_its_score(frames: dict[str, pd.DataFrame], found: dict[str, pd.DataFrame]) -> None:
    """Runs at all learning rates are there; a failed one has score 0; a cell is one condition and rate."""
    joined = found["explorer"].merge(frames["runs"], on=KEY, validate="one_to_one")
    assert len(joined) == len(found["explorer"]) == len(frames["runs"])
    failed = joined["status"] != "ok"
    assert 0 < failed.sum() == joined["failed"].sum()
    assert (joined["score"] == joined["best_test_accuracy"].where(~failed, 0.0)).all()
    cells = found["explorer"].groupby("cell")[[*CONDITION, "lr"]].nunique()
    assert (cells == 1).all(axis=None)
    assert cells.index.tolist() == list(range(len(frames["runs"]) // 3))


def test_the_chosen_rates_are_those_of_the_conditions(found: dict[str, pd.DataFrame]) -> None:
    """A run is marked as chosen exactly when its learning rate is that of its condition in stats/conditions.csv."""
    chosen = found["explorer"].merge(found["conditions"], on=CONDITION, suffixes=("", "_chosen"))
    assert ((chosen["lr"] == chosen["lr_chosen"]) == (chosen["chosen"] == 1)).all()


def test_curves_are_means_over_runs(frames: dict[str, pd.DataFrame], found: dict[str, pd.DataFrame]) -> None:
    """Each point is the mean accuracy of the cell's runs, 0 where a run had failed before."""
    cells = found["explorer"].merge(frames["runs"][["run_key", *KEY]], on=KEY)
    recorded = frames["curves"].set_index(["run_key", "split", "step"])["accuracy"]
    means = found["explorer_curves"].set_index(["cell", "split", "step"])
    for cell in (0, 12, int(cells.loc[cells["failed"] == 1, "cell"].iloc[0])):
        keys = cells.loc[cells["cell"] == cell, "run_key"]
        for (split, step), row in means.loc[cell].iterrows():
            expected = np.mean([recorded.get((key, split, step), 0.0) for key in keys])
            assert row["accuracy"] == pytest.approx(expected, rel=6e-4)
            assert row["n_runs"] == 3


def test_profiles_are_medians_over_runs(frames: dict[str, pd.DataFrame], found: dict[str, pd.DataFrame]) -> None:
    """At the start all runs of a cell count, at the end those that are ok; what was not recorded is empty."""
    cells = found["explorer"].merge(frames["runs"][["run_key", *KEY]], on=KEY)
    layers = frames["layers"].merge(cells[["run_key", "cell", "steps", "failed"]], on="run_key")
    ends = {"start": layers["step"] == 0, "end": (layers["step"] == layers["steps"]) & (layers["failed"] == 0)}
    place = ["cell", "moment", "layer"]
    profiles = found["explorer_layers"].set_index(place)
    for moment, rows in ends.items():
        kept = layers[rows & layers["diagnostic"].isin(PROFILES) & (layers["layer"] > 0)].assign(moment=moment)
        expected = kept.groupby([*place, "diagnostic"])["value"].median().unstack().sort_index()
        measured = profiles.xs(moment, level="moment", drop_level=False).sort_index()[list(expected)]
        pd.testing.assert_frame_equal(
            measured, expected.astype("float64"), rtol=6e-4, check_names=False, check_index_type=False
        )
    assert profiles["backward_norm"].isna().all()
    lost = set(cells.loc[cells["failed"] == 1, "cell"])
    assert lost
    assert lost.isdisjoint(profiles.xs("end", level="moment").index.get_level_values("cell"))


def test_reading_one_activation_at_a_time_gives_the_same(tmp_path: Path) -> None:
    """The files, made one activation after another from two studies, equal what all tables at once give."""
    first = make_study("a", activation=("relu", "tanh"), depth=(2, 8), lr=(0.02, 0.1), seed=(0, 1))
    second = make_study("b", activation=("gelu", "relu"), depth=(8,), lr=(0.1,), seed=(0, 1))
    config = Config("both", "", 60, (first, second))
    computed = compute_statistics(config, write_results(config, tmp_path))
    write_statistics(config, tmp_path)
    for name in ("explorer", "explorer_curves", "explorer_layers"):
        pd.testing.assert_frame_equal(read_statistic(config, name, tmp_path), computed[name], rtol=1e-9)


def test_numbers_have_four_digits() -> None:
    """Rounding keeps four significant digits at any size, and zeros, infinities and missing values."""
    values = pd.Series([123456.0, 0.00012345678, -9.99996, 0.0, np.inf, np.nan, 1e-30])
    expected = [float(f"{value:.4g}") for value in values]
    np.testing.assert_allclose(round_digits(values), expected, rtol=1e-12)

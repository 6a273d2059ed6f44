"""Time of an update: medians and their intervals against published tables and coin tosses, and the file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from actbench.analysis.statistic_file import read_rounds
from actbench.analysis.update_times import update_times
from actbench.plan.errors import ConfigError
from drawn import fake_costs


def rounds_of(*times: float) -> pd.DataFrame:
    """Make rounds of one activation."""
    return pd.DataFrame({"activation": "relu", "round": range(len(times)), "step_us": times, "device": "cpu-avx2"})


def test_one_slow_round_moves_nothing() -> None:
    """The time is the median: a round that took a hundred times as long leaves it where it was."""
    calm, stormy = update_times(rounds_of(*range(1, 16))), update_times(rounds_of(*range(1, 15), 1500))
    assert calm.loc["relu", "step_us"] == stormy.loc["relu", "step_us"] == 8
    assert (calm.loc["relu", "n_rounds"], calm.loc["relu", "device"]) == (15, "cpu-avx2")


def test_the_interval_is_that_of_published_tables() -> None:
    """Of 6, 15 and 20 rounds the bounds are the 1st, 4th and 6th from either end; five rounds have none."""
    expected = {6: (1, 6), 15: (4, 12), 20: (6, 15)}
    for n, ends in expected.items():
        row = update_times(rounds_of(*range(n, 0, -1))).loc["relu"]
        assert (row["step_low"], row["step_high"]) == ends
    assert update_times(rounds_of(*range(5)))[["step_low", "step_high"]].isna().all(axis=None)


@pytest.mark.parametrize("n", [9, 15])
def test_the_interval_covers_the_median(n: int) -> None:
    """Of 2,000 samples of lopsided times, the intervals of as many hold the true median as the binomial law says."""
    draws = np.random.default_rng(0).lognormal(size=2000 * n)
    found = update_times(rounds_of(*draws).assign(activation=[place // n for place in range(2000 * n)]))
    held = ((found["step_low"] <= 1) & (found["step_high"] >= 1)).mean()
    place = {9: 2, 15: 4}[n]
    law = 1 - 2 * binom.cdf(place - 1, n, 0.5)
    assert held == pytest.approx(law, abs=0.015)
    assert law >= 0.95


def test_no_file_is_no_rounds_and_another_file_is_refused(tmp_path: Path) -> None:
    """Without cost.csv nothing is timed; a file that lacks a column is named with it."""
    assert update_times(read_rounds(tmp_path / "cost.csv")).empty
    fake_costs(["relu"]).drop(columns="step_us").to_csv(tmp_path / "cost.csv", index=False)
    with pytest.raises(ConfigError, match=r"cost.csv: its columns are others .*step_us.*run `actbench cost`"):
        read_rounds(tmp_path / "cost.csv")

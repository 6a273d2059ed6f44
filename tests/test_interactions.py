"""Means of two levels and simple effects: by hand, planted, and at their nominal coverage."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from actbench.analysis import interactions as statistics
from actbench.analysis.interactions import interactions, reference_of
from actbench.analysis.metrics import number_conditions
from actbench.analysis.rate_choice import rate_grid
from test_factorial import nothing, planted, table


def simple_effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Take simple effects where every condition has been tried at one rate."""
    numbered = rows.assign(condition=number_conditions(rows))
    return statistics.simple_effects(numbered, rate_grid(numbered))


def test_simple_effects_are_those_planted() -> None:
    """The norm changes relu by 0.1 and nothing else, at every depth."""
    found = simple_effects(table(planted, 0.001)).query("factor == 'norm'").set_index(["activation", "within_level"])
    assert found.loc[("relu", "all"), "difference"] == pytest.approx(0.1, abs=0.002)
    assert found.loc[("relu", "2"), "difference"] == pytest.approx(0.1, abs=0.003)
    assert found.loc[("tanh", "all"), "difference"] == pytest.approx(0.0, abs=0.002)
    assert (found["reference"] == "a").all()
    assert found.loc[("relu", "all"), "n_pairs"] == 2 * found.loc[("relu", "4"), "n_pairs"] == 8


def test_simple_effects_are_paired_by_hand() -> None:
    """The difference is the mean over pairs that share depth and seed; the interval is that of a t test."""
    rows = table(planted, 0.05)
    wide = rows[rows["activation"] == "gelu"].pivot_table(index=["seed", "depth"], columns="norm", values="score")
    per_seed = (wide["b"] - wide["a"]).groupby("seed").mean()
    interval = ttest_1samp(per_seed, 0).confidence_interval()
    found = simple_effects(rows).query("factor == 'norm' and activation == 'gelu' and within == 'all'").iloc[0]
    assert found["difference"] == pytest.approx(per_seed.mean())
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))


def test_intervals_hold_the_truth_at_their_nominal_rate() -> None:
    """Of 480 estimates from noise with four seeds, 95 % intervals hold 0 in 92 to 98 %."""
    parts = [table(nothing, 0.1, stream=stream) for stream in range(80)]
    rows = pd.concat([part.assign(activation=part["activation"] + f"_{i}") for i, part in enumerate(parts)])
    found = simple_effects(rows).query("within == 'all'")
    assert len(found) == 480
    assert 0.92 < ((found["low"] <= 0) & (found["high"] >= 0)).mean() < 0.98


def test_an_interaction_is_what_does_not_add_up() -> None:
    """Means are those of the pivot table, and interactions those of its double centring; additive tables have none."""
    rows = table(planted, 0.01)
    found = interactions(rows).query("factor_1 == 'activation' and factor_2 == 'norm'")
    wide = rows.pivot_table(index="activation", columns="norm", values="score")
    centred = wide.sub(wide.mean(axis=1), axis=0).sub(wide.mean(axis=0), axis=1) + wide.to_numpy().mean()
    np.testing.assert_allclose(found.pivot(index="level_1", columns="level_2", values="score"), wide)
    np.testing.assert_allclose(found.pivot(index="level_1", columns="level_2", values="interaction"), centred)
    additive = interactions(table(lambda cells: 0.1 * (cells["depth"] == 2) + 0.2 * (cells["norm"] == "a"), 0.0))
    np.testing.assert_allclose(additive["interaction"], 0, atol=1e-12)


def test_thin_designs_say_so() -> None:
    """One seed has differences without an interval; a study of one activation and one level has no rows."""
    one = simple_effects(table(planted, 0.01, seeds=1))
    assert (one["note"] == "n too small").all()
    assert one["low"].isna().all()
    rows = table(planted, 0.01)
    alone = rows[(rows["depth"] == 2) & (rows["norm"] == "a")]
    assert simple_effects(alone).empty
    assert interactions(alone).empty


def test_the_reference_is_none_or_the_first() -> None:
    """None where there is none, else the smallest number or first name."""
    assert reference_of(["batchnorm", "none"]) == "none"
    assert reference_of([16, 2, 4]) == 2
    assert reference_of(["xavier_normal", "he_normal"]) == "he_normal"

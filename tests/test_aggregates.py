"""Interquartile means and performance profiles against scipy and counting."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import trim_mean

from actbench.analysis.aggregates import THRESHOLDS, aggregates
from actbench.analysis.metrics import scores_by_study
from actbench.analysis.outcome_cube import outcomes
from actbench.plan.design import expand
from synthetic import fake_frames, make_config

CONFIG = make_config(norm=("none", "layernorm"))
FRAMES = fake_frames(expand(CONFIG), steps_recorded=1, noise=0.05)
ROWS = outcomes(FRAMES["runs"], FRAMES["studies"])
SCORES = scores_by_study(FRAMES["runs"], FRAMES["studies"])


def test_interquartile_means_are_those_of_scipy() -> None:
    """The mean of the middle half of all scores at the chosen rates equals scipy's trimmed mean."""
    means, _ = aggregates(ROWS)
    expected = SCORES.groupby("activation")["score"].agg(lambda values: trim_mean(values, 0.25))
    assert means.set_index("activation")["iqm"].to_dict() == pytest.approx(expected.to_dict())
    assert ((means["low"] <= means["iqm"]) & (means["iqm"] <= means["high"])).all()


def test_profiles_count_runs_above_each_threshold() -> None:
    """Each share is counted; profiles fall from at most 1 to 0; a failed run is above nothing."""
    _, profiles = aggregates(ROWS)
    own = profiles[profiles["activation"] == "tanh"]
    scores = SCORES.loc[SCORES["activation"] == "tanh", "score"].to_numpy()
    np.testing.assert_allclose(own["share_above"], [(scores > threshold).mean() for threshold in THRESHOLDS])
    assert own["share_above"].is_monotonic_decreasing
    assert (own["n_runs"] == len(scores)).all()
    failed = FRAMES["runs"].assign(status="diverged")
    assert (aggregates(outcomes(failed, FRAMES["studies"]))[1]["share_above"] == 0).all()


def test_thin_designs_say_so() -> None:
    """One seed has no interval; an activation without a complete condition has no number and no profile."""
    config = make_config(seed=(0,))
    frames = fake_frames(expand(config), steps_recorded=1)
    means, profiles = aggregates(outcomes(frames["runs"], frames["studies"]))
    assert (means["note"] == "n too small").all()
    assert means["low"].isna().all()
    assert profiles["low"].isna().all()
    rows = ROWS[(ROWS["activation"] != "tanh") | (ROWS["seed"] != 1)]
    means, profiles = aggregates(rows)
    assert means.set_index("activation")["note"]["tanh"] == "no complete condition"
    assert "tanh" not in set(profiles["activation"])
    assert pd.isna(means.set_index("activation")["iqm"]["tanh"])

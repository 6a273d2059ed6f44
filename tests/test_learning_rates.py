"""Scores by learning rate: counted and averaged by hand."""

import pandas as pd
import pytest

from actbench.analysis.learning_rates import learning_rates
from actbench.analysis.metrics import scores_by_study
from actbench.analysis.outcome_cube import outcomes
from actbench.plan.design import expand
from synthetic import fake_frames, make_config

FRAMES = fake_frames(expand(make_config()), steps_recorded=1, noise=0.05)
FOUND = learning_rates(outcomes(FRAMES["runs"], FRAMES["studies"]))


def test_scores_and_failures_are_those_of_all_runs() -> None:
    """The mean score and the failure rate of each rate are those of its runs."""
    rows = outcomes(FRAMES["runs"], FRAMES["studies"])
    for row in FOUND.to_dict("records"):
        own = rows[(rows["activation"] == row["activation"]) & (rows["lr"] == row["lr"])]
        assert row["score"] == pytest.approx(own["score"].mean())
        assert (row["n_runs"], row["n_failed"]) == (len(own), own["failed"].sum())


def test_chosen_rates_are_those_of_the_table() -> None:
    """The number of conditions that chose a rate is that of choose_lr, and each condition chose one."""
    scores = scores_by_study(FRAMES["runs"], FRAMES["studies"])
    counted = scores.drop_duplicates("condition").groupby(["activation", "lr"]).size()
    found = FOUND.set_index(["activation", "lr"])["n_chosen"]
    pd.testing.assert_series_equal(found[found > 0].sort_index(), counted, check_names=False)
    assert FOUND.groupby("activation")["n_chosen"].sum().eq(4).all()
    assert (FOUND["n_conditions"] == 4).all()

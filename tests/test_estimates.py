"""Estimates against plain loops, planted effects, and designs that leave little to estimate."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from actbench.analysis import estimates
from actbench.analysis.intervals import wilson
from actbench.analysis.metrics import scores_by_study
from actbench.analysis.rate_choice import rate_grid
from actbench.plan.config import Config, Study
from actbench.plan.design import expand
from synthetic import EFFECTS, fake_frames, make_config

CONFIG = make_config(norm=("none", "layernorm"))
FRAMES = fake_frames(expand(CONFIG), steps_recorded=1)
SCORES = scores_by_study(FRAMES["runs"], FRAMES["studies"])


def test_each_condition_is_estimated_from_its_own_runs() -> None:
    """Mean, failure rate, loss and interval of every condition are those of a plain loop."""
    found = estimates.conditions(SCORES, rate_grid(SCORES))
    assert len(found) == SCORES["condition"].nunique() == 3 * 2 * 2 * 2
    for row in found.itertuples():
        own = SCORES.query(f"activation == '{row.activation}' and depth == {row.depth}")
        own = own[(own["init"] == row.init) & (own["norm"] == row.norm)]
        assert (row.n_seeds, row.n_runs, row.n_failed) == (3, 3, (own["status"] != "ok").sum())
        assert row.score == pytest.approx(own["score"].mean())
        assert row.loss == pytest.approx(own.loc[own["status"] == "ok", "best_test_loss"].mean(), nan_ok=True)
        if own["score"].nunique() > 1:
            assert (row.low, row.high) == pytest.approx(ttest_1samp(own["score"], 0).confidence_interval())
        else:
            assert (row.low, row.high) == pytest.approx((row.score, row.score))
        assert row.failure_rate_high == pytest.approx(float(wilson(row.n_failed, 3)[1]))


def test_by_depth_averages_within_a_seed_before_it_resamples_seeds() -> None:
    """The interval is that of the three seed means, not of the twelve runs."""
    found = estimates.by_depth(SCORES, rate_grid(SCORES)).set_index(["activation", "depth"])
    own = SCORES.query("activation == 'tanh' and depth == 8")
    means = [own.loc[own["seed"] == seed, "score"].mean() for seed in (0, 1, 2)]
    low, high = ttest_1samp(means, 0).confidence_interval()
    row = found.loc[("tanh", 8)]
    assert (row["score"], row["low"], row["high"]) == pytest.approx((np.mean(means), low, high))
    assert (row["n_conditions"], row["n_seeds"], row["n_runs"]) == (4, 3, 12)
    assert row["median"] == pytest.approx(own["score"].median())
    ranked = np.sort(own["score"])
    assert row["iqm"] == pytest.approx(ranked[3:9].mean())
    assert (found["note"] == "").all()


def test_planted_effects_are_found() -> None:
    """With little noise each activation's mean is where it was put, up to the noise."""
    frames = fake_frames(expand(CONFIG), noise=0.002, diverge=lambda runs: runs["depth"] < 0, steps_recorded=1)
    scores = scores_by_study(frames["runs"], frames["studies"])
    found = estimates.by_depth(scores, rate_grid(scores))
    seed_part = 0.02 * np.sin(1.0 + 2.0 * np.arange(3)).mean()
    planted = 0.6 + found["activation"].map(EFFECTS) - 0.02 * np.log2(found["depth"]) + seed_part
    np.testing.assert_allclose(found["score"], planted, atol=0.005)


def test_trainable_counts_runs_and_their_margins() -> None:
    """Rows named `all` are the sums of the levels, and every count is that of a plain filter."""
    found = estimates.trainable(SCORES)
    by = ["study", "activation", "depth", "init", "residual"]
    margin = found[found["norm"] == "all"].set_index(by)[["n_runs", "n_trained"]]
    summed = found[found["norm"] != "all"].groupby(by)[["n_runs", "n_trained"]].sum()
    pd.testing.assert_frame_equal(margin.sort_index(), summed.sort_index())
    row = found.query("activation == 'relu' and depth == 8 and init == 'he_normal' and norm == 'none'").iloc[0]
    own = SCORES.query("activation == 'relu' and depth == 8 and init == 'he_normal' and norm == 'none'")
    assert (row["n_runs"], row["n_trained"]) == (len(own), own["trained"].sum())
    assert row["trained_share_low"] == pytest.approx(float(wilson(row["n_trained"], row["n_runs"])[0]))


def test_studies_count_every_run_by_its_status() -> None:
    """All learning rates are counted, and the three statuses add up."""
    counted = estimates.count_statuses(FRAMES["runs"], FRAMES["studies"])
    found = estimates.studies(CONFIG, counted, SCORES).iloc[0]
    assert found["question"] == "Which activation?"
    assert found["n_runs"] == len(FRAMES["runs"]) == 144
    assert found["n_diverged"] == (FRAMES["runs"]["status"] == "diverged").sum() > 0
    assert found["n_ok"] + found["n_diverged"] + found["n_error"] == found["n_runs"]
    assert (found["n_seeds"], found["n_conditions"]) == (3, 24)


def test_when_all_runs_failed_the_rows_say_so() -> None:
    """Every score is 0, the failure rate 1, there is no loss, and the note names the reason."""
    frames = fake_frames(expand(CONFIG), diverge=lambda runs: runs["depth"] > 0, steps_recorded=1)
    scores = scores_by_study(frames["runs"], frames["studies"])
    found = estimates.conditions(scores, rate_grid(scores))
    assert (found["score"] == 0).all()
    assert (found["failure_rate"] == 1).all()
    assert found["loss"].isna().all()
    assert (found["note"] == "constant values; all runs failed").all()
    assert (estimates.trainable(scores)["trained_share"] == 0).all()
    counted = estimates.count_statuses(frames["runs"], frames["studies"])
    assert estimates.studies(CONFIG, counted, scores)["note"].tolist() == ["all runs failed"]


def test_one_seed_gives_means_without_intervals() -> None:
    """Nothing can be resampled: low and high are empty and the note says why."""
    config = make_config(seed=(7,))
    frames = fake_frames(expand(config), steps_recorded=1)
    scores = scores_by_study(frames["runs"], frames["studies"])
    grid = rate_grid(scores)
    for found in (estimates.conditions(scores, grid), estimates.by_depth(scores, grid)):
        assert found["score"].notna().all()
        assert found[["low", "high"]].isna().all(axis=None)
        assert found["note"].str.startswith("n too small").all()


def test_unequal_conditions_of_seeds_are_noted() -> None:
    """When an exclusion takes a condition from one seed, the mean over seeds is noted as unbalanced."""
    study = CONFIG.studies[0]
    exclude = ({"activation": ("tanh",), "seed": (2,), "norm": ("none",), "depth": (8,)},)
    config = Config("x", "", 60, (Study("main", "", study.levels, exclude),))
    frames = fake_frames(expand(config), steps_recorded=1)
    scores = scores_by_study(frames["runs"], frames["studies"])
    found = estimates.by_depth(scores, rate_grid(scores))
    noted = found[found["note"] == "seeds differ in conditions"]
    assert noted[["activation", "depth"]].to_numpy().tolist() == [["tanh", 8]]


def test_the_interquartile_mean_is_that_of_the_middle_half() -> None:
    """Of eight numbers the two lowest and the two highest are left out."""
    assert estimates.iqm(np.array([0.0, 1, 2, 3, 4, 5, 6, 1000])) == (2 + 3 + 4 + 5) / 4

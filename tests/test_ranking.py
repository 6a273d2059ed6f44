"""Ranks against a plain loop, with failures, ties and incomplete blocks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from actbench.analysis import ranking
from actbench.analysis.comparisons import BLOCK
from actbench.analysis.metrics import scores_by_study
from actbench.analysis.rate_choice import rate_grid
from actbench.plan.config import Config, Study
from actbench.plan.design import expand
from synthetic import fake_frames, make_config, make_study

CONFIG = make_config(activation=("relu", "gelu", "tanh", "sigmoid"))


def _scores(config: Config = CONFIG, **options: object) -> pd.DataFrame:
    frames = fake_frames(expand(config), steps_recorded=1, **options)  # type: ignore[arg-type]
    return scores_by_study(frames["runs"], frames["studies"])


def rank(scores: pd.DataFrame) -> pd.DataFrame:
    """Rank where every condition has been tried at one rate."""
    return ranking.rank(scores, rate_grid(scores))


def test_ranks_are_those_of_a_plain_loop() -> None:
    """In each block and seed an activation's rank is one more than the number of better ones."""
    scores = _scores(noise=0.05, diverge=lambda runs: runs["depth"] < 0)
    ranks: dict[tuple[str, int], list[int]] = {}
    for (*_, seed), block in scores.groupby([*BLOCK, "seed"]):
        for row in block.itertuples():
            ranks.setdefault((row.activation, seed), []).append(1 + (block["score"] > row.score).sum())
    for row in rank(scores).itertuples():
        seeds = [np.mean(ranks[row.activation, seed]) for seed in (0, 1, 2)]
        assert row.rank == pytest.approx(np.mean(seeds))
        interval = ttest_1samp(seeds, 0).confidence_interval() if np.ptp(seeds) else (seeds[0], seeds[0])
        assert (row.low, row.high) == pytest.approx(np.clip(interval, 1, 4))
        assert (row.n_blocks, row.n_seeds, row.n_runs) == (4, 3, 12)
        assert row.score == pytest.approx(scores.loc[scores["activation"] == row.activation, "score"].mean())


def test_the_planted_order_is_found() -> None:
    """Effects far above the noise give whole ranks."""
    found = rank(_scores(noise=0.001, diverge=lambda runs: runs["depth"] < 0)).set_index("activation")
    assert found["rank"].to_dict() == {"gelu": 1, "relu": 2, "tanh": 3, "sigmoid": 4}


def test_failed_runs_share_the_last_ranks() -> None:
    """Two failures among four rank (3 + 4) / 2, below a run that is ok with accuracy 0."""
    scores = _scores(diverge=lambda runs: runs["activation"].isin(["gelu", "relu"]))
    scores.loc[scores["activation"] == "sigmoid", "score"] = 0.0
    found = rank(scores).set_index("activation")
    assert found["rank"].to_dict() == {"tanh": 1, "sigmoid": 2, "gelu": 3.5, "relu": 3.5}
    assert found["low"].to_dict() == found["high"].to_dict() == found["rank"].to_dict(), "no seed differs"
    assert found["failure_rate"].to_dict() == {"tanh": 0, "sigmoid": 0, "gelu": 1, "relu": 1}


@settings(max_examples=4)
@given(st.floats(0, 0.2))
def test_mean_ranks_average_to_the_middle(noise: float) -> None:
    """Ranks are shared out: their mean over k activations is (k + 1) / 2, with and without failures."""
    assert rank(_scores(make_config(), noise=noise))["rank"].mean() == pytest.approx(2.0)


def test_incomplete_blocks_are_left_out_and_counted() -> None:
    """A block that lacks an activation is not ranked, and the note counts it once a seed."""
    levels = CONFIG.studies[0].levels
    exclude = ({"activation": ("tanh",), "depth": (8,)},)
    scores = _scores(Config("x", "", 60, (Study("main", "", levels, exclude),)))
    found = rank(scores)
    assert (found["n_blocks"] == 2).all()
    assert found["note"].str.endswith("6 incomplete blocks (one seed each) left out").all()
    pd.testing.assert_series_equal(found["rank"], rank(scores[scores["depth"] == 2])["rank"])


def test_without_a_complete_block_the_rows_say_so() -> None:
    """No rank can be taken: the numbers are empty and the note names the reason."""
    levels = make_study(activation=("relu", "tanh"), depth=(2, 8), seed=(0, 1)).levels
    exclude = ({"activation": ("relu",), "depth": (2,)}, {"activation": ("tanh",), "depth": (8,)})
    found = rank(_scores(Config("x", "", 60, (Study("main", "", levels, exclude),))))
    assert found["rank"].isna().all()
    assert (found["n_blocks"] == 0).all()
    assert found["note"].str.startswith("no block holds every activation; 4 incomplete blocks").all()


def test_when_all_runs_failed_all_ranks_are_equal() -> None:
    """Ties share the middle rank."""
    found = rank(_scores(diverge=lambda runs: runs["depth"] > 0))
    assert (found["rank"] == 2.5).all()
    assert (found["note"] == "constant values").all()

"""Time beside score: planted times, blocks of different depth, and thin designs."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from actbench.analysis.cost_accuracy import cost_accuracy
from actbench.analysis.metrics import CONDITION
from ledgers import rows

COSTS = {"relu": 1.0, "tanh": 1.5, "gelu": 2.0}


def scores(noise: float = 0.0, **levels: tuple[object, ...]) -> pd.DataFrame:
    """Make runs of 500 updates whose time grows with depth and with what the activation costs."""
    frame = rows(**{"activation": tuple(COSTS), "depth": (2, 4, 16), **levels}).assign(study="main", steps=500)
    draws = np.random.default_rng(1).standard_normal(len(frame))
    frame["seconds"] = 0.01 * frame["depth"] * frame["activation"].map(COSTS) * np.exp(noise * draws)
    frame["score"] = 0.5 + 0.01 * frame["seed"] + 0.1 * (frame["activation"] == "tanh")
    return frame.drop_duplicates([*CONDITION, "lr", "seed"])


def test_times_are_relative_to_the_block() -> None:
    """With costs of 1, 1.5 and 2 in every block they are 2/3, 1 and 4/3 of the mean; depth cancels, intervals close."""
    found = cost_accuracy(scores()).set_index("activation")
    expected = pd.Series(COSTS) / 1.5
    for column in ("relative", "relative_low", "relative_high"):
        assert found[column].to_dict() == pytest.approx(expected.to_dict())
    assert found["seconds"].to_dict() == pytest.approx({name: 2 * 0.01 * 22 / 3 * c for name, c in COSTS.items()})
    assert found["score"].to_dict() == pytest.approx({"relu": 0.52, "tanh": 0.62, "gelu": 0.52})
    assert set(found["n_blocks"]) == {3}
    assert set(found["n_runs"]) == {15}


def test_intervals_are_scipys_bootstrap_over_blocks() -> None:
    """The interval of relative time is the BCa interval of scipy over the block ratios."""
    frame = scores(0.2, init=("a", "b", "c"))
    wide = frame.pivot_table(index=["depth", "init"], columns="activation", values="seconds")
    ratios = wide["gelu"] / wide.mean(axis=1)
    expected = bootstrap((ratios,), np.mean, n_resamples=9999, rng=np.random.default_rng(5)).confidence_interval
    row = cost_accuracy(frame).set_index("activation").loc["gelu"]
    assert row["relative"] == pytest.approx(ratios.mean())
    assert (row["relative_low"], row["relative_high"]) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_blocks_without_an_activation_are_left_out() -> None:
    """A block that lacks one activation would favour those that need no deep network."""
    frame = scores()
    found = cost_accuracy(frame[(frame["activation"] != "gelu") | (frame["depth"] < 16)])
    assert set(found["n_blocks"]) == {2}
    assert found.set_index("activation").loc["relu", "seconds"] == pytest.approx(2 * 0.01 * 3)


def test_one_block_has_no_interval_of_time() -> None:
    """One block has a time and says why there is no interval; without a common block a study has no rows."""
    found = cost_accuracy(scores(depth=(4,)))
    assert found["relative_low"].isna().all()
    assert found["note"].str.contains("time: n too small").all()
    frame = scores()
    apart = frame[(frame["activation"] == "relu") == (frame["depth"] == 2)]
    assert cost_accuracy(apart).empty

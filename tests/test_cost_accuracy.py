"""Time beside score: times that are apart from the runs, blocks that lack an activation, and what was not timed."""

import pandas as pd
import pytest

from actbench.analysis import cost_accuracy as statistic
from actbench.analysis.metrics import CONDITION, number_conditions
from actbench.analysis.rate_choice import rate_grid
from actbench.analysis.update_times import NO_ROUNDS
from drawn import fake_costs
from ledgers import rows

ACTIVATIONS = ("relu", "tanh", "gelu")
ROUNDS = fake_costs(list(ACTIVATIONS), rounds=15)


def scores(**levels: tuple[object, ...]) -> pd.DataFrame:
    """Make runs of 500 updates at the chosen rates; tanh scores a tenth more."""
    frame = rows(**{"activation": ACTIVATIONS, "depth": (2, 4, 16), **levels}).assign(study="main", steps=500)
    frame["score"] = 0.5 + 0.01 * frame["seed"] + 0.1 * (frame["activation"] == "tanh")
    kept = frame.drop_duplicates([*CONDITION, "lr", "seed"]).assign(val_score=0.5)
    return kept.assign(condition=number_conditions(kept))


def cost_accuracy(frame: pd.DataFrame, rounds: pd.DataFrame) -> pd.DataFrame:
    """Put time beside score where every condition has been tried at one rate."""
    return statistic.cost_accuracy(frame, rate_grid(frame), rounds)


def test_time_and_score_stand_side_by_side() -> None:
    """Times are the medians of the rounds with the 4th and 12th as ends; scores are means over blocks and seeds."""
    found = cost_accuracy(scores(), ROUNDS).set_index("activation")
    assert found["step_us"].to_dict() == pytest.approx({"relu": 100.7, "tanh": 110.7, "gelu": 120.7})
    assert found["step_low"].to_dict() == pytest.approx({"relu": 100.3, "tanh": 110.3, "gelu": 120.3})
    assert found["step_high"].to_dict() == pytest.approx({"relu": 101.1, "tanh": 111.1, "gelu": 121.1})
    assert found["score"].to_dict() == pytest.approx({"relu": 0.52, "tanh": 0.62, "gelu": 0.52})
    assert (set(found["n_blocks"]), set(found["n_runs"]), set(found["n_rounds"])) == ({3}, {15}, {15})


def test_the_time_of_the_runs_is_no_measure() -> None:
    """Runs whose job was ten times slower leave the times as they are."""
    frame = scores().assign(seconds=1.0)
    slow = frame.assign(seconds=frame["activation"].map({"relu": 10.0, "tanh": 1.0, "gelu": 1.0}))
    pd.testing.assert_frame_equal(cost_accuracy(frame, ROUNDS), cost_accuracy(slow, ROUNDS))


def test_blocks_without_an_activation_are_left_out() -> None:
    """A block that lacks one activation would favour those that need no deep network."""
    frame = scores()
    found = cost_accuracy(frame[(frame["activation"] != "gelu") | (frame["depth"] < 16)], ROUNDS)
    assert set(found["n_blocks"]) == {2}
    apart = frame[(frame["activation"] == "relu") == (frame["depth"] == 2)]
    assert cost_accuracy(apart, ROUNDS).empty


def test_what_was_not_timed_says_so() -> None:
    """Without rounds there is a score and no time, with five rounds no interval, and the row says which."""
    untimed = cost_accuracy(scores(), NO_ROUNDS)
    assert untimed["step_us"].isna().all()
    assert (set(untimed["note"]), set(untimed["n_rounds"])) == ({"time: not timed"}, {0})
    few = cost_accuracy(scores(), fake_costs(["relu", "tanh"], rounds=5)).set_index("activation")["note"]
    assert few.to_dict() == {"relu": "time: n too small", "tanh": "time: n too small", "gelu": "time: not timed"}

"""actbench.analysis.repairs: which change of one factor helped, counted pair by pair."""

import pandas as pd
import pytest

from actbench.analysis.metrics import add_metrics
from actbench.analysis.repairs import COLUMNS, LEAST_GAIN, repair_pairs, repairs, that_helped
from actbench.plan.design import expand
from actbench.plan.factors import FACTORS
from synthetic import fake_runs, make_config


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    """Make up runs of which those of depth 8 without norm diverge, at both learning rates and all seeds."""
    levels = {"activation": ("relu",), "norm": ("none", "layernorm"), "seed": (0, 1, 2), "init": ("he_normal",)}
    made = fake_runs(expand(make_config(**levels)), diverge=deep_without_norm)
    return add_metrics(made)


def deep_without_norm(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which of the made-up runs diverge."""
    return (runs["depth"] == 8) & (runs["norm"] == "none")


def test_repairs_are_counted_by_change(runs: pd.DataFrame) -> None:
    """Norm and depth repair every run that diverged, the learning rate none, and the effect is the means' rise."""
    ill = runs[~runs["trained"]]
    found = repairs(repair_pairs(ill, runs)).set_index(["factor", "after"])
    assert found.loc[("norm", "layernorm"), ["n_repaired", "n_pairs", "n_seeds"]].tolist() == [6, 6, 3]
    assert found.loc[("depth", 2), ["n_repaired", "n_pairs"]].tolist() == [6, 6]
    assert found.loc[("lr", 0.02), ["n_repaired", "n_pairs"]].tolist() == [0, 3]
    normed = runs[(runs["norm"] == "layernorm") & (runs["depth"] == 8)]
    assert found.loc[("norm", "layernorm"), "score_after"] == pytest.approx(normed["score"].mean())
    assert found.loc[("norm", "layernorm"), "score_before"] == 0


def test_pairs_are_those_of_a_loop(runs: pd.DataFrame) -> None:
    """A loop over all pairs finds the same: one factor differs, and neither the seed nor the task."""
    ill = runs[~runs["trained"]]
    pairs = repair_pairs(ill, runs)
    expected = set()
    for _, run in ill.iterrows():
        for _, other in runs.iterrows():
            differing = [name for name in FACTORS if run[name] != other[name]]
            if len(differing) == 1 and differing[0] != "seed":
                gained = bool(other["trained"]) and other["score"] - run["score"] >= LEAST_GAIN
                expected.add((run["run_key"], other["run_key"], differing[0], gained))
    columns = ["run_key", "other_key", "factor", "repaired"]
    assert len(pairs) == len(expected) > 0
    assert set(pairs[columns].itertuples(index=False, name=None)) == expected


def test_the_surest_repairs_stand_first() -> None:
    """What repaired 19 of 20 stands before what repaired 2 of 2, and of two equally sure ones that with more gain."""
    counts = {"layernorm": (20, 19, 0.3), "batchnorm": (2, 2, 0.5), "rmsnorm": (20, 19, 0.4), "groupnorm": (9, 0, 0.0)}
    rows = [
        ("norm", "none", after, 0.1, 0.1 + gain, place < repaired, place)
        for after, (pairs, repaired, gain) in counts.items()
        for place in range(pairs)
    ]
    columns = ["factor", "before", "after", "score_before", "score_after", "repaired", "seed"]
    found = repairs(pd.DataFrame(rows, columns=columns))
    assert found["after"].tolist() == ["rmsnorm", "layernorm", "batchnorm", "groupnorm"]
    z = 1.959964  # by hand: Wilson 1927
    lowest = [
        (n * k / n + z * z / 2 - z * (k * (n - k) / n + z * z / 4) ** 0.5) / (n + z * z) for n, k in ((20, 19), (2, 2))
    ]
    assert lowest[0] > lowest[1]


def test_a_small_gain_is_no_repair(runs: pd.DataFrame) -> None:
    """A change that gains less than the least gain, or that does not learn either, repairs nothing."""
    ill = runs[~runs["trained"]].assign(score=0.0)
    slightly = runs.assign(score=LEAST_GAIN / 2)
    assert not repair_pairs(ill, slightly)["repaired"].any()
    assert not repair_pairs(ill, runs.assign(trained=False))["repaired"].any()


def test_luck_in_one_seed_is_no_help() -> None:
    """A change that lifts one run and lowers another as much is not named, nor one that repaired none."""
    counted = pd.DataFrame(
        {"n_repaired": [5, 1, 0], "score_before": [0.2, 0.2, 0.2], "score_after": [0.5, 0.21, 0.5]},
        index=["skips", "luck", "never"],
    )
    assert list(that_helped(counted).index) == ["skips"]


def test_another_task_is_no_remedy(runs: pd.DataFrame) -> None:
    """Runs of another data set are not paired."""
    ill = runs[~runs["trained"]]
    other = runs.assign(dataset="spirals")
    assert repair_pairs(ill, other).empty
    assert list(repairs(repair_pairs(ill, other))) == COLUMNS

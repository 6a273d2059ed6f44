"""Intervals against hand-written formulas, and their laws."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from actbench.analysis import intervals
from actbench.analysis.intervals import CONFIDENCE, RESAMPLES, bootstrap_means, join_notes, over_seeds, shares, wilson
from actbench.plan.seeds import stream

Z = norm.ppf(0.5 + CONFIDENCE / 2)


@given(st.integers(1, 500), st.data())
def test_wilson_is_the_published_formula(n: int, data: st.DataObject) -> None:
    """The interval solves (p - q)² = z² q (1 - q) / n for q, and holds the share."""
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n)
    share = successes / n
    middle, reach = (share + Z**2 / (2 * n)), Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    np.testing.assert_allclose([low, high], np.array([middle - reach, middle + reach]) / (1 + Z**2 / n), atol=1e-12)
    assert 0 <= low <= share <= high <= 1


def test_wilson_of_a_known_example_and_of_nothing() -> None:
    """None of ten gives (0, 0.2775), as printed in textbooks; a share of no runs is unknown."""
    low, high = wilson([0, 10, 0], [10, 10, 0])
    np.testing.assert_allclose(high[:2], [0.277533, 1.0], atol=1e-6)
    np.testing.assert_allclose(low[:2], [0.0, 0.722467], atol=1e-6)
    assert low[0] == 0
    assert np.isnan([low[2], high[2]]).all()


def _bca(values: np.ndarray) -> tuple[float, float]:
    """Compute the BCa interval of a mean from its definition (Efron 1987), with the draws of the project."""
    rng = np.random.default_rng(stream(0, "bootstrap"))
    means = values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    mean = values.mean()
    below = (np.sum(means < mean) + np.sum(means <= mean)) / (2 * RESAMPLES)
    bias = norm.ppf(below)
    left_out = (values.sum() - values) / (len(values) - 1)
    spread = left_out.mean() - left_out
    acceleration = np.sum(spread**3) / (6 * np.sum(spread**2) ** 1.5)
    ends = bias + norm.ppf([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = np.quantile(means, norm.cdf(bias + ends / (1 - acceleration * ends)))
    return low, high


def test_the_bootstrap_interval_is_bca_by_its_definition() -> None:
    """A second computation from the definition agrees, for few and for many seeds."""
    draws = np.random.default_rng(1)
    for seeds in (5, 20):
        values = np.floor(64 * draws.exponential(size=(3, seeds))) / 64  # sums are exact
        low, high, kind = bootstrap_means(values)
        np.testing.assert_allclose(np.stack([low, high], 1), [_bca(row) for row in values], rtol=1e-9)
        assert list(kind) == ["bca"] * 3


def test_rows_are_resampled_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of one bootstrap make no difference to the last bit, with and without constant rows."""
    values = np.random.default_rng(2).random((7, 5))
    values[[1, 4]] = 0.5
    whole = bootstrap_means(values)
    monkeypatch.setattr(intervals, "ROWS_AT_ONCE", 2)
    for expected, found in zip(whole, bootstrap_means(values), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert list(whole[2]) == ["bca", "percentile", "bca", "bca", "percentile", "bca", "bca"]


@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(2, 6)), elements=st.sampled_from([0.0, 0.25, 0.5])))
def test_the_interval_holds_the_mean_and_stays_within_the_values(values: np.ndarray) -> None:
    """Low ≤ mean ≤ high, between the smallest and the largest seed; no interval is missing, not even of constants."""
    low, high, kind = bootstrap_means(values)
    mean = values.mean(axis=1)
    assert (values.min(axis=1) - 1e-12 <= low).all()
    assert (low <= mean + 1e-12).all()
    assert (mean <= high + 1e-12).all()
    assert (high <= values.max(axis=1) + 1e-12).all()
    assert set(kind) <= {"bca", "percentile"}


def test_a_row_does_not_depend_on_the_others() -> None:
    """A row has the same interval alone and among thousands, where the draws come in batches."""
    values = np.random.default_rng(2).random((3000, 3))
    together, alone = bootstrap_means(values), bootstrap_means(values[1234:1235])
    np.testing.assert_allclose([together[0][1234], together[1][1234]], [alone[0][0], alone[1][0]], rtol=1e-12)


@given(st.permutations(range(4)), st.floats(-0.1, 0.1))
def test_order_and_rounding_do_not_move_the_interval(order: list[int], shift: float) -> None:
    """Other seed numbers move the interval by less than 0.01, a shift of all values by itself and nothing else."""
    values = np.array([[0.1, 0.25, 0.3, 0.8]])
    low, high, _ = bootstrap_means(values)
    other = bootstrap_means(values[:, order])
    np.testing.assert_allclose([other[0], other[1]], [low, high], atol=0.01)
    moved = bootstrap_means(values + shift)
    np.testing.assert_allclose([moved[0] - shift, moved[1] - shift], [low, high], atol=1e-9)


def test_constant_rows_fall_back_to_the_percentile_interval() -> None:
    """BCa does not exist for equal values: the percentile interval is their value, and the other rows keep BCa."""
    low, high, kind = bootstrap_means(np.array([[0.5, 0.5, 0.5], [0.1, 0.2, 0.6]]))
    assert (low[0], high[0], kind[0], kind[1]) == (0.5, 0.5, "percentile", "bca")


@pytest.mark.parametrize(("seeds", "coverage"), [(3, 0.72), (5, 0.84), (8, 0.88)])
def test_the_interval_covers_what_the_dictionary_says(seeds: int, coverage: float) -> None:
    """On normal data the interval of the mean covers the truth as often as results/README.md warns."""
    values = np.random.default_rng(3).standard_normal((3000, seeds))
    low, high, _ = bootstrap_means(values)
    assert abs(np.mean((low <= 0) & (high >= 0)) - coverage) < 0.025


def test_over_seeds_estimates_each_group_from_its_own_seeds() -> None:
    """Groups may have different numbers of seeds; one seed gives a mean, no interval and a note."""
    frame = pd.DataFrame(
        [("b", 0, 0.2), ("a", 1, 0.3), ("a", 0, 0.1), ("c", 0, 0.4), ("c", 1, 0.4), ("a", 2, 0.8)],
        columns=["group", "seed", "x"],
    )
    found = over_seeds(frame, ["group"], "x").set_index("group")
    assert found["n_seeds"].to_dict() == {"a": 3, "b": 1, "c": 2}
    np.testing.assert_allclose(found["mean"], [0.4, 0.2, 0.4])
    low, high, _ = bootstrap_means(np.array([[0.1, 0.3, 0.8]]))
    assert (found.loc["a", "low"], found.loc["a", "high"]) == (low[0], high[0])
    assert found["low"].isna().to_dict() == {"a": False, "b": True, "c": False}
    assert found["note"].to_dict() == {"a": "", "b": "n too small", "c": "constant values"}
    assert found["interval"].to_dict() == {"a": "bca", "b": "", "c": "percentile"}


def test_over_seeds_of_nothing_is_nothing() -> None:
    """An empty frame gives an empty frame with the same columns."""
    empty = pd.DataFrame({"group": pd.Series([], dtype="str"), "seed": [], "x": []})
    assert list(over_seeds(empty, ["group"], "x")) == ["group", "n_seeds", "mean", "low", "high", "interval", "note"]


def test_shares_count_and_divide() -> None:
    """The share is the count of flags over the rows, with Wilson's interval beside it."""
    frame = pd.DataFrame({"group": [1, 1, 1, 2], "bad": [True, False, False, True]})
    found = shares(frame, ["group"], "bad", "rate")
    assert found[["group", "n_runs", "n_bad"]].to_numpy().tolist() == [[1, 3, 1], [2, 1, 1]]
    np.testing.assert_allclose(found["rate"], [1 / 3, 1.0])
    np.testing.assert_allclose(found["rate_low"], wilson([1, 1], [3, 1])[0])


def test_notes_are_joined_without_the_empty_ones() -> None:
    """Two notes stand with a semicolon between them, an empty one leaves no trace."""
    assert join_notes(["a", "", "a"], ["", "", "b"]) == ["a", "", "a; b"]

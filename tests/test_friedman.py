"""Friedman's test and its kin against a published example, scipy and scikit-posthocs."""

import numpy as np
import pytest
from scikit_posthocs import posthoc_nemenyi_friedman
from scipy.stats import friedmanchisquare

from actbench.analysis.friedman import critical_difference, friedman, indistinct, nemenyi_p, rank_within
from demsar import AUC, NAMES

PAPER = friedman(rank_within(np.array(AUC)))


def test_the_published_example_is_reproduced() -> None:
    """Demšar (2006), pages 9 to 12: ranks, chi2 = 9.28, F = 3.69 with 3 and 39 degrees, critical difference 1.25."""
    np.testing.assert_allclose(PAPER.mean_ranks, [3.143, 2.000, 2.893, 1.964], atol=0.0005)
    assert round(PAPER.chi2, 2) == 9.28
    assert round(PAPER.f, 2) == 3.69
    assert PAPER.f_p < 0.05
    assert PAPER.n_blocks == 14
    assert round(PAPER.critical_difference, 2) == 1.25


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_values_are_those_of_the_published_table(k: int, q: float) -> None:
    """Q is the studentised range over the root of 2, as in Demšar (2006), table 5a."""
    assert critical_difference(k, 30) == pytest.approx(q * np.sqrt(k * (k + 1) / 180), abs=0.0006)


@pytest.mark.parametrize("seed", range(5))
def test_the_corrected_statistic_is_scipys(seed: int) -> None:
    """With ties, chi2 and p after the correction are those of scipy.stats.friedmanchisquare; without, both agree."""
    draws = np.random.default_rng(seed)
    tied = draws.integers(0, 4, (9, 5)).astype(float)
    found = friedman(rank_within(tied))
    assert (found.chi2_ties, found.p_ties) == pytest.approx(tuple(friedmanchisquare(*tied.T)))
    assert found.chi2 < found.chi2_ties
    untied = draws.standard_normal((9, 5))
    found = friedman(rank_within(untied))
    assert found.chi2 == pytest.approx(found.chi2_ties)
    assert found.chi2 == pytest.approx(friedmanchisquare(*untied.T).statistic)


def test_nemenyi_is_that_of_scikit_posthocs() -> None:
    """P of all pairs equal those of scikit_posthocs.posthoc_nemenyi_friedman."""
    table = np.random.default_rng(1).standard_normal((12, 5)) + 0.5 * np.arange(5)
    found = friedman(rank_within(table))
    gaps = found.mean_ranks[:, None] - found.mean_ranks[None, :]
    np.testing.assert_allclose(nemenyi_p(gaps, 5, 12), posthoc_nemenyi_friedman(table).to_numpy(), atol=1e-6)


def test_direction_turns_ranks_only() -> None:
    """Ranking small values first reverses the ranks and leaves the test as it is."""
    other = friedman(rank_within(np.array(AUC), lower_is_better=True))
    np.testing.assert_allclose(other.mean_ranks, 5 - PAPER.mean_ranks)
    assert other.chi2 == pytest.approx(PAPER.chi2)


def test_bars_join_what_the_difference_does_not_part() -> None:
    """Groups are the largest runs of ranks within the critical difference; one alone is no group."""
    ranks = {"a": 1.0, "b": 2.0, "c": 2.5, "d": 5.0}
    assert indistinct(ranks, 1.2) == [["a", "b"], ["b", "c"]]
    assert indistinct(ranks, 2.0) == [["a", "b", "c"]]
    assert indistinct(ranks, 0.1) == []
    assert indistinct(dict(zip(NAMES, PAPER.mean_ranks, strict=True)), PAPER.critical_difference)[0][0] == "C4.5+m+cf"


def test_degenerate_tables_have_no_numbers_but_an_answer() -> None:
    """One block, none, equal values and perfect agreement give nan or infinity, never an error."""
    assert np.isnan(friedman(np.array([[1.0, 2.0, 3.0]])).chi2)
    assert np.isnan(friedman(np.empty((0, 3))).p)
    equal = friedman(np.full((5, 3), 2.0))
    assert (equal.chi2, equal.p) == (0.0, 1.0)
    assert np.isnan(equal.chi2_ties)
    alike = friedman(np.tile([1.0, 2.0, 3.0], (6, 1)))
    assert (alike.f, alike.f_p) == (np.inf, 0.0)


@pytest.mark.parametrize("k", [2, 4])
def test_p_is_uniform_without_an_effect(k: int) -> None:
    """Of 2,000 tables of noise, about 5 % have F's p below 0.05."""
    draws = np.random.default_rng(0).standard_normal((2000, 20, k))
    below = np.mean([friedman(rank_within(table)).f_p < 0.05 for table in draws])
    assert 0.035 < below < 0.065

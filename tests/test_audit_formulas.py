"""The formulas of the audit against scipy and statsmodels, which it does not use."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from actbench.audit.densities import (
    chi2_tail,
    f_tail,
    holm,
    midranks,
    range_point,
    range_tail,
    signed_rank_p,
    t_point,
    t_tail,
)
from actbench.audit.printed_latex import shows
from actbench.audit.printed_rows import differing, problem, wilson
from actbench.audit.resampled import mean_ends, resamples


def test_tails_are_those_of_scipy() -> None:
    """F, t, chi-squared and studentised range, far out and near, with few and many degrees of freedom."""
    for ratio, above, below in ((622.2, 3, 12), (1.3, 100, 400), (0.2, 1, 4), (5.0, 9, 423)):
        assert f_tail(ratio, above, below) == pytest.approx(stats.f.sf(ratio, above, below), rel=1e-9)
    for t, freedom in ((2.3, 4), (-1.1, 1), (9.0, 200)):
        assert t_tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=1e-9)
    for share, freedom in ((0.975, 1), (0.95, 4), (0.8, 5000)):
        assert t_point(share, freedom) == pytest.approx(stats.t.ppf(share, freedom), rel=1e-9)
    for freedom in range(1, 12):
        assert chi2_tail(7.3, freedom) == pytest.approx(stats.chi2.sf(7.3, freedom), rel=1e-9)
    for k in (2, 5, 10):
        assert range_tail(3.3, k) == pytest.approx(stats.studentized_range.sf(3.3, k, np.inf), abs=1e-10)
        assert range_point(0.05, k) == pytest.approx(stats.studentized_range.ppf(0.95, k, np.inf), abs=1e-8)


@pytest.mark.parametrize("value", [3.1e-5, 0.4711, 6620.5])
def test_a_number_counts_as_the_same_to_its_seventh_digit(value: float) -> None:
    """Beyond it stand the rounding of files and the order of sums; before it no other number hides."""
    assert not differing(value, value * (1 + 1e-9))
    assert differing(value, value * (1 + 1e-6))
    assert shows(f"{value:.3g}", float(f"{value:.3g}") * (1 + 1e-13))
    assert not shows("0.643", 0.6437)
    assert shows("0.643", 0.64349)


@pytest.mark.parametrize("n", [3, 8, 13, 14, 30, 50, 51, 120])
@pytest.mark.parametrize("digits", [None, 1])
def test_signed_ranks_are_those_of_scipy(n: int, digits: int | None) -> None:
    """The exact p, that with ties and zeros, and the normal approximation."""
    drawn = np.random.default_rng(n).normal(0.3, 1, n)
    differences = drawn if digits is None else drawn.round(digits)
    assert signed_rank_p(differences) == pytest.approx(float(stats.wilcoxon(differences).pvalue), rel=1e-9)


def test_shares_ranks_and_corrections_are_those_of_other_libraries() -> None:
    """Wilson's interval, ranks with ties, and Holm's correction with a missing p."""
    assert wilson(3, 17) == pytest.approx(proportion_confint(3, 17, method="wilson"))
    values = np.array([3.0, 1.0, 3.0, 2.0])
    assert list(midranks(values)) == list(stats.rankdata(values))
    p = np.array([0.04, 0.01, 0.03, 0.5])
    assert list(holm(p)) == pytest.approx(list(multipletests(p, method="holm")[1]))
    assert np.isnan(holm(np.array([0.04, np.nan]))[1])


def test_resamples_of_few_seeds_are_all_listed() -> None:
    """Five seeds have 126 resamples that differ, and their chances add up to one."""
    counts, chances = resamples(5)
    assert counts.shape == (126, 5)
    assert chances.sum() == pytest.approx(1)
    assert chances.max() == pytest.approx(120 / 5**5)


@pytest.mark.parametrize("seeds", [2, 3, 5, 8, 20])
def test_an_interval_of_scipy_ends_where_it_may(seeds: int) -> None:
    """Ends of scipy's BCa interval are among those that may be; moved by the interval's reach they are not."""
    values = np.random.default_rng(1).normal(0.6, 0.05, (20, seeds)) ** 3
    for row, (low, high) in zip(values, mean_ends(values), strict=True):
        found = stats.bootstrap((row,), np.mean, n_resamples=9999, rng=np.random.default_rng(2)).confidence_interval
        assert low.hold(found.low, "bca")
        assert high.hold(found.high, "bca")
        if seeds > 3:
            assert not low.hold(found.low - (row.mean() - found.low), "bca")
            assert not high.hold(found.high + (found.high - row.mean()), "bca")


def test_constant_values_have_a_percentile_interval_of_no_width() -> None:
    """BCa does not exist there, and one seed has no interval."""
    low, high = mean_ends(np.full((1, 5), 0.25))[0]
    assert low.hold(0.25, "percentile")
    assert not high.hold(0.26, "percentile")
    assert not low.hold(0.25, "bca")
    assert mean_ends(np.full((1, 1), 0.25))[0][0].hold(np.nan, "")


def test_words_that_were_read_as_numbers_are_still_words() -> None:
    """A column whose words all look like numbers, or are empty, is compared as it was printed."""
    assert problem("1", "bars", {"bars": 1.0}) == ""
    assert problem("", "bars", {"bars": np.nan}) == ""
    assert problem("1 2", "bars", {"bars": 1.0}) == "bars is '1', raw rows give '1 2'"

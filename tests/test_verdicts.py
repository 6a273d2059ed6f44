"""actbench.analysis.verdicts: intervals, p and the rule that turns them into a verdict."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from statsmodels.stats.weightstats import DescrStatsW

from actbench.analysis.verdicts import conclude, decide, judge, unite
from ledgers import one_test

SEEDS = np.array([0.30, 0.34, 0.27, 0.31, 0.33])
DIFFERENCE = {
    "study": "main", "rule": "difference", "quantity": "score",
    "this": {"activation": "tanh"}, "that": {"activation": "relu"},
}  # fmt: skip


def test_the_interval_and_p_are_those_of_a_t_test(tmp_path: Path) -> None:
    """Student's interval over seeds, and the two-sided p of an effect of just the margin."""
    test = one_test(tmp_path, **DIFFERENCE, margin=0.28)
    found, expected = judge(SEEDS, test), ttest_1samp(SEEDS, 0.28)
    interval = ttest_1samp(SEEDS, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(expected.pvalue)
    assert found.effect == pytest.approx(0.31)
    assert (found.n_seeds, found.verdict) == (5, "inconclusive")
    lower = one_test(tmp_path, **DIFFERENCE, margin=0.28, direction="lower")
    assert judge(SEEDS, lower).p == pytest.approx(ttest_1samp(SEEDS, -0.28).pvalue)


def test_p_of_an_equivalence_is_that_of_two_one_sided_tests(tmp_path: Path) -> None:
    """Twice the larger one-sided p, so that it is below 0.05 just when the 95 % interval lies inside the margin."""
    test = one_test(tmp_path, **{**DIFFERENCE, "rule": "equivalence"}, margin=0.33)
    expected = DescrStatsW(SEEDS).ttost_mean(-0.33, 0.33)[0]
    assert judge(SEEDS, test).p == pytest.approx(2 * expected)


@pytest.mark.parametrize(
    ("keys", "interval", "verdict"),
    [
        ({"direction": "higher"}, (0.11, 0.2), "supported"),
        ({"direction": "higher"}, (0.09, 0.2), "inconclusive"),
        ({"direction": "higher"}, (0.02, 0.09), "contradicted"),
        ({"direction": "lower"}, (-0.2, -0.11), "supported"),
        ({"direction": "lower"}, (-0.09, 0.2), "contradicted"),
        ({"direction": "lower"}, (-0.11, 0.2), "inconclusive"),
        ({"direction": "not higher"}, (-0.5, 0.09), "supported"),
        ({"direction": "not higher"}, (0.11, 0.2), "contradicted"),
        ({"direction": "not lower"}, (-0.09, 0.5), "supported"),
        ({"direction": "not lower"}, (-0.3, -0.11), "contradicted"),
        ({"rule": "equivalence"}, (-0.09, 0.09), "supported"),
        ({"rule": "equivalence"}, (-0.09, 0.11), "inconclusive"),
        ({"rule": "equivalence"}, (-0.3, -0.11), "contradicted"),
        ({"rule": "mean", "direction": "lower"}, (0.02, 0.09), "supported"),
        ({"rule": "mean", "direction": "lower"}, (0.11, 0.2), "contradicted"),
    ],
)
def test_the_interval_decides(
    keys: dict[str, str], interval: tuple[float, float], verdict: str, tmp_path: Path
) -> None:
    """Wholly beyond 0.1 on the claimed side: supported; wholly short of it: contradicted; else inconclusive."""
    assert decide(*interval, one_test(tmp_path, **{**DIFFERENCE, **keys}, margin=0.1)) == verdict


def test_thin_and_constant_data_say_so(tmp_path: Path) -> None:
    """No seed, two seeds and seeds that all agree each have a verdict and a reason, and no p."""
    test = one_test(tmp_path, **DIFFERENCE, margin=0.1)
    assert judge(np.empty(0), test).verdict == "not estimable"
    few = judge(SEEDS[:2], test)
    assert (few.verdict, few.note) == ("n too small", "fewer than 3 seeds")
    constant = judge(np.full(5, 0.5), test)
    assert (constant.verdict, constant.note, constant.low) == ("supported", "constant values", 0.5)
    assert np.isnan(constant.p)


def test_strata_that_disagree_make_it_conditional() -> None:
    """Supported here and contradicted there: conditional, whatever all runs together say."""
    assert unite("supported", ["supported", "contradicted"]) == "conditional"
    assert unite("supported", ["supported", "inconclusive"]) == "supported"
    assert unite("inconclusive", []) == "inconclusive"


def test_a_claim_asserts_all_its_tests() -> None:
    """One test that fails makes it conditional, one that is open or was not made leaves it open."""
    assert conclude(["supported", "supported"]) == "supported"
    assert conclude(["supported", "contradicted"]) == "conditional"
    assert conclude(["supported", "conditional"]) == "conditional"
    assert conclude(["supported", "inconclusive"]) == "inconclusive"
    assert conclude(["contradicted", "contradicted"]) == "contradicted"
    assert conclude(["supported", "study missing"]) == "inconclusive"
    assert conclude(["contradicted", "n too small"]) == "contradicted"
    assert conclude(["study missing", "n too small"]) == "study missing"
    assert conclude([]) == "not yet tested"


def test_the_interval_covers_the_truth_at_its_rate(tmp_path: Path) -> None:
    """Of 4,000 draws of five seeds with a true effect of 0.1, 95 % of the intervals hold it (within 1.2 %)."""
    test = one_test(tmp_path, **DIFFERENCE, margin=0.1)
    draws = 0.1 + 0.05 * np.random.default_rng(1).standard_normal((4000, 5))
    undecided = np.mean([judge(seeds, test).verdict == "inconclusive" for seeds in draws])
    assert undecided == pytest.approx(0.95, abs=0.012)

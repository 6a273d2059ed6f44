"""Paired effects against enumeration, plain loops, other routes and coverage."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm, wilcoxon

from actbench.analysis.paired_effects import (
    LARGEST_LISTED,
    LARGEST_RESAMPLED,
    cliff,
    cliffs_delta,
    differences_of,
    dominance,
    dominances,
    effect_interval,
    estimate,
    estimates,
    hodges_lehmann,
    signed_rank,
    signed_rank_p,
    walsh,
)

# Depression scale of nine patients before and after (Hollander, Wolfe & Chicken 2014, table 3.1).
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])


def test_the_published_example_is_reproduced() -> None:
    """Hollander, Wolfe & Chicken, examples 3.1 and 3.3: estimate -0.46, one-sided p 0.020 (two-sided 0.039)."""
    differences = differences_of(AFTER, BEFORE)
    assert float(hodges_lehmann(differences)) == pytest.approx(-0.46)
    assert signed_rank(differences)[0] == pytest.approx(2 * 0.0195, abs=0.0002)


@pytest.mark.parametrize(("n", "decimals"), [(4, 0), (7, 0), (9, 1), (10, 1), (12, 9), (13, 9), (14, 0), (40, 0)])
def test_p_of_signed_ranks_is_that_of_scipy(n: int, decimals: int) -> None:
    """With ties and zeros or without, for few differences and for many."""
    for seed in range(6):
        differences = np.random.default_rng(seed).standard_normal(n).round(decimals)
        differences[seed % 3 * 2 :][:1] = 0.0 if n < 10 else differences[0]
        assert signed_rank_p(differences) == pytest.approx(wilcoxon(differences).pvalue, rel=1e-12), differences


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_hodges_lehmann_is_the_median_of_walsh_averages(n: int) -> None:
    """The fast form equals a plain double loop, and the bisection finds each order statistic."""
    sample = np.random.default_rng(n).standard_normal(n)
    averages = sorted((sample[i] + sample[j]) / 2 for i in range(n) for j in range(i, n))
    assert float(hodges_lehmann(sample)) == pytest.approx(float(np.median(averages)))
    found = [walsh(np.sort(sample), place + 1) for place in range(len(averages))]
    np.testing.assert_allclose(found, averages, atol=1e-12)


@pytest.mark.parametrize("kind", ["normal", "ties", "zeros", "equal", "lopsided"])
def test_the_estimate_of_many_is_the_median_of_all_means(kind: str) -> None:
    """Halving the range and listing what is left finds, to the last bit, the median of the list of all means."""
    for n in (LARGEST_LISTED + 1, 150, 383, 384):
        draws = np.random.default_rng(n)
        sample = {
            "normal": draws.standard_normal(n),
            "ties": draws.integers(-4, 5, n) / 7.0,
            "zeros": draws.standard_normal(n) * (draws.random(n) < 0.2),
            "equal": np.full(n, 1 / 3),
            "lopsided": draws.standard_cauchy(n) ** 3,
        }[kind]
        assert estimate(sample) == float(hodges_lehmann(sample))


def test_cliffs_delta_is_that_of_a_loop_and_of_mann_whitney() -> None:
    """Delta counts pairs, also in the form for large samples, and is 2 U / (m n) - 1."""
    draws = np.random.default_rng(3)
    for n in (11, LARGEST_RESAMPLED + 1):
        first, second = draws.integers(0, 6, n).astype(float), draws.integers(1, 7, n).astype(float)
        counted = np.mean([float(x > y) - float(x < y) for x in first for y in second])
        assert float(cliffs_delta(first, second)) == pytest.approx(counted)
        assert cliff(first, second)[0] == pytest.approx(counted)
        assert 2 * mannwhitneyu(first, second).statistic / n**2 - 1 == pytest.approx(counted)


@pytest.mark.parametrize("n", [1, 7, LARGEST_LISTED + 1])
def test_many_pairs_at_once_have_the_numbers_of_each_alone(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Differences, estimates and dominance of several pairs are those of one pair after another, to the last bit."""
    monkeypatch.setattr("actbench.analysis.paired_effects.NUMBERS_AT_ONCE", 2 * n**2)
    samples = np.random.default_rng(n).integers(0, 9, (4, n)) / 7.0
    samples[3] = 0.0
    first, second = np.array([0, 1, 2, 3, 3]), np.array([1, 0, 3, 2, 3])
    differences = differences_of(samples[first], samples[second])
    for row, (one, other) in enumerate(zip(samples[first], samples[second], strict=True)):
        assert differences[row].tolist() == differences_of(one, other).tolist()
        assert estimates(differences)[row] == estimate(differences[row])
        assert dominances(samples, first, second)[row].tolist() == dominance(one, other).tolist()


def test_large_samples_take_the_other_route_to_about_the_same_interval() -> None:
    """Just above the limit the inverted test gives the interval that resampling gives just below it, to a tenth."""
    sample = np.random.default_rng(0).standard_normal(LARGEST_RESAMPLED + 1) + 0.3
    many, few = effect_interval(sample), effect_interval(sample[:-1])
    assert (many[2], few[2]) == ("wilcoxon", "bca")
    np.testing.assert_allclose(many[:2], few[:2], atol=0.1 * (few[1] - few[0]))
    assert estimate(sample) == pytest.approx(float(hodges_lehmann(sample)))


@pytest.mark.parametrize("n", [61, 62, 200])
def test_the_inverted_interval_turns_with_the_sign(n: int) -> None:
    """Both ends are as many means of two from the lowest and from the highest: of -d they are those of d, turned."""
    differences = np.random.default_rng(n).normal(0.3, 1, n)
    low, high, kind = effect_interval(differences)
    turned = effect_interval(-differences)
    assert kind == turned[2] == "wilcoxon"
    assert turned[:2] == pytest.approx((-high, -low))
    means = np.sort([(x + y) / 2 for place, x in enumerate(differences) for y in differences[place:]])
    assert np.isclose(means, low).argmax() == len(means) - 1 - np.isclose(means, high).argmax()


def test_rounding_keeps_equal_differences_equal() -> None:
    """0.3 - 0.2 and 0.2 - 0.1 are the same difference, in any unit."""
    for unit in (1e-12, 1.0, 1e9):
        found = differences_of(unit * np.array([0.3, 0.2]), unit * np.array([0.2, 0.1]))
        assert found[0] == found[1]


def test_too_few_and_equal_values_have_no_numbers() -> None:
    """One difference has no interval; zeros have no test; equal differences have an interval of no width."""
    assert effect_interval(np.array([0.1]))[2] == ""
    assert np.isnan(signed_rank(np.zeros(5))[0])
    assert effect_interval(np.full(5, 0.25)) == (0.25, 0.25, "percentile")


def test_intervals_hold_the_truth_at_about_their_rate() -> None:
    """Of 200 samples of 25 normal differences, nominal 95 % intervals hold the true shift in 91 to 98 %."""
    draws = np.random.default_rng(5).standard_normal((200, 25)) + 0.7
    held = [low <= 0.7 <= high for low, high, _ in (effect_interval(sample) for sample in draws)]
    assert 0.91 <= np.mean(held) <= 0.98


def test_inverted_intervals_hold_the_truth_at_about_their_rate() -> None:
    """Of 200 samples above the limit, nominal 95 % intervals hold the true shift in 91 to 98 %."""
    draws = np.random.default_rng(7).standard_normal((200, LARGEST_RESAMPLED + 50)) + 0.7
    found = [effect_interval(sample) for sample in draws]
    assert {kind for _, _, kind in found} == {"wilcoxon"}
    assert 0.91 <= np.mean([low <= 0.7 <= high for low, high, _ in found]) <= 0.98


@pytest.mark.parametrize("n", [25, LARGEST_RESAMPLED + 1])
def test_cliffs_interval_holds_the_truth_at_about_its_rate(n: int) -> None:
    """Of 150 pairs of samples, nominal 95 % intervals hold the true delta of two normals in 90 to 98 %."""
    draws = np.random.default_rng(6).standard_normal((150, 2, n))
    draws[:, 0] += 0.5
    truth = 2 * norm.cdf(0.5 / np.sqrt(2)) - 1
    found = [cliff(pair[0], pair[1]) for pair in draws]
    assert {row[3] for row in found} == {"bca" if n <= LARGEST_RESAMPLED else "normal"}
    assert 0.90 <= np.mean([low <= truth <= high for _, low, high, _ in found]) <= 0.98

"""The factorial analysis against statsmodels, planted effects, uniform p without an effect, coverage."""

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, ttest_1samp
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from actbench.analysis import factorial
from actbench.analysis.factorial import adjusted, f_test, factor_effects, make_model, shares
from actbench.analysis.metrics import CONDITION
from actbench.analysis.seed_resampling import SeedStatistic, seed_intervals

LEVELS: dict[str, tuple[object, ...]] = {"activation": ("relu", "tanh", "gelu"), "depth": (2, 4), "norm": ("a", "b")}


def table(
    truth: Callable[[pd.DataFrame], "pd.Series[float]"], noise: float, seeds: int = 4, stream: int = 0
) -> pd.DataFrame:
    """Make outcomes of one study: the true mean of each condition, a part of the seed, and noise."""
    cells = pd.DataFrame(list(itertools.product(*LEVELS.values(), range(seeds))), columns=[*LEVELS, "seed"])
    draws = np.random.default_rng(stream)
    score = truth(cells) + 0.02 * np.sin(cells["seed"] + 1.0) + noise * draws.standard_normal(len(cells))
    rest = {name: "x" for name in CONDITION if name not in LEVELS}
    return cells.assign(**rest, lr=0.1, study="main", score=score, trained=score > 0.5, val_score=score, failed=False)


def nothing(cells: pd.DataFrame) -> "pd.Series[float]":
    """Say that every condition has the same mean."""
    return pd.Series(0.5, index=cells.index)


def planted(cells: pd.DataFrame) -> "pd.Series[float]":
    """Say that tanh costs 0.2, and that norm helps relu alone."""
    return (
        0.5 - 0.2 * (cells["activation"] == "tanh") + 0.1 * ((cells["activation"] == "relu") & (cells["norm"] == "b"))
    )


def terms(rows: pd.DataFrame, response: str = "accuracy") -> pd.DataFrame:
    """Analyse and return the terms of one response."""
    return factor_effects(rows).query("response == @response").set_index("term")


@pytest.mark.parametrize("dropped", [[], [0, 7]])
def test_cells_taken_a_few_at_a_time_give_the_same(dropped: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums over the cells do not hang on how many are in memory at once, but for the order of summation."""
    rows = table(planted, 0.05)
    rows = rows[~rows.groupby(list(LEVELS)).ngroup().isin(dropped)]
    whole = factor_effects(rows)
    monkeypatch.setattr(factorial, "CELLS_AT_ONCE", 5)
    pd.testing.assert_frame_equal(factor_effects(rows), whole, rtol=1e-10)


@pytest.mark.parametrize("dropped", [[], [0, 7]])
def test_sums_of_squares_are_those_of_statsmodels(dropped: list[int]) -> None:
    """Type II sums of squares equal statsmodels' anova_lm, in a full design and in one that lacks cells."""
    rows = table(planted, 0.05)
    cell = rows.groupby(list(LEVELS)).ngroup()
    rows = rows[~cell.isin(dropped)]
    formula = "score ~ (C(activation, Sum) + C(depth, Sum) + C(norm, Sum)) ** 2"
    expected = anova_lm(ols(formula, rows).fit(), typ=2)["sum_sq"].drop("Residual")
    total = ((rows["score"] - rows["score"].mean()) ** 2).sum()
    found = terms(rows).query("order > 0")["share"] * total
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=1e-8)


def test_the_f_of_two_levels_is_the_paired_t_test() -> None:
    """For a factor of two levels F is the square of the paired t over seeds of its mean difference."""
    rows = table(planted, 0.05)
    per_seed = rows.pivot_table(index="seed", columns="norm", values="score")
    expected = ttest_1samp(per_seed["b"] - per_seed["a"], 0)
    found = terms(rows).loc["norm"]
    assert found["f"] == pytest.approx(expected.statistic**2)
    assert found["p"] == pytest.approx(expected.pvalue)


def test_planted_effects_are_found_and_the_shares_add_up_to_one() -> None:
    """The planted factor and the planted interaction carry the variance; all shares together are the whole."""
    found = terms(table(planted, 0.005))
    assert found["share"].sum() == pytest.approx(1)
    assert found["share"].nlargest(1).index.tolist() == ["activation"]
    assert (found.loc[["activation", "norm", "activation:norm"], "p_holm"] < 0.01).all()
    assert found.loc["activation:norm", "share"] > 20 * found.loc["depth:norm", "share"]
    assert (found.loc["depth", "share_corrected"] < 0.01) & (found.loc["depth", "p"] > 0.01)
    rank = terms(table(planted, 0.005), "accuracy_rank")
    assert rank["share"].nlargest(1).index.tolist() == ["activation"]


def test_p_is_uniform_without_an_effect() -> None:
    """Of 300 tables of noise, p of mains and interactions is uniform (Kolmogorov and Smirnov), 5 % are below 0.05."""
    model = make_model(table(nothing, 1.0, seeds=1)[list(LEVELS)])
    draws = np.random.default_rng(3).standard_normal((300, len(model.cells), 4))
    found = [{term: f_test(z, values)["p"] for term, z in adjusted(model, values).items()} for values in draws]
    for term, p in pd.DataFrame(found).items():
        assert kstest(p, "uniform").pvalue > 0.001, term
        assert 0.02 < (p < 0.05).mean() < 0.085, term


def test_intervals_of_shares_hold_the_truth_at_about_their_rate() -> None:
    """Of 60 tables with ten seeds, nominal 95 % intervals of a planted share hold the true one in 80 to 98 %."""
    cells = table(nothing, 0.0, seeds=1)
    truth = planted(cells)
    variance = float((truth.groupby(cells["activation"]).mean() - truth.mean()).pow(2).mean())
    whole = float(truth.var(ddof=0)) + 0.1**2
    noise = 0.1**2 * 2 / (len(cells) * 10) / whole  # what noise adds to the share of two degrees of freedom
    model, draws = make_model(cells[list(LEVELS)]), np.random.default_rng(1)
    held = []
    for _ in range(60):
        values = truth.to_numpy()[:, None] + 0.1 * draws.standard_normal((len(cells), 10))
        contrasts = {("activation",): adjusted(model, values)["activation",]}
        low, high, _ = seed_intervals(SeedStatistic(partial(shares, contrasts, values), 10))
        held.append(low[0] - noise <= variance / whole <= high[0])
    assert 0.80 <= np.mean(held) <= 0.98


def test_thin_and_constant_tables_say_so() -> None:
    """One seed has shares but no test; constant values have neither; confounded factors are not estimable."""
    one = terms(table(planted, 0.01, seeds=1))
    assert one["p"].isna().all()
    assert one.query("order > 0")["note"].str.contains("n too small").all()
    assert one.loc["activation", "share"] > 0.5
    constant = factor_effects(table(nothing, 0.0, seeds=2).assign(score=0.0, trained=False))
    assert constant["share"].isna().all()
    assert constant.query("order > 0")["note"].str.contains("constant values").all()
    rows = table(planted, 0.01)
    rows = rows[(rows["depth"] == 2) == (rows["norm"] == "a")]
    found = terms(rows)
    assert found.loc["depth", "note"] == found.loc["norm", "note"] == "not estimable: confounded with other terms"
    assert found.loc["activation", "p"] < 0.01


def test_a_logistic_model_that_separates_is_named() -> None:
    """Where a level never trains, the rows of `trained` say that the linear probability model stands in."""
    assert terms(table(planted, 0.005), "trained").query("order > 0")["note"].str.contains("linear probability").all()
    rows = table(nothing, 0.1, seeds=12)
    assert not terms(rows, "trained")["note"].str.contains("linear probability").any()


def test_cells_without_every_seed_are_left_out_and_counted() -> None:
    """A cell that lacks a seed is left out of the analysis, and every row says so."""
    rows = table(planted, 0.01)
    found = terms(rows.drop(index=0))
    assert (found["n_cells"] == 11).all()
    assert found["note"].str.contains("1 cells without every seed left out").all()


def test_studies_without_a_varied_factor_have_no_rows() -> None:
    """One condition alone has nothing to split."""
    rows = table(planted, 0.01)
    assert factor_effects(rows[(rows["activation"] == "relu") & (rows["depth"] == 2) & (rows["norm"] == "a")]).empty

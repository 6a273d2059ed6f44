"""The logistic model of trainability: statsmodels, planted effects, no effect, coverage, separation."""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit
from scipy.stats import kstest, sem, t

from actbench.analysis.factorial import make_model
from actbench.analysis.metrics import CONDITION
from actbench.analysis.trainability import RIDGE, deviances, fit, trainability

LEVELS: dict[str, tuple[object, ...]] = {"activation": ("relu", "tanh", "gelu"), "depth": (2, 4), "norm": ("a", "b")}
CELLS = pd.DataFrame(list(itertools.product(*LEVELS.values())), columns=list(LEVELS))


def table(logit: Callable[[pd.DataFrame], "pd.Series[float]"], seeds: int = 30, stream: int = 0) -> pd.DataFrame:
    """Make runs that train with a given probability."""
    rows = CELLS.merge(pd.DataFrame({"seed": range(seeds)}), how="cross")
    draws = np.random.default_rng(stream).random(len(rows))
    rest = {name: "x" for name in CONDITION if name not in LEVELS}
    return rows.assign(**rest, lr=0.1, study="main", trained=draws < expit(logit(rows)))


def nothing(cells: pd.DataFrame) -> "pd.Series[float]":
    """Say that every condition trains in two of five cases."""
    return pd.Series(np.log(2 / 3), index=cells.index)


def planted(cells: pd.DataFrame) -> "pd.Series[float]":
    """Say that depth matters, and that norm helps relu alone."""
    return 1.0 - 2.0 * (cells["depth"] == 4) + 2.0 * ((cells["activation"] == "relu") & (cells["norm"] == "b"))


def counts(rows: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the cells and, by seed, what trained."""
    wide = rows.assign(y=rows["trained"].astype(float)).pivot_table(index=list(LEVELS), columns="seed", values="y")
    return wide.index.to_frame(index=False), wide.to_numpy()


def test_the_fit_is_that_of_statsmodels() -> None:
    """Without a ridge the estimates are those of a Binomial GLM, with one those of its regularised fit."""
    cells, trained = counts(table(planted))
    design = np.column_stack([np.ones(len(cells)), make_model(cells).design_CK])
    yes, n = trained.sum(axis=1), trained.shape[1]
    model = sm.GLM(np.column_stack([yes, n - yes]), design, family=sm.families.Binomial())
    np.testing.assert_allclose(fit(design, yes, n, ridge=0.0)[0], model.fit(tol=1e-12).params, atol=1e-6)
    alpha = np.full(design.shape[1], RIDGE / len(cells))
    alpha[0] = 0.0
    penalised = model.fit_regularized(alpha=alpha, L1_wt=0.0, maxiter=5000, cnvrg_tol=1e-12)
    np.testing.assert_allclose(fit(design, yes, n)[0], penalised.params, atol=2e-3)


def test_deviances_are_likelihood_ratios() -> None:
    """With a ridge that does not bind they are the differences of statsmodels' deviances of nested models, type II."""
    cells, trained = counts(table(planted, seeds=200))
    model = make_model(cells)
    yes, n = trained.sum(axis=1), trained.shape[1]

    def deviance(terms: list[tuple[str, ...]]) -> float:
        design = np.column_stack([np.ones(len(cells)), *(model.design_CK[:, model.columns[term]] for term in terms)])
        return float(sm.GLM(np.column_stack([yes, n - yes]), design, family=sm.families.Binomial()).fit().deviance)

    found, total = deviances(model, model.terms, trained, ridge=1e-7)
    for term, value in zip(model.terms, found, strict=False):
        without = [other for other in model.terms if not set(term) <= set(other)]
        assert value == pytest.approx(deviance(without) - deviance([*without, term]), abs=1e-3), term
    assert total == pytest.approx(deviance([]), rel=1e-6)


def test_planted_effects_are_found() -> None:
    """Depth carries most of the deviance, the planted pair is seen, and the other pairs are not."""
    found = trainability(table(planted, seeds=60)).set_index("term")
    assert found.query("order > 0")["share"].idxmax() == "depth"
    assert (found.loc[["depth", "activation:norm"], "p_holm"] < 0.001).all()
    assert (found.loc[["activation:depth", "depth:norm"], "p_holm"] > 0.05).all()
    assert (found["low"] <= found["share"]).all()
    assert found["note"].eq("").all()


@pytest.mark.slow
def test_p_is_uniform_without_an_effect() -> None:
    """Of 100 tables of noise p of every term is uniform (Kolmogorov and Smirnov)."""
    found = pd.concat([trainability(table(nothing, seeds=40, stream=stream)) for stream in range(100)])
    for term, p in found.query("order > 0").groupby("term")["p"]:
        assert kstest(p, "uniform").pvalue > 0.001, term
        assert (p < 0.05).mean() < 0.13, term


@pytest.mark.slow
def test_intervals_hold_the_truth_at_about_their_rate() -> None:
    """Of 40 tables of twelve seeds the nominal 95 % interval holds what many seeds tend to in 85 to 100 %."""
    cells, trained = counts(table(planted, seeds=4000, stream=99))
    model = make_model(cells)
    found, total = deviances(model, model.terms, trained)
    truth = found[model.terms.index(("depth",))] / total
    held = []
    for stream in range(40):
        row = trainability(table(planted, seeds=12, stream=stream)).set_index("term").loc["depth"]
        noise = 1.0 * len(CELLS) / row["deviance"] * row["share"] * truth  # cells vary by chance: the total is larger
        held.append(row["low"] <= truth <= row["high"] + noise)
    assert 0.85 <= np.mean(held) <= 1.0


def test_intervals_are_those_of_the_pseudo_values() -> None:
    """Every interval is Student's of the jackknife's pseudo-values n θ - (n - 1) θ without one seed (Tukey 1958)."""
    rows, n = table(planted, seeds=6), 6
    found = trainability(rows).set_index("term")
    without = pd.DataFrame({
        seed: trainability(rows[rows["seed"] != seed]).set_index("term")["share"] for seed in range(n)
    })  # fmt: skip
    pseudo = -(n - 1) * without.sub(n / (n - 1) * found["share"], axis=0)
    half = t.ppf(0.975, n - 1) * sem(pseudo, axis=1)
    assert (half > 0).all()
    np.testing.assert_allclose(found["high"] - found["share"], half, rtol=1e-6)
    np.testing.assert_allclose(found["share"] - found["low"], half, rtol=1e-6)


def test_a_level_that_never_trains_has_an_estimate_and_a_note() -> None:
    """Where plain maximum likelihood runs to infinity the ridge does not, and the rows say so."""
    rows = table(planted, seeds=5)
    rows["trained"] &= rows["depth"] == 2
    found = trainability(rows).set_index("term")
    assert np.isfinite(found["share"]).all()
    assert found["note"].str.contains("separated").all()
    assert found.loc["depth", "share"] > 0.3


def test_thin_and_constant_tables_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """One outcome has no deviance, one seed no interval, a large design no pairs, one condition no rows."""
    constant = trainability(table(planted).assign(trained=True))
    assert constant["deviance"].isna().all()
    assert (constant["note"] == "constant values").all()
    one = trainability(table(planted, seeds=1))
    assert one["low"].isna().all()
    assert one["note"].str.contains("n too small").all()
    monkeypatch.setattr("actbench.analysis.trainability.LARGEST", 100.0)
    assert trainability(table(planted))["order"].max() == 1
    alone = table(planted).query("activation == 'relu' and depth == 2 and norm == 'a'")
    assert trainability(alone).empty

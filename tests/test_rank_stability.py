"""Friedman by study and the stability of ranks under resampling, against enumeration and planted orders."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare

from actbench.analysis.metrics import scores_by_study
from actbench.analysis.outcome_cube import outcomes
from actbench.analysis.rank_stability import RESAMPLES, SCHEMES, omnibus, stability
from actbench.plan.config import Config
from actbench.plan.design import expand
from synthetic import fake_frames, make_config

CONFIG = make_config(norm=("none", "layernorm"))


def _rows(config: Config = CONFIG, **options: object) -> pd.DataFrame:
    frames = fake_frames(expand(config), steps_recorded=1, **options)  # type: ignore[arg-type]
    return outcomes(frames["runs"], frames["studies"])


def test_friedman_is_scipys_on_the_table_of_means() -> None:
    """Statistic and p of a study equal scipy's on block means over seeds at the chosen rates."""
    frames = fake_frames(expand(CONFIG), steps_recorded=1, noise=0.1)
    found = omnibus(outcomes(frames["runs"], frames["studies"])).iloc[0]
    scores = scores_by_study(frames["runs"], frames["studies"])
    table = scores.pivot_table(index=["depth", "init", "norm"], columns="activation", values="score")
    expected = friedmanchisquare(*table.to_numpy().T)
    assert (found["friedman_chi2"], found["friedman_p"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert found["n_blocks"] == len(table)


def test_a_clear_order_is_stable_under_every_scheme() -> None:
    """With differences far above the noise the best is first in every resample and ranks have no width."""
    found = stability(_rows(noise=0.0005, diverge=lambda runs: runs["depth"] < 0))
    assert sorted(found["resampled"].unique()) == sorted(SCHEMES)
    best = found[found["activation"] == "relu"]
    assert (best["first_share"] == 1).all()
    assert (best["rank_low"] == best["rank_high"]).all()
    assert (found["n_resamples"] == RESAMPLES).all()
    assert found.groupby("resampled")["first_share"].sum().tolist() == pytest.approx([1.0] * 4)


def test_equals_share_the_first_place() -> None:
    """Two activations with the same scores are first in half of the resamples each."""
    rows = _rows(make_config(activation=("relu", "tanh")), effects={}, noise=0.05)
    half = rows[rows["activation"] == "relu"]
    found = stability(pd.concat([half, half.assign(activation="tanh")]))
    assert found["first_share"].tolist() == pytest.approx([0.5] * 8)
    assert (found["bars"] == "1").all()


def test_the_share_over_seeds_is_that_of_all_27_resamples() -> None:
    """For three seeds the share agrees with the enumeration of every ordered draw, to sampling error."""
    rows = _rows(make_config(activation=("relu", "tanh"), lr=(0.02,)), effects={}, noise=0.05)
    wide = rows.pivot_table(index=["depth", "init"], columns=["activation", "seed"], values="score")
    first = []
    for draw in np.ndindex(3, 3, 3):
        means = {name: sum(wide[name][seed] for seed in draw) for name in ("relu", "tanh")}
        rank = (means["relu"] < means["tanh"]).mean()
        first.append(0.5 if rank == 0.5 else float(rank < 0.5))
    found = stability(rows).query("resampled == 'seeds' and activation == 'relu'")["first_share"].item()
    assert 0 < np.mean(first) < 1
    assert found == pytest.approx(np.mean(first), abs=4 * np.sqrt(0.25 / RESAMPLES))


def test_learning_rates_can_decide_the_order() -> None:
    """Where each of two rates favours another activation, the order hangs on which of them was tried."""
    rows = _rows(make_config(activation=("relu", "tanh"), lr=(0.02, 0.04)), effects={}, noise=0.0001)
    gain = np.where((rows["activation"] == "relu") & (rows["lr"] == 0.04), 0.1, 0.0)
    gain += np.where((rows["activation"] == "tanh") & (rows["lr"] == 0.02), 0.05, 0.0)
    changed = rows.assign(score=rows["score"] + gain, val_score=rows["val_score"] + gain)
    found = stability(changed).query("resampled == 'learning_rates' and activation == 'relu'")["first_share"].item()
    assert found == pytest.approx(0.75, abs=0.06)  # both rates or the high one alone: 3 of 4


def test_thin_designs_say_so() -> None:
    """One activation, one block, one seed, and no complete block are rows with notes."""
    assert omnibus(_rows(make_config(activation=("relu",))))["note"].tolist() == ["one activation"]
    single = make_config(depth=(2,), init=("he_normal",), seed=(0,), lr=(0.02,))
    assert omnibus(_rows(single))["note"].tolist() == ["n too small"]
    assert (stability(_rows(single))["note"] == "n too small").all()
    rows = _rows()
    rows = rows[(rows["activation"] != "tanh") | (rows["seed"] != 1)]
    assert omnibus(rows)["note"].tolist() == ["no block holds every activation"]
    assert (stability(rows)["note"] == "no block holds every activation").all()


def test_all_failed_is_constant() -> None:
    """When every run failed, all activations tie and no test exists."""
    rows = _rows(diverge=lambda runs: runs["depth"] > 0)
    assert omnibus(rows)["note"].tolist() == ["constant values"]
    assert (stability(rows)["mean_rank"] == 2).all()

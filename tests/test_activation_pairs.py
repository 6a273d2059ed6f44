"""All pairs of activations: against the tools for one pair, planted effects, verdicts that flip, thin designs."""

import numpy as np
import pandas as pd
import pytest

from actbench.analysis.activation_pairs import MARGIN, pairs
from actbench.analysis.metrics import scores_by_study
from actbench.analysis.outcome_cube import outcomes
from actbench.analysis.paired_effects import cliffs_delta, hodges_lehmann, signed_rank
from actbench.analysis.seed_resampling import SeedStatistic, seed_intervals
from actbench.plan.config import Config
from actbench.plan.design import expand
from synthetic import fake_frames, make_config

CONFIG = make_config(activation=("relu", "gelu", "tanh"), norm=("none", "layernorm"), residual=("a", "b"))


def _rows(config: Config = CONFIG, **options: object) -> pd.DataFrame:
    frames = fake_frames(expand(config), steps_recorded=1, **options)  # type: ignore[arg-type]
    return outcomes(frames["runs"], frames["studies"])


def _nothing(runs: pd.DataFrame) -> pd.Series:
    return runs["depth"] < 0


def test_a_pair_is_that_of_a_plain_table() -> None:
    """Effect, delta, p and counts of one pair equal those computed from the table of chosen scores."""
    frames = fake_frames(expand(CONFIG), steps_recorded=1, noise=0.04)
    found = pairs(outcomes(frames["runs"], frames["studies"])).query("first == 'relu' and second == 'tanh'").iloc[0]
    scores = scores_by_study(frames["runs"], frames["studies"])
    table = scores.pivot_table(
        index=["depth", "init", "norm", "residual"], columns=["activation", "seed"], values="score"
    )
    one, other = table["relu"].mean(axis=1).to_numpy(), table["tanh"].mean(axis=1).to_numpy()
    assert found["effect"] == pytest.approx(float(hodges_lehmann(one - other)))
    assert found["cliffs_delta"] == pytest.approx(float(cliffs_delta(one, other)))
    assert found["p"] == pytest.approx(signed_rank((one - other).round(12))[0])
    assert found["improvement"] == pytest.approx(((table["relu"] > table["tanh"]).to_numpy()).mean())
    assert (found["wins"], found["losses"]) == (np.sum(one - other > MARGIN), np.sum(other - one > MARGIN))
    assert found["wins"] + found["ties"] + found["losses"] == found["n_blocks"] == len(table)


def test_intervals_choose_the_learning_rate_again() -> None:
    """The interval of the effect is that of a bootstrap whose every resample repeats the choice in the table."""
    config = make_config(activation=("relu", "tanh"), lr=(0.02, 0.03, 0.04))
    frames = fake_frames(expand(config), steps_recorded=1, noise=0.06)
    found = pairs(outcomes(frames["runs"], frames["studies"])).iloc[0]

    def by_table(weights_S: np.ndarray) -> np.ndarray:
        parts = [
            frames["runs"][frames["runs"]["seed"] == seed] for seed, n in enumerate(weights_S) for _ in range(int(n))
        ]
        runs = pd.concat(parts).reset_index(drop=True)
        runs["run_key"] = [f"{i}" for i in range(len(runs))]
        scores = scores_by_study(runs, runs[["run_key"]].assign(study="main"))
        table = scores.pivot_table(index=["depth", "init"], columns="activation", values="score")
        return np.array([float(hodges_lehmann((table["relu"] - table["tanh"]).to_numpy()))])

    low, high, kind = seed_intervals(SeedStatistic(by_table, 3))
    assert (found["low"], found["high"], found["interval"]) == (pytest.approx(low[0]), pytest.approx(high[0]), kind[0])


def test_verdicts_follow_the_data_and_flip_with_them() -> None:
    """A planted gain names the gainer, its opposite the other, none at all `equivalent`, noise `undecided`."""
    config = make_config(activation=("relu", "gelu"), depth=(2, 4, 8), norm=("none", "layernorm"))
    cases = {0.05: "gelu", -0.05: "relu", 0.0: "equivalent"}
    for effect, verdict in cases.items():
        found = pairs(_rows(config, effects={"gelu": effect}, noise=0.004, diverge=_nothing))
        assert found["verdict"].tolist() == [verdict], effect
        assert found["effect"].iloc[0] == pytest.approx(effect, abs=0.005)
    assert pairs(_rows(config, effects={}, noise=0.2, diverge=_nothing))["verdict"].tolist() == ["undecided"]


def test_planted_effects_lie_in_their_intervals_and_more_seeds_fall_with_the_effect() -> None:
    """With eight seeds the planted differences are covered; a clear pair needs no more seeds, a close one does."""
    config = make_config(activation=("relu", "gelu", "tanh"), seed=tuple(range(8)), norm=("none", "layernorm"))
    found = pairs(_rows(config, effects={"gelu": 0.012, "relu": 0.0, "tanh": -0.05}, noise=0.04, diverge=_nothing))
    planted = found["first"].map({"gelu": 0.012, "relu": 0.0}) - found["second"].map({"relu": 0.0, "tanh": -0.05})
    assert ((found["low"] - 0.005 < planted) & (planted < found["high"] + 0.005)).all()
    more = found.set_index(["first", "second"])["more_seeds"]
    assert more["relu", "tanh"] == 0
    assert more["gelu", "relu"] > 0


def test_thin_designs_say_so() -> None:
    """One seed has effects but no interval and no equivalence; one activation has no pair; all failed has no test."""
    one = pairs(_rows(make_config(seed=(0,))))
    assert one[["low", "high", "tost_p", "more_seeds"]].isna().all(axis=None)
    assert one["note"].str.contains("n too small").all()
    assert one["effect"].notna().all()
    assert pairs(_rows(make_config(activation=("relu",)))).empty
    failed = pairs(_rows(CONFIG, diverge=lambda runs: runs["depth"] > 0))
    assert (failed["effect"] == 0).all()
    assert failed["p"].isna().all()
    assert failed["note"].str.contains("all differences are zero").all()
    assert (failed["ties"] == failed["n_blocks"]).all()


def test_incomplete_blocks_are_left_out_and_noted() -> None:
    """An activation that lacks half of the conditions is compared on the other half."""
    rows = _rows()
    found = pairs(rows[~((rows["activation"] == "tanh") & (rows["depth"] == 2))])
    n = found.set_index(["first", "second"])["n_blocks"]
    assert n["gelu", "relu"] == 16
    assert n["gelu", "tanh"] == n["relu", "tanh"] == 8
    assert found["note"].str.contains("8 incomplete blocks left out").sum() == 2
    nothing = pairs(rows[~((rows["activation"] == "tanh") & (rows["seed"] == 2))])
    assert nothing["note"].str.contains("no block in common").sum() == 2

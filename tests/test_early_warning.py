"""Early warnings: the area in closed form and by scipy, thresholds counted one by one, seeds held out."""

from math import sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, norm

from actbench.analysis.early_calibration import Signal, calibrate, choose_rules
from actbench.analysis.early_records import read_early
from actbench.analysis.early_warning import early_warning
from actbench.analysis.hidden_layers import REDUCTIONS
from actbench.analysis.layer_pass import measure
from actbench.analysis.layer_records import records_of
from actbench.analysis.spool import spooled

SHIFT = 1.0


def facts(conditions: int = 60, seeds: int = 5) -> pd.DataFrame:
    """Make runs of 1,000 updates and two hidden layers; every third condition does not train, whatever the seed."""
    rows = pd.MultiIndex.from_product([range(conditions), range(seeds)], names=["condition", "seed"]).to_frame(False)
    rows = rows.assign(depth=2, steps=1000, trained=rows["condition"] % 3 > 0)
    return rows.assign(run_key=[f"{index:05d}" for index in range(len(rows))])


def records(runs: pd.DataFrame, shift: float, stream: int = 0) -> pd.DataFrame:
    """Record a number that is higher by `shift` deviations where a run does not train, in every layer and step."""
    draws, parts = np.random.default_rng(stream), []
    for step in (0, 3, 500):
        for layer in (1, 2, 3):
            value = draws.standard_normal(len(runs)) + shift * ~runs["trained"]
            parts.append(pd.DataFrame({"run_key": runs["run_key"], "step": step, "layer": layer, "value": value}))
    frame = pd.concat(parts).assign(diagnostic="gradient_norm").astype({"value": "float32"})
    return frame.sort_values(["run_key", "step", "layer"], ignore_index=True)


def warnings(runs: pd.DataFrame, *parts: pd.DataFrame) -> pd.DataFrame:
    """Look for warnings in one study of all runs, whose records come in parts, each with all rows of its runs."""
    keys = pd.Index(runs["run_key"])
    with spooled() as early:
        for layers in parts:
            own = runs[runs["run_key"].isin(layers["run_key"])].assign(status="ok")
            records = records_of(layers, pd.Index(own["run_key"]))
            measure([records], own, early, keys.get_indexer(own["run_key"]))
        return early_warning(runs, runs[["run_key"]].assign(study="main"), read_early(early))


def test_the_area_of_two_normals_is_phi_of_the_shift() -> None:
    """P(bad > good) of two normals is Φ(δ/√2), whichever way the shift goes, and the interval holds it."""
    runs = facts(conditions=900)
    for shift, direction in ((SHIFT, "higher"), (-SHIFT, "lower")):
        row = warnings(runs, records(runs, shift)).query("layers == 'first' and step == 0").iloc[0]
        assert row["auc"] == pytest.approx(norm.cdf(SHIFT / sqrt(2)), abs=0.02)
        assert row["held_out_auc"] == pytest.approx(norm.cdf(SHIFT / sqrt(2)), abs=0.02)
        assert row["direction"] == direction
        assert row["low"] < row["auc"] < row["high"] < row["low"] + 0.1


def test_the_best_threshold_of_two_normals_lies_midway() -> None:
    """At δ/2 both rates are Φ(δ/2); seeds that were not used to find it see the same."""
    runs = facts(conditions=900)
    row = warnings(runs, records(runs, 2.0)).query("layers == 'last' and step == 3").iloc[0]
    assert row["threshold"] == pytest.approx(1.0, abs=0.3)
    assert row["sensitivity"] + row["specificity"] == pytest.approx(2 * norm.cdf(1.0), abs=0.03)
    assert row["brier"] < 0.7 * row["brier_base"]
    assert row["brier_base"] == pytest.approx(1 / 3 * 2 / 3, abs=1e-6)


@pytest.mark.parametrize("decimals", [0, 6])
def test_the_area_is_that_of_mann_and_whitney(decimals: int) -> None:
    """Over all runs it is U / (n₁·n₂) of scipy, with many ties and with none; reductions are over hidden layers."""
    runs = facts()
    layers = records(runs, SHIFT).round({"value": decimals})
    wide = layers[layers["step"] == 3].pivot_table(index="run_key", columns="layer", values="value")
    numbers = dict(zip(REDUCTIONS, (wide[1], wide[2], wide[[1, 2]].min(axis=1), wide[[1, 2]].max(axis=1)), strict=True))
    found = warnings(runs, layers).query("step == 3").set_index("layers")
    assert set(found.index) == set(REDUCTIONS)
    bad = ~runs.set_index("run_key")["trained"]
    for name, values in numbers.items():
        u = mannwhitneyu(values[bad], values[~bad]).statistic
        assert found.loc[name, "auc"] == pytest.approx(u / (bad.sum() * (~bad).sum()), abs=1e-9)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Of 60 tables with eight seeds the nominal 95 % interval holds Φ(δ/√2) in 80 to 100 %."""
    runs = facts(seeds=8)
    held = []
    for stream in range(60):
        row = warnings(runs, records(runs, SHIFT, stream)).query("layers == 'first' and step == 0").iloc[0]
        held.append(row["low"] <= norm.cdf(SHIFT / sqrt(2)) <= row["high"])
    assert 0.80 <= np.mean(held) <= 1.0


def test_without_a_signal_held_out_seeds_are_at_chance() -> None:
    """The direction of noise is chosen to look good; on seeds that had no part in it the area is 1/2 on the mean."""
    runs = facts(conditions=30)
    found = pd.concat([warnings(runs, records(runs, 0.0, stream)) for stream in range(40)])
    assert found["auc"].min() >= 0.5
    assert found["auc"].mean() > 0.53
    assert found["held_out_auc"].mean() == pytest.approx(0.5, abs=0.02)


def test_a_seed_that_turns_the_sign_is_seen() -> None:
    """Where the number warns upwards in four seeds and downwards in the fifth, that one is forecast wrongly."""
    counts = np.zeros((2, 5, 2))
    counts[0, :4, 0], counts[1, :4, 1], counts[0, 4, 1], counts[1, 4, 0] = 10, 10, 10, 10
    found = calibrate(Signal(np.array([0.0, 1.0]), counts))
    assert (found["direction"], found["threshold"]) == ("higher", 0.0)
    assert found["sensitivity"] == found["specificity"] == pytest.approx(0.8)
    assert found["held_out_auc"] == pytest.approx(0.8)


@pytest.mark.parametrize("at_once", [1, 40, 100])
def test_how_many_numbers_are_looked_at_together_changes_nothing(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wins and forecasts of seeds and values taken some at a time are those of all at once, to the last bit."""
    counts = np.random.default_rng(5).integers(0, 4, (2, 7, 30)).astype(float)
    counts[:, 2] = 0  # a seed without a run
    wins, found = Signal(np.arange(30.0), counts).wins, calibrate(Signal(np.arange(30.0), counts))
    assert wins[0, 1] == sum(
        counts[1, 0, bad] * counts[0, 1, good] * (1.0 if bad > good else 0.5 if bad == good else 0.0)
        for bad in range(30)
        for good in range(30)
    )
    monkeypatch.setattr("actbench.analysis.early_calibration.AT_ONCE", at_once)
    assert (Signal(np.arange(30.0), counts).wins == wins).all()
    assert calibrate(Signal(np.arange(30.0), counts)) == found


def test_the_threshold_is_the_best_of_all() -> None:
    """No other cut has a larger sum of sensitivity and specificity, counted one by one."""
    counts = np.random.default_rng(3).integers(0, 4, (2, 20, 12)).astype(float)
    counts[:, 3, 9:] = 0  # values that this row lacks
    rules = choose_rules(counts, counts.cumsum(axis=2))
    for good, bad, rising, chosen in zip(*counts, rules.rising_R, rules.cut_R, strict=True):

        def gain(cut: int, good: np.ndarray = good, bad: np.ndarray = bad, rising: bool = rising) -> float:
            above = bad[cut + 1 :].sum() / bad.sum() - good[cut + 1 :].sum() / good.sum()
            return float(above if rising else -above)

        seen = np.flatnonzero(good + bad)
        assert chosen in seen[:-1]
        assert gain(chosen) == pytest.approx(max(gain(cut) for cut in seen[:-1]))


def test_only_early_steps_count_and_only_hidden_layers() -> None:
    """Steps beyond 2 % of the updates and the output layer change nothing; runs may come in several parts."""
    runs = facts()
    layers = records(runs, SHIFT)
    kept = layers[(layers["step"] <= 20) & (layers["layer"] <= 2)]
    whole = warnings(runs, layers)
    assert set(whole["step"]) == {0, 3}
    pd.testing.assert_frame_equal(warnings(runs, kept), whole)
    first = kept["run_key"] < "00100"
    pd.testing.assert_frame_equal(warnings(runs, kept[~first], kept[first]), whole)


def test_the_best_reduction_is_marked_once() -> None:
    """For each diagnostic and step one row is the best, that with the largest area."""
    found = warnings(facts(), records(facts(), SHIFT))
    best = found[found["best"] == 1]
    assert best["step"].tolist() == [0, 3]
    assert best["auc"].tolist() == found.groupby("step")["auc"].max().tolist()


def test_runs_that_failed_before_a_step_are_not_behind_it() -> None:
    """What diverged after the first update has a number at step 0 and none at step 3."""
    runs = facts()
    layers = records(runs, SHIFT)
    gone = runs.loc[~runs["trained"], "run_key"].iloc[:10]
    found = warnings(runs, layers[~(layers["run_key"].isin(gone) & (layers["step"] > 0))]).query("layers == 'first'")
    assert found["n_untrained"].tolist() == [100, 90]
    assert found["n_runs"].tolist() == [300, 290]


def test_what_cannot_be_told_says_so() -> None:
    """One outcome has one row; a constant number has the area of chance; one seed has no forecast."""
    runs = facts()
    layers = records(runs, SHIFT)
    assert warnings(runs.assign(trained=True), layers)["note"].tolist() == ["not estimable: all runs trained, or none"]
    constant = warnings(runs, layers.assign(value=np.float32(1.0)))
    assert (constant["auc"] == 0.5).all()
    assert (constant["note"] == "constant values").all()
    alone = warnings(runs.assign(seed=0), layers)
    assert (alone["note"] == "n too small").all()
    assert alone["sensitivity"].isna().all()
    assert alone["threshold"].notna().all()

"""actbench.analysis.claim_rules: effects by seed, against numbers worked out by hand or by another library."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress, mannwhitneyu
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from actbench.analysis.claim_costs import cost, read_costs
from actbench.analysis.claim_laws import COEFFICIENT, NORM
from actbench.analysis.claim_rules import EFFECTS, auc, block_of, difference, interaction_share, mean, slope
from actbench.analysis.claim_tests import Evidence, rows_of_test
from actbench.analysis.verdicts import judge
from actbench.plan.ledger import RULES
from ledgers import cells, claim, ledger_of, noise, one_test, rows

PAIR = {"this": {"activation": "tanh"}, "that": {"activation": "relu"}}
FRAME = rows(activation=("relu", "tanh"), depth=(2, 4, 8), init=("he_normal", "xavier_normal"))


def planted(effect: float) -> pd.DataFrame:
    """Give tanh an effect over relu, beside large effects of depth and seed that pairing takes out."""
    value = effect * (FRAME["activation"] == "tanh") + FRAME["depth"] + 10.0 * FRAME["seed"] + noise(FRAME)
    return FRAME.assign(value=value)


def test_a_difference_is_paired_by_block_and_seed(tmp_path: Path) -> None:
    """The effect of each seed is the mean over blocks of this less that; depth and seed cancel."""
    test = one_test(tmp_path, study="main", rule="difference", quantity="score", margin=0.1, **PAIR)
    found = difference(cells(planted(0.5)), test)
    assert found.by_seed == pytest.approx(0.5, abs=0.005)
    assert found.n_runs == len(FRAME)
    assert "activation" not in block_of(test)
    lonely = planted(0.5).drop(index=FRAME.index[(FRAME["activation"] == "tanh") & (FRAME["depth"] == 8)])
    assert difference(cells(lonely), test).by_seed == pytest.approx(0.5, abs=0.005)
    assert difference(cells(lonely), test).note == "10 runs without a value or a partner"


def test_ranks_are_taken_within_blocks(tmp_path: Path) -> None:
    """With two activations the better one has rank 1 and the other 2, a run without a value the last."""
    test = one_test(
        tmp_path, study="main", rule="difference", quantity="score", scale="rank", direction="lower", **PAIR
    )
    assert difference(cells(planted(0.5)), test).by_seed.tolist() == [-1.0] * 5
    missing = planted(0.5)
    missing.loc[missing["activation"] == "tanh", "value"] = np.nan
    assert difference(cells(missing), test).by_seed.tolist() == [1.0] * 5


def test_a_slope_is_that_of_scipy(tmp_path: Path) -> None:
    """Within a block and seed it is the least-squares slope; with two sides their difference."""
    test = one_test(tmp_path, study="main", rule="slope", quantity="score", over="depth", where={"activation": "relu"})
    frame = planted(0.0).query("activation == 'relu'")
    expected = [
        np.mean([linregress(block["depth"], block["value"]).slope for _, block in own.groupby("init")])
        for _, own in frame.groupby("seed")
    ]
    assert slope(cells(frame), test).by_seed == pytest.approx(expected)
    sides = one_test(tmp_path, study="main", rule="slope", quantity="score", over="depth", **PAIR)
    steeper = planted(0.0).assign(
        value=lambda rows: rows["value"] + 0.3 * rows["depth"] * (rows["activation"] == "tanh")
    )
    assert slope(cells(steeper), sides).by_seed == pytest.approx(0.3, abs=0.001)


def test_a_slope_over_levels_takes_their_number(tmp_path: Path) -> None:
    """normal(0.5) stands at 0.5, on a scale of doublings at -1; a level without a number has no place."""
    frame = rows(init=("normal(0.25)", "normal(0.5)", "normal(1.0)", "he_normal"))
    frame["value"] = frame["init"].map({"normal(0.25)": 1.0, "normal(0.5)": 3.0, "normal(1.0)": 5.0, "he_normal": 99.0})
    test = one_test(tmp_path, study="main", rule="slope", quantity="score", over="init", over_scale="log2")
    assert slope(cells(frame[frame["init"] != "he_normal"]), test).by_seed == pytest.approx(2.0)


def test_auc_is_that_of_mann_and_whitney(tmp_path: Path) -> None:
    """For each seed U / (n₁·n₂), whichever way the claim goes; a seed with one outcome only is left out."""
    frame = rows(depth=tuple(range(1, 21))).assign(value=lambda rows: noise(rows, 1.0))
    frame["trained"] = (frame["value"] + noise(frame, 1.0)[::-1] < 0) | (frame["seed"] == 4)
    test = one_test(tmp_path, study="main", rule="auc", quantity="score", outcome="untrained", margin=0.7)
    expected = []
    for _, own in frame[frame["seed"] < 4].groupby("seed"):
        bad, good = own.loc[~own["trained"], "value"], own.loc[own["trained"], "value"]
        expected.append(mannwhitneyu(bad, good).statistic / (len(bad) * len(good)))
    found = auc(cells(frame), test)
    assert found.by_seed == pytest.approx([*expected, np.nan], nan_ok=True)
    assert found.note == "1 seeds without both outcomes"
    lower = one_test(tmp_path, study="main", rule="auc", quantity="score", direction="lower", margin=0.7)
    assert auc(cells(frame), lower).by_seed[:4] == pytest.approx(1 - np.array(expected))


def test_the_share_of_interactions_is_that_of_an_analysis_of_variance(tmp_path: Path) -> None:
    """Two-way sums of squares over the total, as statsmodels has them; an incomplete design has none."""
    frame = rows(seeds=1, activation=("relu", "tanh"), depth=(2, 4, 8), init=("a", "b"))
    frame["value"] = noise(frame, 1.0)
    test = one_test(tmp_path, study="main", rule="interaction_share", quantity="score", margin=0.1)
    table = anova_lm(ols("value ~ (C(activation) + C(depth) + C(init)) ** 2", frame).fit(), typ=2)["sum_sq"]
    pairs = table[table.index.str.count(":") == 1].sum()
    total = ((frame["value"] - frame["value"].mean()) ** 2).sum()
    assert interaction_share(cells(frame), test).by_seed == pytest.approx(pairs / total)
    assert interaction_share(cells(frame.iloc[1:]), test).by_seed.size == 0


FACTORIAL: dict[str, tuple[Any, ...]] = {
    "activation": ("relu", "tanh", "gelu"), "depth": (2, 4), "init": ("a", "b"), "clip": ("a", "b"), "lr": (0.1, 0.5),
}  # fmt: skip


def _pairs_of(table: pd.DataFrame) -> float:
    anova = anova_lm(ols("value ~ (C(activation) + C(depth) + C(init)) ** 2", table).fit(), typ=2)["sum_sq"]
    return float(anova[anova.index.str.count(":") == 1].sum())


def test_noise_is_taken_off_the_share_of_interactions(tmp_path: Path) -> None:
    """The share is that of statsmodels' sums of squares of the mean table, less what those of single seeds exceed."""
    frame = rows(seeds=2, activation=("relu", "tanh"), depth=(2, 4, 8), init=("a", "b"))
    frame["value"] = frame["depth"] * (frame["activation"] == "tanh") + noise(frame, 1.5)
    single = np.mean([_pairs_of(own) for _, own in frame.groupby("seed")])
    shared = _pairs_of(frame.groupby(["activation", "depth", "init"], as_index=False)["value"].mean())
    total = np.mean([((own - own.mean()) ** 2).sum() for _, own in frame.groupby("seed")["value"]])
    test = one_test(tmp_path, study="main", rule="interaction_share", quantity="score", margin=0.1)
    assert interaction_share(cells(frame), test).by_seed == pytest.approx([(2 * shared - single) / total] * 2)


@pytest.mark.parametrize(("effect", "most"), [(0.0, 0.02), (2.0, 1.0)])
def test_noise_supports_no_interaction_and_intervals_hold_the_truth(effect: float, most: float, tmp_path: Path) -> None:
    """Of 200 tables, without an interaction at most 2 % say more than 0.1; the interval holds the truth in 88 to 100 %.

    Pairs of factors have 15 of the 47 degrees of freedom: taken as they are, they are a third of the variance of noise.
    """
    test = one_test(tmp_path, study="main", rule="interaction_share", quantity="score", margin=0.1, rates="each")
    frame, draws = rows(**FACTORIAL), np.random.default_rng(3)
    planted = effect * ((frame["depth"] == 4) & (frame["init"] == "b"))
    truth = 48 * effect**2 / 16 / (48 * effect**2 * 3 / 16 + 47)
    laid = cells(frame.assign(value=frame.index))  # once: where each row of a table stands
    values = (planted.to_numpy() + draws.standard_normal(len(frame)) for _ in range(200))
    tables = (replace(laid, value_xCS=value[laid.value_xCS.astype(int)]) for value in values)
    found = [judge(interaction_share(table, test).by_seed, test) for table in tables]
    assert np.mean([one.verdict == "supported" for one in found]) <= most
    assert 0.88 <= np.mean([one.low <= truth <= one.high for one in found]) <= 1.0
    assert np.mean([one.effect for one in found]) == pytest.approx(truth, abs=0.015)


def test_a_mean_is_over_runs(tmp_path: Path) -> None:
    """The mean of each seed, runs without a value counted in the note."""
    test = one_test(tmp_path, study="main", rule="mean", quantity="score", margin=0.2)
    frame = rows(depth=(2, 4)).assign(value=lambda rows: rows["depth"] / 8.0)
    frame.loc[0, "value"] = np.nan
    assert mean(cells(frame), test).by_seed.tolist() == [0.5, 0.375, 0.375, 0.375, 0.375]
    assert mean(cells(frame), test).note == "1 runs without a value or a partner"


def _slopes(effect: float) -> pd.DataFrame:
    return rows(depth=(2, 4, 8)).assign(value=lambda frame: effect * frame["depth"] + noise(frame))


def _levels(effect: float) -> pd.DataFrame:
    return rows(depth=(2, 4, 8)).assign(value=lambda frame: effect + noise(frame))


def _warnings(effect: float) -> pd.DataFrame:
    frame = rows(depth=tuple(range(1, 41)))
    frame["trained"] = frame["depth"] % 2 == 0
    return frame.assign(value=effect * ~frame["trained"] + noise(frame, 1.0))


def _crossed(effect: float) -> pd.DataFrame:
    frame = rows(activation=("relu", "tanh"), depth=(2, 4))
    tanh, deep = frame["activation"] == "tanh", frame["depth"] == 4
    return frame.assign(value=1.0 * deep + effect * (tanh & deep) + noise(frame))


# rule -> its keys, data by effect, and the effects that support, contradict and leave open
FLIPS = {
    "difference": ({**PAIR, "margin": 0.1}, planted, (0.3, -0.3, 0.1)),
    "equivalence": ({**PAIR, "margin": 0.1}, planted, (0.0, 0.3, 0.1)),
    "slope": ({"over": "depth", "margin": 0.1}, _slopes, (0.3, -0.3, 0.1)),
    "mean": ({"margin": 0.2}, _levels, (0.4, 0.1, 0.2)),
    "auc": ({"margin": 0.8}, _warnings, (4.0, 0.0, 1.15)),
    "interaction_share": ({"margin": 0.1, "rates": "each"}, _crossed, (5.0, 0.0, 1.0938)),
}


# rule -> the test that turns its data over
ELSEWHERE = {
    "law": "test_other_data_break_a_law",
    "cost": "test_other_times_give_another_verdict",
    "exact": "test_claims.test_an_exact_check_is_read_from_its_file",
}


def test_every_rule_is_flipped() -> None:
    """A rule that is added without a flip of its verdicts is an error."""
    assert {*FLIPS, "law"} == set(EFFECTS)
    assert set(FLIPS) | set(ELSEWHERE) == set(RULES)
    assert {name for name in ELSEWHERE.values() if "." not in name} <= set(globals())


@pytest.mark.parametrize(
    ("largest", "verdict"),
    [([0.0] * 5, "supported"), ([0.02] * 5, "contradicted"), ([0.0, 0.02, 0.0, 0.02, 0.01], "inconclusive")],
)
def test_other_data_break_a_law(largest: list[float], verdict: str, tmp_path: Path) -> None:
    """Recorded coefficients that obey the clipping law support it; one run a seed that does not is enough to break it.

    Runs without clipping by norm have no deviation and are not counted.
    """
    keys = {"rule": "law", "check": "clip_coefficient", "rates": "each", "direction": "lower", "margin": 0.005}
    entry = ledger_of(tmp_path, {"a-law": claim(study="main", **keys)})[0]
    runs = rows(depth=(2, 4), clip=("none", "norm(1.0)")).assign(steps=1000)
    runs["norm_seen"] = 0.5 + runs["depth"] / 4  # clipped in the deeper networks alone
    lawful = (1.0 / (runs["norm_seen"] + 1e-6)).clip(upper=1)
    off = runs["seed"].map(dict(enumerate(largest))) * (runs["depth"] == 4)
    seen = {COEFFICIENT: lawful - off, NORM: runs["norm_seen"]}
    by_key = {wanted: pd.Series(values.to_numpy(), index=runs["run_key"]) for wanted, values in seen.items()}
    evidence = Evidence(runs, runs[["run_key"]].assign(study="main"), pd.DataFrame(), by_key)
    found = next(rows_of_test(entry, entry.tests[0], evidence))
    assert found["verdict"] == verdict
    assert found["effect"] == pytest.approx(np.mean(largest), abs=1e-9)
    assert (found["n_runs"], found["n_seeds"]) == (10, 5)


def _costs(path: Path, ratios: list[float]) -> pd.DataFrame:
    """Write and read a table of times in which tanh takes `ratio` times as long as relu in each round."""
    each = [
        {
            "activation": name,
            "round": place,
            "forward_ns": factor,
            "backward_ns": 3 * factor,
            "copy_ns": 0.1,
            "step_us": 9.0,
            "device": "cpu",
        }
        for place, ratio in enumerate(ratios)
        for name, factor in (("relu", 1.0 + place), ("tanh", ratio * (1.0 + place)), ("mish", 50.0))
    ]
    pd.DataFrame(each).to_csv(path, index=False)
    return read_costs(path)


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [([1.5, 1.4, 1.6], "supported"), ([0.7, 0.8, 0.9], "contradicted"), ([1.0, 1.2, 1.1], "inconclusive")],
)
def test_other_times_give_another_verdict(ratios: list[float], verdict: str, tmp_path: Path) -> None:
    """A cost is compared within each round: forward and backward of the one over the other's, less 1."""
    keys = {"rule": "cost", "quantity": "ns_per_element", "margin": 0.1, "kind": "cost"}
    entry = ledger_of(tmp_path, {"a-cost": claim(**keys, this={"activation": "tanh"}, that={"activation": "relu"})})[0]
    costs = _costs(tmp_path / "cost.csv", ratios)
    assert cost(costs, entry.tests[0]).by_seed == pytest.approx(np.array(ratios) - 1)
    evidence = Evidence(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), cost=costs)
    found = next(rows_of_test(entry, entry.tests[0], evidence))
    assert (found["verdict"], found["n_seeds"], found["note"]) == (verdict, 0, "3 rounds of timing on this machine")
    absent = ledger_of(tmp_path, {"a-cost": claim(**keys, this={"activation": "gelu"}, that={"activation": "relu"})})[0]
    assert next(rows_of_test(absent, absent.tests[0], evidence))["verdict"] == "not estimable"


@pytest.mark.parametrize("rule", FLIPS)
@pytest.mark.parametrize(("place", "verdict"), [(0, "supported"), (1, "contradicted"), (2, "inconclusive")])
def test_other_data_give_another_verdict(rule: str, place: int, verdict: str, tmp_path: Path) -> None:
    """The same entry of the ledger is supported, contradicted or left open by the data alone."""
    keys, data, effects = FLIPS[rule]
    test = one_test(tmp_path, study="main", rule=rule, quantity="score", **keys)
    assert judge(EFFECTS[rule](cells(data(effects[place])), test).by_seed, test).verdict == verdict


@pytest.mark.parametrize("rule", ["difference", "slope", "mean"])
def test_the_direction_turns_the_verdict(rule: str, tmp_path: Path) -> None:
    """What is `higher` by more than the margin is not `lower`, and the other way round."""
    keys, data, (high, low, _) = FLIPS[rule]
    for effect, verdict in ((high, "contradicted"), (low, "supported")):
        test = one_test(tmp_path, study="main", rule=rule, quantity="score", direction="lower", **keys)
        assert judge(EFFECTS[rule](cells(data(effect)), test).by_seed, test).verdict == verdict

"""The audit of claims: every rule's numbers are derived a second time, and a wrong one is found whatever it counts."""

from dataclasses import replace
from math import expm1, log1p
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from actbench.analysis.claims import write_claims
from actbench.audit import claim_runs
from actbench.audit.claim_effects import effects
from actbench.audit.claim_rows import audit_claim_rows
from actbench.audit.claim_sources import Sources, redo
from actbench.audit.claim_verdicts import of_claim
from actbench.audit.printed_claims import _with_words, audit_claims, audit_ledger
from actbench.audit.raw_rows import Raw, read_printed, read_raw
from actbench.plan.config import load_config
from actbench.plan.ledger import RULES, Claim
from ledgers import claim, ledger_of, noise, one_test, rows
from synthetic import write_results

CONFIG = """
name: synthetic
studies:
  main: {activation: [relu, tanh, gelu], depth: [2, 8], norm: [none, layernorm], clip: [none, norm(1.0)],
         lr: [0.02, 0.1], seed: [0, 1, 2, 3, 4]}
"""
PAIR = {"this": {"activation": "relu"}, "that": {"activation": "tanh"}}
SPEED = {
    "study": "main",
    "quantity": "steps_to_loss",
    "threshold": 0.9,
    "scale": "log2",
    "direction": "lower",
    "family": "speed",
}
START = {"study": "main", "moment": "start"}
ENTRIES = {
    "better": claim(study="main", rule="difference", quantity="score", margin=0.02, strata=["norm", "depth"], **PAIR),
    "alike": claim(study="main", rule="equivalence", quantity="loss", margin=0.5, **PAIR),
    "ranked": claim(study="main", rule="difference", quantity="score", scale="rank", direction="lower", margin=0.5,
                    strata=["norm"], this={"activation": "relu"}),
    "faster": claim(**SPEED, rule="difference", rates="fastest", strata=["depth"], margin=0.01, **PAIR),
    "sooner": claim(**SPEED | {"quantity": "seconds_to_loss", "scale": "linear"}, rule="difference", rates="fastest",
                    **PAIR),
    "slowing": claim(**SPEED, rule="slope", over="depth", over_scale="log2", rates="each"),
    "vanishing": claim(**START, rule="slope", quantity="gradient_norm", layers="first", scale="log10", over="depth"),
    "steeper": claim(**START, rule="slope", quantity="gradient_norm", layers="spread", over="depth",
                     this={"norm": "layernorm"}),
    "sparse": claim(study="main", rule="mean", moment="early", quantity="zero_fraction", margin=0.2, rates="each"),
    "warned": claim(**START, rule="auc", quantity="gradient_norm", layers="last", outcome="failed", rates="each"),
    "together": claim(study="main", rule="interaction_share", quantity="score", margin=0.1, rates="each"),
    "law": claim(study="main", rule="law", check="clip_coefficient", where={"clip": "norm(1.0)"}, rates="each",
                 direction="lower", margin=0.0001),
    "cheaper": claim(kind="cost", rule="cost", quantity="ns_per_element", this={"activation": "relu"},
                     direction="lower"),
    "bounded": claim(kind="exact", rule="exact", check="tanh_range"),
    "several": claim(study="main", rule="mean", quantity="score", tests={"high": {"margin": 0.3}, "low": {
        "margin": 0.9, "direction": "lower", "strata": ["norm"]}}),
    "elsewhere": claim(study="other", rule="mean", quantity="score"),
    "not-yet": claim(needs="a recurrent model family"),
}  # fmt: skip
MEASURED = [name for name in ENTRIES if name not in ("bounded", "elsewhere", "not-yet")]
COLUMNS = ("margin", "effect", "low", "high", "p", "n_runs", "n_seeds")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sources, tuple[Claim, ...], Path]:
    """Make results with a claim for each rule, timings and exact checks among them."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "config.yaml").write_text(CONFIG)
    config, ledger = load_config(folder / "config.yaml"), ledger_of(folder, ENTRIES)
    write_results(config, folder / "results")
    results = folder / "results" / "synthetic"
    (results / "stats").mkdir(exist_ok=True)
    costs = pd.MultiIndex.from_product([range(6), ["relu", "tanh", "gelu"]], names=["round", "activation"]).to_frame()
    taken = 1.0 + np.random.default_rng(0).random((len(costs), 4))
    costs = costs.assign(**dict(zip(("forward_ns", "backward_ns", "copy_ns", "step_us"), taken.T, strict=True)))
    costs.assign(device="cpu").to_csv(results / "stats" / "cost.csv", index=False)
    check = {
        "check": "tanh_range",
        "holds": 1,
        "value": 0.9999999999998128,
        "expected": 1.0,
        "tolerance": 0.0,
        "detail": "made up",
    }
    pd.DataFrame([check]).to_csv(results / "stats" / "exact.csv", index=False)
    write_claims(config, ledger, folder / "results")
    known = [read_printed(results / "stats" / f"{name}.csv") for name in ("cost", "exact")]
    return Sources(read_raw(results / "tables"), *known), ledger, results


@pytest.fixture
def printed(made: tuple[Sources, tuple[Claim, ...], Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read what was printed of claims and tests."""
    claims, tests = (read_printed(made[2] / name) for name in ("claims.csv", "stats/claim_tests.csv"))
    numbers = dict.fromkeys(COLUMNS, "float64")
    return claims.astype({name: kind for name, kind in numbers.items() if name in claims}), tests.astype(numbers)


Made = tuple[Sources, tuple[Claim, ...], Path]
Printed = tuple[pd.DataFrame, pd.DataFrame]


def found(made: Made, printed: Printed) -> str:
    """Return the mismatches of what was printed."""
    return "\n".join(audit_claims(made[0], made[1], *printed)[1])


def test_all_of_the_ledgers_rules_are_redone(made: Made, printed: Printed) -> None:
    """Nothing is found in untouched results, nothing is left out, and the entries have every rule of the ledger."""
    compared, problems, unchecked = audit_claims(made[0], made[1], *printed)
    assert (problems, unchecked) == ([], [])
    assert compared == 8 * len(printed[1]) + len(printed[0])
    assert set(printed[1]["rule"]) == set(RULES)


@pytest.mark.parametrize("name", MEASURED)
def test_a_wrong_number_is_found_in_every_rule(name: str, made: Made, printed: Printed) -> None:
    """Effect, interval, p or a count that is another one is named, over all runs and in each stratum."""
    claims, tests = (frame[frame["id"] == name] for frame in printed)
    ledger = tuple(entry for entry in made[1] if entry.id == name)
    for column in COLUMNS:
        wrong = tests[column] * 1.0005 + (1 if column.startswith("n_") else 0.0005)
        lines = found((made[0], ledger, made[2]), (claims, tests.assign(**{column: wrong})))
        for row in tests[wrong.notna()].to_dict("records"):
            place = f"{name}, {row['test'] or 'its test'}, {row['stratum'] or 'all runs'}"
            assert f"{place}: {column} is" in lines


def test_a_wrong_number_of_an_exact_check_is_found(made: Made, printed: Printed) -> None:
    """The effect of an exact claim is the number of its check, and its verdict is what the check says."""
    claims, tests = printed
    assert made[0].exact is not None
    wrong = made[0]._replace(exact=made[0].exact.assign(value=0.9999))
    lines = found((wrong, *made[1:]), (claims, tests))
    assert "bounded, its test, all runs: effect is 1, exact.csv has 0.9999" in lines
    tests.loc[tests["id"] == "bounded", "verdict"] = "contradicted"
    assert "bounded, its test, all runs: verdict contradicted is not its interval's" in found(made, (claims, tests))


def test_a_wrong_number_in_a_note_is_found(made: Made, printed: Printed) -> None:
    """Runs and seeds that a note counts, rounds of timing, and the detail of an exact check."""
    claims, tests = printed
    notes = {
        "alike": "1 runs without a value or a partner",
        "warned": "2 seeds without both outcomes",
        "cheaper": "7 rounds of timing on this machine",
        "bounded": "made up otherwise",
    }
    tests["note"] = tests["id"].map(notes).fillna(tests["note"])
    lines = found(made, (claims, tests))
    for name, note in notes.items():
        said = "note is not that of exact.csv" if name == "bounded" else f"note says {note[0]} of "
        assert f"{name}, its test, all runs: {said}" in lines
        assert f"claims: {name}: note is without that of its weakest test" in lines
    tests["direction"] = "higher"
    assert "cheaper, its test, all runs: direction is not the ledger's" in found(made, (claims, tests))


def test_words_and_rows_that_do_not_follow_are_found(made: Made, printed: Printed) -> None:
    """A verdict, a place where a claim holds, a stratum that is gone, one that is new, and a test that is unknown."""
    claims, tests = printed
    for column, word in (("verdict", "contradicted"), ("holds_under", "high"), ("fails_under", "low: norm none")):
        claims[column] = claims[column].where(claims["id"] != "several", word)
    tests["stratum"] = tests["stratum"].replace("norm layernorm, depth 8", "norm both, depth 8")
    tests["id"] = tests["id"].where(tests["rule"] != "auc", "other")
    tests.loc[(tests["id"] == "ranked") & (tests["stratum"] == ""), "verdict"] = "conditional"
    tests = pd.concat([tests, tests[tests["stratum"] == "depth 2"]])
    lines = found(made, (claims[claims["id"] != "faster"], tests))
    for column in ("verdict", "holds_under", "fails_under"):
        assert f"claims: several: {column}" in lines
    assert "better, its test, norm layernorm, depth 8: not there" in lines
    assert "better, its test, norm both, depth 8: raw rows have no such levels" in lines
    assert "claim_tests: other, its test, all runs: not in the ledger" in lines
    assert "claim_tests: warned, its test: 0 rows" in lines
    assert "claims: faster: 0 rows" in lines
    assert "claim_tests: faster, its test: levels stand there twice" in lines
    assert lines.count("stand there twice") == 1
    assert "ranked, its test, all runs: verdict conditional is not its interval's" in lines


def test_holm_is_redone_within_families(made: Made, printed: Printed) -> None:
    """What statsmodels corrects within families is right; within kinds, of which one has two families, it is wrong."""
    claims, tests = (_with_words(frame) for frame in printed)
    assert claims.groupby("kind")["family"].nunique().max() > 1
    assert claims.groupby("family")["kind"].nunique().max() > 1
    for column, wrong in (("family", False), ("kind", True)):
        corrected = claims["p"].dropna().groupby(claims[column]).transform(lambda p: multipletests(p, method="holm")[1])
        lines = list(audit_claim_rows(made[1], claims.assign(p_adjusted=corrected), tests))
        assert any("Holm within" in line for line in lines) is wrong


def test_other_words_of_a_claim_are_found(made: Made, printed: Printed) -> None:
    """What a claim says, who says it, and what of it was measured in which unit are the ledger's and its test's."""
    claims, tests = (_with_words(frame) for frame in printed)
    assert list(audit_claim_rows(made[1], claims, tests)) == []
    for column in ("statement", "source", "kind", "family", "figure", "study", "quantity", "unit"):
        for name in ("better", "several", "vanishing"):
            wrong = claims.assign(**{column: claims[column].where(claims["id"] != name, "another")})
            assert f"claims: {name}: {column} is not " in "\n".join(audit_claim_rows(made[1], wrong, tests))


def test_what_cannot_be_redone_is_named(made: Made, printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without layers the tests of diagnostics are named, each with its claim; p and verdicts are still compared."""
    sources = made[0]._replace(raw=replace(made[0].raw, layers=None))
    _, problems, unchecked = audit_claims(sources, made[1], *printed)
    assert problems == []
    assert unchecked == [
        "claims: effects of 5 tests, layers.parquet is not there: vanishing; steeper; sparse; warned; law"
    ]
    monkeypatch.setattr("actbench.audit.claim_sources.LAWS", ())
    assert audit_claims(made[0], made[1], *printed)[2] == [
        "claims: effects of 1 tests, laws without a second formula: law"
    ]
    tests = printed[1].assign(p=printed[1]["p"] * 1.01)
    assert "better, its test, all runs: p is" in "\n".join(audit_claims(sources, made[1], printed[0], tests)[1])


def test_results_without_claims_are_said_to_be_so(made: Made, tmp_path: Path) -> None:
    """A result whose claims were not judged has nothing to compare."""
    assert audit_ledger(made[0].raw, tmp_path, made[1]) == (0, [], ["claims: claims.csv is not there"])
    assert audit_ledger(made[0].raw, made[2], made[1])[1:] == ([], [])


def test_times_without_a_file_were_not_taken(made: Made, printed: Printed) -> None:
    """Without timings a claim of cost is not yet tested, and a number beside it is wrong."""
    lines = "\n".join(audit_claims(made[0]._replace(costs=None), made[1], *printed)[1])
    assert "cheaper, its test, all runs: verdict" in lines
    assert "cheaper, its test, all runs: effect is" in lines


def test_interactions_are_those_of_a_table_worked_by_hand(tmp_path: Path) -> None:
    """A product of two contrasts beside main effects of equal size: a third of the variance, and 0 without it."""
    test = one_test(tmp_path, study="main", rule="interaction_share", quantity="score")
    frame = rows(activation=("relu", "tanh"), depth=(2, 4))
    a, b = (np.where(frame[name] == level, 1.0, -1.0) for name, level in (("activation", "relu"), ("depth", 2)))
    assert effects(frame.assign(value=a + b + a * b), test).seeds == pytest.approx([1 / 3] * 5)
    assert effects(frame.assign(value=a + b), test).seeds == pytest.approx([0.0] * 5)
    assert effects(frame.assign(value=a).iloc[1:], test)[:2] == ([], 19)
    assert effects(rows().assign(value=1.0), test).seeds == [], "of one condition there is no interaction"


def test_ranks_are_counted_among_all_of_a_block(tmp_path: Path) -> None:
    """Of three activations the best is first; one without a value is last, behind the worst."""
    test = one_test(tmp_path, study="main", rule="difference", quantity="score", scale="rank",
                    this={"activation": "relu"})  # fmt: skip
    frame = rows(activation=("relu", "tanh", "gelu"), depth=(2, 4))
    value = frame["activation"].map({"relu": 0.9, "tanh": 0.5, "gelu": 0.1}) + noise(frame)
    assert effects(frame.assign(value=value), test).seeds == [-1.5] * 5
    lost = value.where(frame["activation"] != "relu")
    assert effects(frame.assign(value=lost), test).seeds == [1.5] * 5


def test_a_time_is_read_between_two_evaluations(made: Made, tmp_path: Path) -> None:
    """Halfway in loss is halfway in log(1 + step); too late, and failed, is twice the run; at once is one update."""
    test = one_test(tmp_path, study="main", rule="mean", quantity="steps_to_loss", threshold=1.0, rates="each")
    raw = made[0].raw
    runs = raw.runs.head(4).assign(failed=[False, False, True, False], status="ok")
    losses = [(2.0, 0.0), (2.0, 1.5), (2.0, 0.0), (0.5, 0.1)]
    curves = pd.DataFrame(
        [(key, step, "train", loss) for key, pair in zip(runs["run_key"], losses, strict=True)
         for step, loss in zip((0, 99), pair, strict=True)], columns=["run_key", "step", "split", "loss"]
    )  # fmt: skip
    own = Raw(runs, curves, None, raw.studies)
    steps = float(runs["steps"].iloc[0])
    values = claim_runs.runs_of_test(own, test).set_index("run_key")["value"]
    expected = [expm1(log1p(99) / 2), 2 * steps, 2 * steps, 1.0]
    assert values[list(runs["run_key"])].to_list() == pytest.approx(expected)


def test_a_law_is_held_against_what_was_recorded(made: Made) -> None:
    """Recorded are a coefficient of 0.5 + s/2 and a norm of 2 - s at share s of the training: the first after 0."""
    test = next(claim.tests[0] for claim in made[1] if claim.id == "law")
    layers, runs = made[0].raw.layers, made[0].raw.runs
    assert layers is not None
    share = layers.loc[layers["step"] > 0, "step"].min() / runs["steps"].iloc[0]
    expected = abs(0.5 + share / 2 - 1 / (2 - share))
    assert redo(made[0], test).found[""].seeds == pytest.approx([expected] * 5, abs=1e-6)


def test_a_claim_asserts_all_of_its_tests() -> None:
    """Alike: that; both ways: conditional; undecided or not made: open."""
    yes, no, open_ = "supported", "contradicted", "inconclusive"
    assert [of_claim(words) for words in ([yes, yes], [yes, no], [yes, open_], [yes, "n too small"])] == [
        yes, "conditional", open_, open_,
    ]  # fmt: skip
    assert [of_claim(words) for words in ([no, "n too small"], ["study missing"], [], [open_, "conditional"])] == [
        no, "study missing", "not yet tested", "conditional",
    ]  # fmt: skip

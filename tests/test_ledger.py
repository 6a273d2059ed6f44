"""actbench.plan.ledger: what is refused, with the nearest names, and what the shipped ledger holds."""

from pathlib import Path
from typing import Any

import pytest

from actbench.plan.config import load_config
from actbench.plan.errors import ConfigError
from actbench.plan.ledger import load_ledger
from ledgers import claim, ledger_of, one_test

GOOD: dict[str, Any] = {"study": "main", "rule": "mean", "quantity": "score", "margin": 0.1}


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    """A test needs study, rule and quantity; the rest has a default."""
    test = one_test(tmp_path, **GOOD)
    assert (test.moment, test.scale, test.rates, test.direction, test.strata) == (
        "end",
        "linear",
        "chosen",
        "higher",
        (),
    )


def test_tests_share_what_stands_beside_them(tmp_path: Path) -> None:
    """Each named test takes the claim's keys and its own, which go first."""
    tests = {"a": {"margin": 0.5}, "b": {"where": {"activation": "relu"}}}
    found = ledger_of(tmp_path, {"a-claim": claim(**GOOD, tests=tests)})[0].tests
    assert [(test.name, test.margin, test.where) for test in found] == [
        ("a", 0.5, {}),
        ("b", 0.1, {"activation": ("relu",)}),
    ]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"quantty": "score"}, "unknown key 'quantty'; did you mean quantity"),
        ({"study": "mian"}, "a-claim.study: unknown study 'mian'; did you mean main"),
        ({"study": "mian"}, "(a new one is named under `studies` of the ledger)"),
        ({"quantity": "scor"}, "a-claim.quantity: unknown quantity 'scor'; did you mean"),
        ({"quantity": "gradient_nrm"}, "unknown quantity 'gradient_nrm'; did you mean gradient_norm"),
        ({"where": {"activation": "reluu"}}, "a-claim.where.activation: unknown activation 'reluu'; did you mean relu"),
        ({"where": {"activatoin": "relu"}}, "unknown key 'activatoin'; did you mean activation"),
        ({"rule": "means"}, "a-claim.rule: unknown rule 'means'; did you mean mean"),
        ({"direction": "hihger"}, "unknown direction 'hihger'; did you mean higher"),
        ({"strata": ["nrm"]}, "a-claim.strata: unknown strata 'nrm'; did you mean norm"),
        ({"rule": "difference"}, "rule difference needs the key 'this'"),
        ({"rule": "slope"}, "rule slope needs the key 'over'"),
        ({"rule": "difference", "this": {"lr": 0.1}}, "the test is about lr; write `rates: each`"),
        ({"rule": "mean", "strata": ["lr"]}, "the test is about lr; write `rates: each`"),
        ({"rule": "difference", "this": {"seed": 1}}, "seed is the unit of replication"),
        ({"rule": "difference", "this": {"depth": 2}, "margin": -0.1}, "`direction` says which way"),
        ({"margin": "big"}, "a-claim.margin: expected a number, found 'big'"),
        ({"quantity": "steps_to_loss"}, "steps_to_loss needs the key 'threshold'"),
        ({"rule": "exact", "check": "sigmoid_rnge"}, "unknown check 'sigmoid_rnge'; did you mean sigmoid_range"),
        ({"quantity": "seconds_to_loss"}, "seconds_to_loss needs the key 'threshold'"),
        ({"rule": "cost", "quantity": "ns"}, "needs the key 'this'"),
        ({"rule": "cost", "quantity": "ns", "this": {"activation": "relu"}}, "unknown quantity 'ns'; "),
        ({"rule": "cost", "quantity": "us_per_step", "this": {"depth": 2}}, "a cost is that of an activation"),
        ({"source": ["D"]}, "a-claim.source: unknown source 'D'; known: A, B, C, or a reference with its year"),
        ({"source": ["He et al."]}, "a-claim.source: unknown source 'He et al.'; known: A, B, C, or a reference"),
        ({"source": [2015]}, "a-claim.source: unknown source 2015; known: A, B, C"),
        ({"source": []}, "a-claim.source: an empty list; name A, B, C or a reference with its year"),
        ({"kind": "guess"}, "a-claim.kind: unknown kind 'guess'"),
        ({"figure": "rankings"}, "a-claim.figure: unknown figure 'rankings'; did you mean"),
        ({"needs": "more"}, "has `needs` and a test"),
    ],
)
def test_a_mistake_is_one_line_with_the_nearest_names(keys: dict[str, Any], problem: str, tmp_path: Path) -> None:
    """Every mistake names the entry and the key, and says what was probably meant."""
    with pytest.raises(ConfigError) as raised:
        ledger_of(tmp_path, {"a-claim": claim(**{**GOOD, **keys})})
    assert problem in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_absent_or_empty_ledger_is_refused(tmp_path: Path) -> None:
    """No file and no claims are one line each."""
    with pytest.raises(ConfigError, match="no such file"):
        load_ledger(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="name at least one claim"):
        ledger_of(tmp_path, {})
    with pytest.raises(ConfigError, match="an id is lower-case words joined by hyphens"):
        ledger_of(tmp_path, {"A_claim": claim(**GOOD)})


@pytest.mark.parametrize("grid", ["config.yaml", "paper.yaml"])
def test_the_shipped_ledger_fits_the_grids(grid: str, project_root: Path) -> None:
    """Every study that it names is in the default and in the full grid, with the levels that its tests take there."""
    config = load_config(project_root / "config" / grid)
    studies = {study.name: study for study in config.studies}
    ledger = load_ledger(project_root / "config" / "claims.yaml")
    assert len(ledger) >= 45
    for entry in ledger:
        for test in (test for test in entry.tests if test.study):
            levels = studies[test.study].levels
            assert len(levels["seed"]) >= 5, test.study
            for side in (test.where, test.this, test.that):
                for factor, values in side.items():
                    assert set(values) <= set(levels[factor]), f"{entry.id}: {test.study} lacks {factor} {values}"


def test_the_sides_of_a_shipped_contrast_differ(project_root: Path) -> None:
    """`where` leaves both sides of every contrast in, and a slope more than one level."""
    for entry in load_ledger(project_root / "config" / "claims.yaml"):
        for test in entry.tests:
            for factor, values in {**test.this, **test.that}.items():
                assert set(values) & set(test.where.get(factor, values)), f"{entry.id}: {factor} is excluded by `where`"
            assert test.over not in test.where or len(test.where[test.over]) > 1, entry.id

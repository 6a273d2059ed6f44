"""claims.csv end to end, from made-up tables: verdicts, strata, missing studies, families, files."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from actbench.analysis.claim_costs import read_costs
from actbench.analysis.claim_tests import Evidence, read_evidence
from actbench.analysis.claims import claims_path, compute_claims, read_claims, write_claims
from actbench.analysis.claims_schema import CLAIM_TESTS, CLAIMS, EXACT
from actbench.analysis.metrics import add_metrics
from actbench.analysis.statistic_file import read_if_made, stats_path
from actbench.plan.atomic_file import replacing
from actbench.plan.design import expand
from actbench.plan.errors import ConfigError
from ledgers import claim, ledger_of
from synthetic import fake_frames, make_config, write_results

CONFIG = make_config(seed=(0, 1, 2, 3, 4), norm=("none", "layernorm"))
FRAMES = fake_frames(expand(CONFIG), diverge=lambda runs: runs["lr"] > 1)
TANH: dict[str, Any] = {
    "study": "main", "rule": "difference", "quantity": "score", "margin": 0.02,
    "this": {"activation": "relu"}, "that": {"activation": "tanh"},
}  # fmt: skip


def judged(folder: Path, runs: pd.DataFrame = FRAMES["runs"], **claims: dict[str, Any]) -> pd.DataFrame:
    """Judge claims on made-up runs and return the rows of claims.csv by id."""
    evidence = Evidence(add_metrics(runs), FRAMES["studies"], FRAMES["curves"])
    named = {name.replace("_", "-"): claim(**keys) for name, keys in claims.items()}
    return compute_claims(ledger_of(folder, named, ("main", "elsewhere")), evidence)[0].set_index("id")


def test_a_planted_effect_is_found(tmp_path: Path) -> None:
    """Relu was made 0.05 better than tanh: the claim is supported, its reverse contradicted, with n and p."""
    found = judged(tmp_path, better=TANH, worse={**TANH, "direction": "lower"})
    row = found.loc["better"]
    assert (row["verdict"], found.loc["worse", "verdict"]) == ("supported", "contradicted")
    assert row["effect"] == pytest.approx(0.05, abs=0.01)
    assert row["low"] < row["effect"] < row["high"]
    assert (row["n_runs"], row["n_seeds"], row["unit"]) == (80, 5, "fraction")
    assert found["p_adjusted"].min() == pytest.approx(2 * found["p"].min())


def test_a_claim_from_elsewhere_names_its_reference(tmp_path: Path) -> None:
    """Letters of the texts stand side by side, references behind them."""
    found = judged(
        tmp_path, own={**TANH, "source": ["A", "He et al. 2015", "B"]}, alone={**TANH, "source": ["Ma 2021"]}
    )
    assert found["source"].to_dict() == {"own": "A B; He et al. 2015", "alone": "Ma 2021"}


def test_turning_the_data_turns_the_verdict(tmp_path: Path) -> None:
    """The same ledger over runs with the two activations exchanged contradicts what it supported."""
    turned = FRAMES["runs"].assign(activation=FRAMES["runs"]["activation"].replace({"relu": "tanh", "tanh": "relu"}))
    assert judged(tmp_path, turned, better=TANH).loc["better", "verdict"] == "contradicted"


def test_strata_that_disagree_are_named(tmp_path: Path) -> None:
    """Better without norm and worse with layer norm: conditional, and the row says where."""
    runs = FRAMES["runs"].copy()
    worse = (runs["norm"] == "layernorm") & (runs["activation"] == "relu")
    runs.loc[worse, "best_test_accuracy"] -= 0.3
    row = judged(tmp_path, runs, better={**TANH, "strata": ["norm"]}).loc["better"]
    assert (row["verdict"], row["holds_under"], row["fails_under"]) == ("conditional", "norm none", "norm layernorm")


def test_a_claim_of_several_tests_shows_its_weakest(tmp_path: Path) -> None:
    """Two tests of which one fails: conditional, with the failing one's numbers and both named."""
    tests = {"good": {}, "bad": {"direction": "lower"}}
    row = judged(tmp_path, both={**TANH, "tests": tests}).loc["both"]
    assert (row["verdict"], row["holds_under"], row["fails_under"]) == ("conditional", "good", "bad")
    assert row["note"].startswith("numbers of its weakest test, bad")


def test_what_cannot_be_tested_says_so_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A missing study, level, diagnostic, check or family, two seeds and failed runs: each row has its reason."""
    few = FRAMES["runs"][FRAMES["runs"]["seed"] < 2]
    absent = {**TANH, "study": "elsewhere"}
    found = judged(
        tmp_path,
        fine=TANH,
        absent=absent,
        no_level={**TANH, "where": {"depth": 64}},
        no_record={"study": "main", "rule": "mean", "quantity": "zero_fraction"},
        no_check={"rule": "exact", "check": "elu_limit"},
        untested={"needs": "a recurrent model family"},
        cost={"kind": "cost", "rule": "cost", "quantity": "ns_per_element", "this": {"activation": "relu"}},
    )
    assert found["verdict"].to_dict() == {
        "fine": "supported", "absent": "study missing", "no-level": "not estimable", "no-record": "not estimable",
        "no-check": "not yet tested", "untested": "not yet tested", "cost": "not yet tested",
    }  # fmt: skip
    assert found.loc["absent", "note"] == "no study elsewhere in this config"
    assert found.loc["no-record", "note"] == "zero_fraction was recorded for none of the runs"
    assert found.loc["cost", "note"].startswith("run `actbench cost CONFIG`")
    assert (found["note"].str.len() > 0).sum() == 6
    assert judged(tmp_path, few, two=TANH).loc["two", "verdict"] == "n too small"
    failed = FRAMES["runs"].assign(status="diverged")
    row = judged(tmp_path, failed, all_failed=TANH).loc["all-failed"]
    assert (row["verdict"], row["note"]) == ("contradicted", "constant values")


def test_holm_is_taken_within_families(tmp_path: Path) -> None:
    """Alone in its family a claim keeps its p; a claim that only Holm undoes says so."""
    found = judged(tmp_path, a=TANH, b={**TANH, "family": "other"})
    assert found.loc["b", "p_adjusted"] == found.loc["b", "p"]
    noisy = FRAMES["runs"].assign(
        best_test_accuracy=lambda runs: runs["best_test_accuracy"] + 0.06 * (np.sin(7.0 * runs["seed"]) - 0.55) * (
            runs["activation"] == "relu")
    )  # fmt: skip
    many = {f"c{index}": {**TANH, "margin": 0.0} for index in range(9)}
    weak = judged(tmp_path, noisy, **many)
    assert (weak["p"] < 0.05).all()
    assert weak["note"].str.contains("not after Holm's correction").all()


def test_the_order_of_the_tables_does_not_matter(tmp_path: Path) -> None:
    """Shuffled runs give the same claims to the last bit."""
    first = judged(tmp_path, better={**TANH, "strata": ["norm"]})
    again = judged(tmp_path, FRAMES["runs"].sample(frac=1, random_state=1), better={**TANH, "strata": ["norm"]})
    pd.testing.assert_frame_equal(first, again, rtol=1e-12)


def test_files_are_written_and_read_back(tmp_path: Path) -> None:
    """The CSV files hold every column of the schema, a diagnostic among the claims, and are read back."""
    write_results(CONFIG, tmp_path, diverge=lambda runs: runs["lr"] > 1)
    slope = {
        "study": "main", "rule": "slope", "quantity": "gradient_norm", "layers": "first", "moment": "start",
        "scale": "log10", "over": "depth", "direction": "lower", "margin": 0.05,
    }  # fmt: skip
    ledger = ledger_of(tmp_path, {"better": claim(**TANH), "vanishing": claim(**slope)})
    written = write_claims(CONFIG, ledger, tmp_path)
    claims, tests = read_claims(CONFIG, tmp_path)
    assert list(claims) == [column.name for column in CLAIMS]
    assert list(tests) == [column.name for column in CLAIM_TESTS]
    pd.testing.assert_frame_equal(claims, written, rtol=1e-9)
    row = claims.set_index("id").loc["vanishing"]
    assert (row["verdict"], row["unit"]) == ("supported", "decades per depth")
    assert row["effect"] == pytest.approx(np.log10(0.8), abs=0.01)
    first = claims_path(CONFIG.name, tmp_path).read_bytes()
    write_claims(CONFIG, ledger, tmp_path)
    assert claims_path(CONFIG.name, tmp_path).read_bytes() == first
    assert read_evidence(CONFIG, ledger, tmp_path).exact.empty


def test_an_exact_check_is_read_from_its_file(tmp_path: Path) -> None:
    """1 supports and 0 contradicts, with the detail as the note."""
    write_results(CONFIG, tmp_path)
    stats_path(CONFIG.name, "exact", tmp_path).parent.mkdir(parents=True, exist_ok=True)
    stats_path(CONFIG.name, "exact", tmp_path).write_text(
        "check,holds,value,expected,tolerance,detail\ntanh_range,1,1,1,0,yes\nclip_law,0,1,0,0,it is 1\n"
    )
    ids = {"good": "tanh_range", "bad": "clip_law"}
    entries = {name: claim(kind="exact", rule="exact", check=check) for name, check in ids.items()}
    found = write_claims(CONFIG, ledger_of(tmp_path, entries), tmp_path).set_index("id")
    assert found["verdict"].to_dict() == {"good": "supported", "bad": "contradicted"}
    assert found.loc["bad", ["effect", "note"]].to_list() == [1.0, "it is 1"]


@pytest.mark.parametrize(("name", "read"), [("exact", partial(read_if_made, columns=EXACT)), ("cost", read_costs)])
def test_what_claims_rest_on_is_read_as_it_was_written(name: str, read: Callable, tmp_path: Path) -> None:
    """An absent file has no rows; one that was changed, is empty or has other columns is one line with the remedy."""
    path = tmp_path / f"{name}.csv"
    assert read(path).empty
    for content in ("", "a,b\n1,2\n"):
        path.write_text(content)
        with pytest.raises(ConfigError, match=rf"{name}.csv: its columns are others .*; run `actbench {name}`"):
            read(path)
    with replacing(path) as (partial,):
        partial.write_text("a,b\n")
    path.write_text("a,c\n")
    with pytest.raises(ConfigError, match=rf"changed since it was written, set aside as {name}.csv.damaged"):
        read(path)


def test_absent_claims_are_one_line(tmp_path: Path) -> None:
    """Without the file the remedy is named."""
    with pytest.raises(ConfigError, match="no such file; run `actbench claims"):
        read_claims(CONFIG, tmp_path)

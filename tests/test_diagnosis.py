"""actbench.analysis.diagnosis: findings of many runs, repairs beside them, and tables that lack something."""

import json
from pathlib import Path

import pandas as pd
import pytest

from actbench.analysis.diagnosis import COLUMNS, ILL, NOT_RECORDED, SEEN, as_facts, diagnose, walk
from actbench.analysis.evidence import Records
from actbench.analysis.illness import ABOVE, CAUSE, START
from actbench.analysis.illnesses import ILLNESSES
from actbench.analysis.recorded import Recorded, recorded_by, recorded_in
from actbench.analysis.selection import with_status
from synthetic import make_config, write_results


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Make up results in which runs of depth 8 at the higher rate diverge without norm."""
    folder = tmp_path_factory.mktemp("grid")
    levels = {"activation": ("relu",), "norm": ("none", "layernorm"), "init": ("he_normal",)}
    config = make_config(**levels)
    write_results(config, folder)
    return recorded_by(config, folder)


def test_every_run_is_judged_by_every_rule(recorded: Recorded) -> None:
    """One row for each run and rule, in the order of the runs and of the rules."""
    runs = recorded.runs()
    found = diagnose(recorded, runs, list(runs["run_key"])).findings
    assert list(found) == COLUMNS
    assert found["illness"].tolist() == list(ILLNESSES) * len(runs)
    assert found["run_key"].tolist() == [key for key in runs["run_key"] for _ in ILLNESSES]


def test_repairs_of_one_run_are_those_of_all_its_seeds(recorded: Recorded) -> None:
    """A run that diverged is compared seed by seed, and beside it stands how often that helped in the whole grid."""
    runs = recorded.runs()
    failed = with_status(runs, "failed")
    assert len(failed) == 3
    found = diagnose(recorded, runs, [failed["run_key"].iloc[0]]).repairs.set_index(["factor", "after"])
    assert set(found.index) == {("norm", "layernorm"), ("depth", 2), ("lr", 0.02)}
    assert (found[["n_pairs", "n_repaired", "n_seeds", "grid_pairs", "grid_repaired"]] == 3).all(axis=None)
    normed = runs[(runs["norm"] == "layernorm") & (runs["lr"] == 0.1) & (runs["depth"] == 8)]
    assert found.loc[("norm", "layernorm"), "score_after"] == pytest.approx(normed["best_test_accuracy"].mean())


def test_a_run_that_fell_back_repairs_nothing(recorded: Recorded) -> None:
    """A changed run that had learned and answers like guessing in the end is ill itself, in the grid's counts too."""
    runs = recorded.runs()
    fell = runs.assign(val_accuracy=runs["val_accuracy"].mask(runs["norm"] == "layernorm", 0.1))
    failed = with_status(runs, "failed")["run_key"].iloc[0]
    found = diagnose(recorded, fell, [failed]).repairs.set_index(["factor", "after"])
    assert found.loc[("norm", "layernorm"), ["n_pairs", "n_repaired"]].tolist() == [3, 0]
    assert found.loc[("lr", 0.02), ["n_pairs", "n_repaired", "grid_pairs"]].tolist() == [3, 3, 9]


def test_healthy_runs_have_no_repairs(recorded: Recorded) -> None:
    """Where nothing is ill nothing is repaired."""
    runs = recorded.runs()
    found = diagnose(recorded, runs, list(with_status(runs, "ok")["run_key"]))
    assert found.illnesses().empty
    assert found.repairs.empty


def test_statuses_pick_runs(recorded: Recorded) -> None:
    """Failed runs are all that are not ok; untrained ones are ok and no better than twice chance."""
    runs = recorded.runs()
    assert set(with_status(runs, "failed")["status"]) == {"diverged"}
    assert with_status(runs, "error").empty
    assert len(with_status(runs, "all")) == len(runs)
    poor = runs.assign(best_val_accuracy=runs["best_val_accuracy"].where(runs["depth"] == 2, 0.11))
    assert set(with_status(poor, "untrained")["depth"]) == {8}
    assert set(with_status(poor, "untrained")["status"]) == {"ok"}


def test_foreign_tables_are_judged_as_far_as_they_go(tmp_path: Path) -> None:
    """With runs and gradient norms alone, those rules speak and the others say that they could not."""
    scores = {"val_accuracy": [0.9, 0.1], "test_accuracy": [0.9, 0.1]}
    runs = {"run_key": ["a", "b"], "status": ["ok", "ok"], "classes": [10, 10], "norm": ["none", "batchnorm"], **scores}
    pd.DataFrame(runs).to_parquet(tmp_path / "runs.parquet")
    norms = [
        (key, 0, layer, "gradient_norm", 10.0 ** (scale * layer))
        for key, scale in (("a", 0), ("b", 2))
        for layer in (1, 2, 3)
    ]
    columns = ["run_key", "step", "layer", "diagnostic", "value"]
    pd.DataFrame(norms, columns=columns).to_parquet(tmp_path / "layers.parquet")
    recorded = recorded_in(tmp_path)
    found = diagnose(recorded, recorded.runs(), ["a", "b"])
    ill = found.illnesses()
    assert ill[["run_key", "illness"]].to_numpy().tolist() == [["b", "did_not_learn"], ["b", "vanishing_gradients"]]
    assert ill["value"].iloc[1] == pytest.approx(0.01)
    silent = set(found.findings.loc[found.findings["verdict"] == NOT_RECORDED, "illness"])
    assert {"saturation", "dead_units", "rate_too_high", "always_clipped", "signal_grows"} <= silent
    (repair,) = found.repairs.to_dict("records")
    assert (repair["factor"], repair["after"], repair["n_repaired"], repair["n_pairs"]) == ("norm", "none", 1, 1)


def beyond(name: str, keys: list[str]) -> pd.DataFrame:
    """Return rows of a table of layers in which a rule's number lies beyond its threshold, for a depth of two."""
    rule = ILLNESSES[name]
    low, high = (1.0, 2 * rule.threshold) if rule.comparison == ABOVE else (1.0, rule.threshold / 2)
    values = (low, high) if rule.reduction == "last_over_first_hidden" else (high, low)
    values = (high, high) if "over" not in rule.reduction and rule.reduction != "spread_hidden" else values
    step = 0 if rule.moment == START else 1
    rows = [(key, step, layer, rule.diagnostic, value) for key in keys for layer, value in enumerate(values, 1)]
    rows += [(key, step, layer, rule.minus, 0.0) for key in keys for layer in (1, 2) if rule.minus]
    return pd.DataFrame(rows, columns=["run_key", "step", "layer", "diagnostic", "value"])


@pytest.mark.parametrize("name", [name for name, rule in ILLNESSES.items() if rule.table == "layers"])
def test_a_cause_is_an_illness_only_of_a_run_that_failed(name: str) -> None:
    """The same number is ill in runs that did not learn, fell back or diverged, and only seen in one that learned."""
    keys = ["learned", "did not learn", "fell back", "diverged"]
    runs = pd.DataFrame({"run_key": keys, "status": ["ok", "ok", "ok", "diverged"], "depth": 2, "classes": 10})
    runs = runs.assign(best_val_accuracy=[0.5, 0.1, 0.5, None], val_accuracy=[0.5, 0.1, 0.1, None], steps=1)
    runs = runs.assign(diverged_step=pd.array([None, None, None, 3], dtype="Int64"), norm="none", residual="none")
    runs = runs.assign(clip_rate=0.0, activation="tanh")
    curves = pd.DataFrame(columns=["run_key", "step", "split", "loss", "accuracy"])
    found = walk(Records(runs, curves, beyond(name, keys)))
    verdicts = found[found["illness"] == name].set_index("run_key")["verdict"]
    expected = {"learned": SEEN, "did not learn": ILL, "fell back": ILL, "diverged": ILL}
    if name == "rate_too_low":  # a run that diverged made fewer updates than it was meant to
        expected["diverged"] = NOT_RECORDED
    assert verdicts.to_dict() == expected
    symptoms = found[(found["verdict"] == ILL) & (found["kind"] != CAUSE)].set_index("run_key")["illness"]
    assert symptoms.to_dict() == {
        "did not learn": "did_not_learn", "fell back": "fell_back", "diverged": "non_finite"
    }  # fmt: skip


def test_a_cause_that_needs_another_is_only_seen_without_it() -> None:
    """Clipping all the time is an illness where the weights hardly move, and no cause where they do."""
    keys = ["stuck", "moving"]
    runs = pd.DataFrame({"run_key": keys, "status": "ok", "depth": 2, "classes": 10, "steps": 10, "norm": "none"})
    runs = runs.assign(best_val_accuracy=0.1, val_accuracy=0.1, clip_rate=1.0, residual="none", activation="tanh")
    runs = runs.assign(diverged_step=pd.array([None, None], dtype="Int64"))
    pace = {"stuck": 0.01, "moving": 0.08}
    layers = [(key, 5, layer, "update_ratio", value) for key, value in pace.items() for layer in (1, 2)]
    curves = pd.DataFrame(columns=["run_key", "step", "split", "loss", "accuracy"])
    rows = pd.DataFrame(layers, columns=["run_key", "step", "layer", "diagnostic", "value"])
    found = walk(Records(runs, curves, rows)).set_index(["run_key", "illness"])["verdict"]
    assert [found[key, "always_clipped"] for key in keys] == [ILL, SEEN]
    assert [found[key, "rate_too_low"] == ILL for key in keys] == [True, False]


def test_facts_are_json(recorded: Recorded) -> None:
    """The whole diagnosis is one object with numbers as numbers; each finding carries its rule."""
    runs = recorded.runs()
    facts = json.loads(json.dumps(as_facts(diagnose(recorded, runs, list(runs["run_key"]))), allow_nan=False))
    assert facts["n_runs"] == len(runs) == len(facts["runs"])
    assert (facts["healthy"], facts["n_ill"], facts["counts"]["non_finite"]) == (False, 3, 3)
    assert facts["n_without_cause"] == 0
    ill = [run for run in facts["runs"] if run["illnesses"]]
    assert {run["status"] for run in ill} == {"diverged"}
    finding = next(row for row in ill[0]["findings"] if row["illness"] == "non_finite")
    assert finding.keys() >= {"value", "threshold", "comparison", "meaning", "source", "kind", "verdict"}
    assert finding["step"] == 40
    alone = as_facts(diagnose(recorded, runs, [ill[0]["run_key"]]))["runs"][0]
    assert [row["illness"] for row in alone["findings"]] == list(ILLNESSES)

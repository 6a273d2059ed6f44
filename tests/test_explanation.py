"""actbench.analysis.explanation: the facts of one run are those of the tables."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from actbench.analysis.explanation import as_facts, explain, first_variance, profile, with_prediction
from actbench.analysis.recorded import Recorded, recorded_by
from synthetic import make_config, write_results


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Make up results and open them."""
    folder = tmp_path_factory.mktemp("explained")
    config = make_config()
    write_results(config, folder)
    return recorded_by(config, folder)


def test_the_facts_are_those_of_the_tables(recorded: Recorded) -> None:
    """Levels, outcome, curve and profile of a run are its own rows."""
    runs = recorded.runs()
    run = runs[runs["status"] == "ok"].iloc[0]
    found = explain(recorded, run["run_key"])
    assert found.levels == {name: run[name] for name in found.levels}
    assert found.studies == ["main"]
    assert found.outcome["test_accuracy"] == run["test_accuracy"]
    assert found.cost["milliseconds_per_update"] == pytest.approx(1000 * run["seconds"] / run["steps"])
    curves = recorded.records("curves", [run["run_key"]])
    assert found.curve["val_loss"].tolist() == pytest.approx(curves[curves["split"] == "val"]["loss"].tolist())
    assert len(found.seeds) == 3
    layers = recorded.records("layers", [run["run_key"]])
    norms = layers[(layers["diagnostic"] == "gradient_norm") & (layers["layer"] > 0)]
    expected = {(row.step, row.layer): row.value for row in norms.itertuples()}
    assert {(row.step, row.layer): row.gradient_norm for row in found.gradients.itertuples()} == expected
    assert len(found.gradients) == len(norms) > 0
    assert list(zip(found.gradients["step"], found.gradients["layer"], strict=True)) == sorted(expected)


def test_a_run_that_diverged_has_no_scores_but_a_step(recorded: Recorded) -> None:
    """Missing numbers are None, and what was recorded before the divergence is there."""
    runs = recorded.runs()
    found = explain(recorded, runs[runs["status"] == "diverged"]["run_key"].iloc[0])
    assert found.outcome["test_accuracy"] is None
    assert found.outcome["diverged_step"] == 40
    assert found.outcome["score"] == 0
    assert found.curve["step"].max() <= 40


def test_a_profile_holds_the_first_and_last_value_of_each_diagnostic() -> None:
    """Each diagnostic has steps of its own, and a value that is missing counts as not recorded."""
    rows = [
        (0, 1, "gradient_norm", 3.0),
        (9, 1, "gradient_norm", 1.0),
        (4, 1, "gradient_norm", 2.0),
        (4, 1, "dead_fraction", 0.5),
        (9, 1, "dead_fraction", float("nan")),
    ]
    layers = pd.DataFrame(rows, columns=["step", "layer", "diagnostic", "value"]).assign(run_key="a")
    found = profile(layers).set_index("diagnostic")
    assert found.loc["gradient_norm", ["start_step", "start", "end_step", "end"]].tolist() == [0, 3, 9, 1]
    assert found.loc["dead_fraction", ["start_step", "start", "end_step", "end"]].tolist() == [4, 0.5, 4, 0.5]


def test_facts_are_json_with_numbers(recorded: Recorded) -> None:
    """Every number is a number and every missing one null, also in the runs that diverged."""
    for key in recorded.runs()["run_key"].head(12):
        facts = json.loads(json.dumps(as_facts(explain(recorded, key)), allow_nan=False))
        assert isinstance(facts["levels"]["lr"], float)
        assert isinstance(facts["profile"][0]["start"], float)
        assert facts["neighbours"][0].keys() >= {"factor", "level", "score", "difference"}


def test_a_forecast_stands_beside_what_was_measured(recorded: Recorded) -> None:
    """Measured mean squares and norms of the first step, and predicted norms that meet them in the last layer."""
    names = ("preactivation_mean", "preactivation_std", "backward_norm")
    values = {1: (3.0, 4.0, 8.0), 2: (0.0, 2.0, 6.0)}
    rows = [(layer, name, 0, v, 9, -1.0) for layer, row in values.items() for name, v in zip(names, row, strict=True)]
    found = explain(recorded, recorded.runs()["run_key"].iloc[0])
    found = replace(found, profile=pd.DataFrame(rows, columns=list(found.profile)))
    assert first_variance(found) == 25.0
    seen = with_prediction(found, [(1, 25.0, 4.0), (2, 5.0, 1.0)], "rough").prediction
    assert seen["forward_variance"].tolist() == [25.0, 4.0]
    assert seen["predicted_forward_variance"].tolist() == [25.0, 5.0]
    assert seen["predicted_backward_norm"].tolist() == [12.0, 6.0]


def test_without_pre_activations_there_is_no_prediction(recorded: Recorded) -> None:
    """Where the first step was not recorded, or theory is silent, the note says why."""
    found = explain(recorded, recorded.runs()["run_key"].iloc[0])
    assert first_variance(found) is None
    assert with_prediction(found, None, "").prediction_note == "the pre-activations of the first step are not recorded"
    assert with_prediction(found, None, "no theory").prediction_note == "no theory"

"""actbench.analysis.illnesses: each rule names the run that was built for it, and none a healthy run."""

import pandas as pd
import pytest

from actbench.analysis.diagnosis import FINE, ILL, NOT_APPLICABLE, SEEN, Diagnosis, diagnose
from actbench.analysis.illnesses import CAUSE, ILLNESSES, SYMPTOM
from actbench.analysis.recorded import Recorded
from illness_cases import case, record

RELU = {"activation": "relu", "init": "he_normal"}

# What each run shows, and the causes that a rule must name in it, no more and no fewer.
BUILT = {
    "inputs a hundred times too large saturate tanh": (case(input_scale=100.0), {"saturation"}),
    "a bias of -2.5 silences ReLU": (case(**RELU, depth=1, bias_offset=-2.5, lr=0.002), {"zeros"}),
    "a bias of -9 kills ReLU": (case(**RELU, depth=1, bias_offset=-9.0), {"dead_units", "zeros"}),
    "eight sigmoid layers": (case(activation="sigmoid", depth=8), {"vanishing_gradients", "no_norm_no_skips"}),
    "24 layers of batch norm without skips": (
        case(**RELU, norm="batchnorm", depth=24, lr=0.001),
        {"exploding_gradients"},
    ),
    "weights far too small for ReLU": (case(activation="relu", init="normal(0.02)"), {"signal_shrinks"}),
    "weights far too large for ReLU": (case(activation="relu", init="normal(2.0)", lr=1e-4), {"signal_grows"}),
    "a rate of 1,000": (case(**RELU, lr=1000.0), {"rate_too_high"}),
    "a rate that linear layers cannot stand": (case(activation="identity", lr=0.2), {"steps_too_large"}),
    "a rate of a ten-millionth": (case(lr=1e-7), {"rate_too_low"}),
    "a clipping threshold of 0.0003": (case(clip="norm(0.0003)", lr=1.0), {"always_clipped"}),
    "60 linear layers of 8 units": (case(activation="identity", depth=60, width=8, lr=3e-4), {"collapse"}),
}
HEALTHY = {
    "tanh": case(),
    "ReLU": case(**RELU),
    "ReLU, batch norm": case(**RELU, norm="batchnorm"),
    "identity": case(activation="identity"),
    "tanh, other seed": case(seed=1),
    "tanh, clipped all the time": case(clip="norm(0.001)", lr=1.0),
}
BROKEN = case(seed=9)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Train all of these runs and write their tables."""
    built = [run for run, _ in BUILT.values()]
    return record(tmp_path_factory.mktemp("ill"), [*built, *HEALTHY.values()], [BROKEN])


def diagnosed(recorded: Recorded, key: str) -> Diagnosis:
    """Diagnose one run."""
    return diagnose(recorded, recorded.runs(), [key])


def named(diagnosis: Diagnosis, kind: str) -> set[str]:
    """Return the illnesses of a kind that were found."""
    ill = diagnosis.illnesses()
    return set(ill.loc[ill["kind"] == kind, "illness"])


@pytest.mark.parametrize("name", BUILT)
def test_the_planted_cause_is_named_and_no_other(recorded: Recorded, name: str) -> None:
    """In a run built to show an illness, the rules name that illness and nothing else."""
    run, causes = BUILT[name]
    assert named(diagnosed(recorded, run.key), CAUSE) == causes


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_not_called_ill(recorded: Recorded, name: str) -> None:
    """No rule names anything in a run that learns, and every rule had its number."""
    found = diagnosed(recorded, HEALTHY[name].key)
    assert found.illnesses().empty
    assert set(found.findings["verdict"]) <= {FINE, SEEN, NOT_APPLICABLE}


def test_every_rule_is_tried() -> None:
    """There is a built run for every cause, and the others are symptoms."""
    planted = set().union(*(causes for _, causes in BUILT.values()))
    assert planted == {name for name, rule in ILLNESSES.items() if rule.kind == CAUSE}


def test_symptoms_are_named(recorded: Recorded) -> None:
    """A run that diverged, one that did not learn and one that could not be trained are told apart."""
    for run, symptom in (
        (BUILT["a rate of 1,000"][0], "non_finite"),
        (BUILT["a rate of a ten-millionth"][0], "did_not_learn"),
        (BROKEN, "error"),
    ):
        assert named(diagnosed(recorded, run.key), SYMPTOM) == {symptom}


def test_a_diverged_run_says_when_and_where(recorded: Recorded) -> None:
    """The step of the divergence is cited, and what was last recorded before it."""
    run = BUILT["a rate of 1,000"][0]
    found = diagnosed(recorded, run.key)
    row = found.findings[found.findings["illness"] == "non_finite"].iloc[0]
    runs = recorded.runs().set_index("run_key")
    assert row["step"] == runs.loc[run.key, "diverged_step"]
    (seen,) = found.last_seen.to_dict("records")
    curves = recorded.records("curves", [run.key])
    last = curves[(curves["split"] == "train") & (curves["step"] == curves["step"].max())]
    assert seen["train_loss"] == last["loss"].iloc[0]
    assert seen["step"] < row["step"] + 1
    assert 1 <= seen["layer"] <= run.depth + 1


def test_a_rule_speaks_only_of_the_levels_it_names(recorded: Recorded) -> None:
    """Missing norm and skips are no illness of a network with a norm."""
    found = diagnosed(recorded, BUILT["24 layers of batch norm without skips"][0].key).findings
    assert found.set_index("illness").loc["no_norm_no_skips", "verdict"] == NOT_APPLICABLE


def test_clipping_that_does_no_harm_is_seen_and_not_ill(recorded: Recorded) -> None:
    """Clipping active all the time is cited, but no illness, in a run that learned."""
    found = diagnosed(recorded, HEALTHY["tanh, clipped all the time"].key).findings.set_index("illness")
    assert found.loc["always_clipped", ["value", "verdict"]].tolist() == [1.0, SEEN]
    ill = diagnosed(recorded, BUILT["a clipping threshold of 0.0003"][0].key).findings.set_index("illness")
    assert ill.loc["always_clipped", "verdict"] == ILL


def test_many_runs_are_judged_as_each_is_alone(recorded: Recorded) -> None:
    """A run's findings do not depend on the runs that are diagnosed with it."""
    keys = [run.key for run, _ in BUILT.values()]
    together = diagnose(recorded, recorded.runs(), keys).findings
    for key in keys[:4]:
        alone = diagnosed(recorded, key).findings
        pd.testing.assert_frame_equal(together[together["run_key"] == key].reset_index(drop=True), alone)

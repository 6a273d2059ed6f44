"""actbench.analysis.illnesses: each rule names the failed run that was built for it, and none a healthy run."""

import pandas as pd
import pytest

from actbench.analysis.diagnosis import FINE, NOT_APPLICABLE, SEEN, Diagnosis, diagnose
from actbench.analysis.evidence import REDUCTIONS
from actbench.analysis.illness import CAUSE, SYMPTOM
from actbench.analysis.illnesses import ILLNESSES
from actbench.analysis.recorded import Recorded
from actbench.plan.factors import FACTORS
from actbench.plan.registry import known_levels
from illness_cases import case, record

RELU = {"activation": "relu", "init": "he_normal"}
FLAT = {"init": "normal(2.0)", "input_scale": 100.0}

# What each run shows, and the causes that a rule must name in it, no more and no fewer. All of them fail.
BUILT = {
    "a bias of -9 kills ReLU": (case(**RELU, depth=1, bias_offset=-9.0), {"dead_units", "zeros"}),
    "eight sigmoid layers": (
        case(activation="sigmoid", depth=8, lr=0.5, steps=300),
        {"vanishing_gradients", "no_norm_no_skips", "input_forgotten", "gradients_died", "answers_alike"},
    ),
    "24 layers of batch norm without skips": (
        case(**RELU, norm="batchnorm", depth=24, lr=0.001),
        {"exploding_gradients"},
    ),
    "weights far too small for ReLU": (
        case(activation="relu", init="normal(0.02)", steps=300),
        {"signal_shrinks", "rate_too_low"},
    ),
    "weights far too large for ReLU": (
        case(activation="relu", init="normal(2.0)", depth=5, lr=3e-4),
        {"signal_grows"},
    ),
    "a bias of -2 before GELU": (
        case(activation="gelu", init="he_normal", depth=4, bias_offset=-2.0, steps=300),
        {"input_forgotten", "answers_alike", "rate_too_low"},
    ),
    "16 layers of layer norm at too high a rate": (
        case(activation="gelu", depth=16, norm="layernorm", lr=0.3, steps=600),
        {"gradients_died", "answers_alike"},
    ),
    "a rate of 1,000": (case(**RELU, lr=1000.0), {"rate_too_high", "gradients_died"}),
    "a rate at which linear layers diverge": (case(activation="identity", lr=0.2, steps=300), {"rate_too_high"}),
    "a rate that linear layers cannot stand": (
        case(activation="identity", lr=0.5),
        {"rate_too_high", "steps_too_large"},
    ),
    "a rate that kills ReLU after it learned": (
        case(**RELU, depth=2, lr=0.5, steps=300),
        {"zeros", "dead_units", "gradients_died"},
    ),
    "a rate of a ten-millionth": (case(lr=1e-7), {"rate_too_low"}),
    "a clipping threshold of 0.0003": (case(clip="norm(0.0003)", lr=1.0), {"always_clipped", "rate_too_low"}),
}
HARD = {
    "large inputs and weights saturate tanh": (case(**FLAT, depth=1, lr=0.01, steps=300), {"saturation"}),
    "a bias of -3 silences ReLU": (case(**RELU, depth=1, bias_offset=-3.0, lr=0.01, steps=1000), {"zeros"}),
    "60 linear layers of 8 units": (
        case(activation="identity", depth=60, width=8, lr=0.02, steps=600),
        {"collapse", "linear_network"},
    ),
    "linear layers on a task that is not linear": (case(activation="identity", steps=300), {"linear_network"}),
}
HEALTHY = {
    "tanh": case(),
    "ReLU": case(**RELU),
    "ReLU, batch norm": case(**RELU, norm="batchnorm"),
    "identity": case(activation="identity"),
    "tanh, other seed": case(seed=1),
}
# Runs that learned although a number lies beyond the threshold of these rules.
NOTED = {
    "tanh, clipped all the time": (case(clip="norm(0.001)", lr=1.0), {"always_clipped", "rate_too_low"}),
    "saturated tanh on a task that it can do": (case(**FLAT, depth=1, lr=0.01, steps=300, seed=2), {"saturation"}),
    "32 layers of batch norm": (
        case(**RELU, norm="batchnorm", depth=32, lr=0.01, steps=300),
        {"exploding_gradients"},
    ),
}
BROKEN = case(seed=9)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Train all of these runs and write their tables."""
    easy = [*(run for run, _ in (*BUILT.values(), *NOTED.values())), *HEALTHY.values()]
    return record(tmp_path_factory.mktemp("ill"), easy, [BROKEN], [run for run, _ in HARD.values()])


def diagnosed(recorded: Recorded, key: str) -> Diagnosis:
    """Diagnose one run."""
    return diagnose(recorded, recorded.runs(), [key])


def named(diagnosis: Diagnosis, kind: str) -> set[str]:
    """Return the illnesses of a kind that were found."""
    ill = diagnosis.illnesses()
    return set(ill.loc[ill["kind"] == kind, "illness"])


@pytest.mark.parametrize("name", [*BUILT, *HARD])
def test_the_planted_cause_is_named_and_no_other(recorded: Recorded, name: str) -> None:
    """A run built to show an illness fails, and the rules name that illness and nothing else."""
    run, causes = {**BUILT, **HARD}[name]
    found = diagnosed(recorded, run.key)
    assert len(named(found, SYMPTOM)) == 1
    assert named(found, CAUSE) == causes


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_not_called_ill(recorded: Recorded, name: str) -> None:
    """No rule sees anything in a run that learns, and every rule had its number."""
    found = diagnosed(recorded, HEALTHY[name].key)
    assert set(found.findings["verdict"]) <= {FINE, NOT_APPLICABLE}


@pytest.mark.parametrize("name", NOTED)
def test_what_does_no_harm_is_seen_and_not_ill(recorded: Recorded, name: str) -> None:
    """A number beyond a threshold is cited, but no illness, in a run that learned."""
    run, seen = NOTED[name]
    found = diagnosed(recorded, run.key)
    assert found.illnesses().empty
    assert set(found.findings.loc[found.findings["verdict"] == SEEN, "illness"]) == seen


def test_every_rule_is_tried() -> None:
    """There is a built run for every cause, and the others are symptoms."""
    planted = set().union(*(causes for _, causes in (*BUILT.values(), *HARD.values())))
    assert planted == {name for name, rule in ILLNESSES.items() if rule.kind == CAUSE}


@pytest.mark.parametrize("name", ILLNESSES)
def test_a_rule_looks_at_what_is_recorded(name: str) -> None:
    """Its diagnostics and its reduction exist: a rule about a misspelt one would be silent for ever."""
    rule = ILLNESSES[name]
    if rule.table == "layers":
        assert {rule.diagnostic, rule.minus} - {""} <= set(known_levels("diagnostic"))
    assert rule.reduction in REDUCTIONS or (rule.table, rule.reduction) == ("runs", "column")
    assert {*rule.levels} <= set(FACTORS)


def test_symptoms_are_named(recorded: Recorded) -> None:
    """Runs that diverged, did not learn, fell back and could not be trained are told apart."""
    for run, symptom in (
        (BUILT["a rate of 1,000"][0], "non_finite"),
        (BUILT["a rate of a ten-millionth"][0], "did_not_learn"),
        (BUILT["a rate that kills ReLU after it learned"][0], "fell_back"),
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


def test_many_runs_are_judged_as_each_is_alone(recorded: Recorded) -> None:
    """A run's findings do not depend on the runs that are diagnosed with it."""
    keys = [run.key for run, _ in BUILT.values()]
    together = diagnose(recorded, recorded.runs(), keys).findings
    for key in keys[:4]:
        alone = diagnosed(recorded, key).findings
        pd.testing.assert_frame_equal(together[together["run_key"] == key].reset_index(drop=True), alone)

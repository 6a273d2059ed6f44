"""Every diagnostic equals a plain computation on one ordinary network."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from actbench.levels.diagnostics import DIAGNOSTICS
from actbench.plan.design import Run
from actbench.training import loop, probe, state
from actbench.training.evaluate import score
from actbench.training.record import Record
from actbench.training.schedule import is_recorded
from actbench.training.stack import Stack
from exactness import levels
from plain_diagnostics import Moment, Profile, dead, plain_profile, plain_updates
from test_twin import CLASSES, INPUTS, runs_of, tiny_dataset
from twin import plain_network

DATA = tiny_dataset()
X, Y = torch.from_numpy(DATA.x_train), torch.from_numpy(DATA.y_train)


def recorded(record: Record, index: int, step: int) -> Profile:
    """Return what was recorded of a run at a step."""
    place = record.steps.index(step)
    values = record.layers_PEK[index, place].tolist()
    return {key: value for key, value in zip(record.keys, values, strict=True) if not math.isnan(value)}


def stacks_at(runs: list[Run], steps: list[int]) -> list[Stack]:
    """Return the stack after so many updates each, trained by autograd without any diagnostics."""
    training, stacks = state.start(runs, DATA), []
    for first, last in zip([0, *steps], steps, strict=False):
        loop.advance_by_autograd(training, first, last)
        stacks.append(training.stack.select(torch.ones(len(runs), dtype=torch.bool)))
    return stacks


def moment(runs: list[Run], stacks: list[Stack], index: int) -> Moment:
    """Return one model now (the last stack) and before, as plain networks with its own inputs."""
    run = runs[index]
    networks = [plain_network(run, INPUTS, CLASSES, s.views(s.parameters_PN), index) for s in stacks[::-1]]
    return Moment(run, networks[0], networks[1:], X * run.input_scale, Y, probe.PROBE)


def compare(found: Profile, expected: Profile) -> None:
    """Compare all numbers; the spectral norm is an iteration, the others are rounded."""
    expected = {key: value for key, value in expected.items() if not math.isnan(value)}
    assert set(found) == set(expected)
    for key, value in expected.items():
        tolerance = 1e-3 if key[1] in ("spectral_norm", "update_ratio", "update_cosine") else 3e-4
        assert found[key] == pytest.approx(value, rel=tolerance, abs=1e-5), key


CASES = [
    *({"activation": name} for name in levels("activation") if "(" not in name),
    *({"activation": "relu", "norm": name} for name in levels("norm")),
    *({"activation": "tanh", "residual": name} for name in levels("residual")),
    *({"activation": "tanh", "clip": name} for name in levels("clip")),
    {"activation": "relu", "bias_offset": -2.0},
    {"activation": "sigmoid", "input_scale": 100.0},
    {"activation": "prelu", "optimizer": "adam", "depth": 1},
]


@pytest.mark.parametrize("changed", CASES, ids=str)
def test_diagnostics_equal_plain_autograd(changed: dict[str, object]) -> None:
    """All numbers recorded of each model at the start and at the end agree with the plain network's."""
    runs = runs_of(**changed)
    record = loop.train_stack(runs, DATA)
    (first,), last = stacks_at(runs, [0]), stacks_at(runs, [4, 5, 6])
    for index in range(len(runs)):
        at_start, at_end = moment(runs, [first], index), moment(runs, last, index)
        compare(recorded(record, index, 0), plain_profile(at_start))
        found = recorded(record, index, 6)
        found = {key: value for key, value in found.items() if key[1] != "still_dead_fraction"}
        compare(found, plain_profile(at_end) | plain_updates(at_end))


def test_every_diagnostic_is_compared() -> None:
    """What is recorded at the end of a run is everything in the registry."""
    record = loop.train_stack(runs_of(activation="relu", bias_offset=-1.0), DATA)
    assert {name for _, name in recorded(record, 0, 6)} == set(DIAGNOSTICS)


def test_units_that_stay_dead_are_counted_between_recorded_moments() -> None:
    """The share of the units dead at the moment before, by autograd on the whole split at both moments."""
    runs = runs_of(activation="relu", bias_offset=-1.0, lr=0.5)
    record = loop.train_stack(runs, DATA)
    middle = record.steps[len(record.steps) // 2]
    stacks = stacks_at(runs, [0, middle, 6])
    counted = 0
    for index in range(len(runs)):
        networks = moment(runs, stacks, index)
        now, middle_ones, start = (dead(networks, one) for one in (networks.network, *networks.before))
        for step, later, earlier in ((middle, middle_ones, start), (6, now, middle_ones)):
            for layer, (a, b) in enumerate(zip(later, earlier, strict=True), 1):
                expected = (a & b).sum().item() / b.sum().item() if b.any() else float("nan")
                found = recorded(record, index, step).get((layer, "still_dead_fraction"), math.nan)
                assert found == pytest.approx(expected, nan_ok=True)
                counted += bool(b.any())
    assert counted > 3, "the runs were built to have dead units"


@pytest.mark.parametrize(("activation", "share"), [("sigmoid", 0.0), ("relu", 1.0)])
def test_hardly_a_slope_is_not_none(activation: str, share: float) -> None:
    """At z = -20 sigmoid has slopes of 1e-9, which training adds up, and ReLU has none: by loops and by autograd."""
    training = state.start(runs_of(activation=activation, bias_offset=-20.0), DATA)
    for by in (probe.probe, probe.probe_by_autograd):
        watch = probe.Watch(training.record.runs[0], training.watch.steps)
        _, values_PK = by(training.stack, training.batches.scale_P11, X, Y, watch, 0)
        for layer in (1, 2, 3):
            assert (values_PK[:, training.record.keys.index((layer, "dead_fraction"))] == share).all()


def test_a_unit_that_one_late_example_wakes_is_not_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units dead on the probe alone are looked at on every other part of the split, the last incomplete one too."""
    runs = runs_of(activation="relu", bias_offset=-1.5)
    monkeypatch.setattr(probe, "PROBE", 32)
    monkeypatch.setattr(state, "evaluation_steps", lambda steps: (0, steps))
    (stack,) = stacks_at(runs, [0])
    record = loop.train_stack(runs, DATA)
    on_probe_only = 0
    for index in range(len(runs)):
        plain = moment(runs, [stack], index)
        few = Moment(plain.run, plain.network, [], plain.x[:32], plain.y[:32], 32)
        for layer, (all_, some) in enumerate(zip(dead(plain, plain.network), dead(few, few.network), strict=True), 1):
            found = recorded(record, index, 0)[layer, "dead_fraction"]
            assert found == pytest.approx(all_.double().mean().item())
            on_probe_only += int((some & ~all_).sum())
    assert on_probe_only > 0


@pytest.mark.parametrize("norm", ["none", "batchnorm"])
def test_scores_equal_a_plain_evaluation(norm: str) -> None:
    """Loss and accuracy on a set that fills no whole number of vectors equal torch's in evaluation mode."""
    runs, data = runs_of(norm=norm), tiny_dataset()
    training = state.start(runs, data)
    x, y = torch.from_numpy(data.x_train[:75]), torch.from_numpy(data.y_train[:75])
    loss_P, accuracy_P = score(training.stack, training.batches.scale_P11, x, y)
    views = training.stack.views(training.stack.parameters_PN)
    for index, run in enumerate(runs):
        network = plain_network(run, INPUTS, CLASSES, views, index).eval()
        with torch.no_grad():
            logits = network(x * run.input_scale)
        assert loss_P[index].item() == pytest.approx(functional.cross_entropy(logits, y).item(), rel=1e-4)
        assert accuracy_P[index].item() == pytest.approx((logits.argmax(1) == y).double().mean().item(), abs=1e-6)


def test_the_record_holds_the_probe_of_every_evaluation() -> None:
    """Nothing recorded is missing for a run that ends well."""
    record = loop.train_stack(runs_of(), tiny_dataset())
    for place, step in enumerate(record.steps):
        entries = [DIAGNOSTICS[name] for _, name in record.keys]
        wanted = [is_recorded(entry.when, entry.after, step, record.steps) for entry in entries]
        remembering = [name == "still_dead_fraction" for _, name in record.keys]
        found = np.isfinite(record.layers_PEK[:, place])
        assert (found | remembering == wanted | np.array(remembering)).all()
    assert np.isfinite(record.curves_PES2).all()

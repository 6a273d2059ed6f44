"""How stacks are made, and that a run's fate is its own; that no number depends on the stack: test_exactness."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from actbench.plan.design import Run
from actbench.plan.factors import FACTORS
from actbench.training import loop, state
from actbench.training.loop import train_stack
from actbench.training.record import Record
from actbench.training.rows import to_rows
from actbench.training.stack import make_stacks
from test_twin import runs_of, tiny_dataset


def numbers(record: Record, index: int) -> list[np.ndarray]:
    """Return every recorded number of one run."""
    scores = np.array([record.scores[name][index] for name in sorted(record.scores)])
    fate = np.array([record.diverged_step_P[index], record.updates_clipped_P[index], record.best_step_P[index]])
    return [record.curves_PES2[index], record.layers_PEK[index], scores, fate]


def vars_of(run: Run) -> dict[str, object]:
    """Return the levels of a run."""
    return {name: getattr(run, name) for name in run.__dataclass_fields__}


def test_a_diverged_run_changes_no_neighbour() -> None:
    """A run that blows up leaves with its step on record, and the others keep the bits they have without it."""
    calm = runs_of(activation="relu", steps=12)
    wild = Run(**{**vars_of(calm[0]), "init": "normal(1.0)", "lr": 1e5})
    mixed = train_stack([calm[0], wild, calm[1]], tiny_dataset())
    assert mixed.diverged_step_P[1] > 0, "the wild run was built to diverge after its first update"
    assert np.isnan(mixed.scores["test_loss"][1])
    alone = train_stack([wild], tiny_dataset())
    np.testing.assert_array_equal(alone.diverged_step_P, mixed.diverged_step_P[1:2])
    without = train_stack([calm[0], calm[1]], tiny_dataset())
    for kept, place in ((0, 0), (1, 2)):
        for one, two in zip(numbers(without, kept), numbers(mixed, place), strict=True):
            np.testing.assert_array_equal(one, two)


def test_models_that_start_alike_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first update, models that differ in their rates alone are probed once, and all have their numbers."""
    first, second, _ = runs_of(activation="relu", steps=4)
    others = ({"lr": 0.01}, {"seed": 7}, {"input_scale": 3.0}, {"bias_offset": 0.5}, {"seed": 7, "lr": 0.3})
    runs = [first, second, *(Run(**{**vars_of(first), **levels}) for levels in others)]
    compiled, probed = type(state.build_network([first], tiny_dataset()).compiled), []
    probe = compiled.probe
    counted = lambda self, *rest, **last: probed.append(len(rest[0])) or probe(self, *rest, **last)  # noqa: E731
    monkeypatch.setattr(compiled, "probe", counted)
    together = train_stack(runs, tiny_dataset())
    assert probed == [5, *[len(runs)] * (len(together.steps) - 1)]
    for index, run in enumerate(runs):
        for one, two in zip(numbers(train_stack([run], tiny_dataset()), 0), numbers(together, index), strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_stack_of_which_all_runs_diverge_ends() -> None:
    """When no model is left, training stops and every run still has its record."""
    wild = [Run(**{**vars_of(run), "lr": 1e6, "init": "normal(5.0)"}) for run in runs_of(activation="relu", steps=30)]
    record = train_stack(wild, tiny_dataset())
    assert (record.diverged_step_P >= 0).all()
    assert all(record.evaluations(index) >= 1 for index in range(len(wild)))


def test_what_a_diverged_run_leaves_behind_is_from_before() -> None:
    """Its row has the status, no score, the evaluations before its divergence, and its own updates under clip_rate."""
    calm = runs_of(activation="relu", steps=30, clip="norm(1e-06)")[0]
    wild = Run(**{**vars_of(calm), "lr": 1e16})
    record = train_stack([calm, wild], tiny_dataset())
    rows = {row["run_key"]: row for row in to_rows(record, 1.0).to_pylist()}
    whole, cut = rows[calm.key], rows[wild.key]
    assert (whole["status"], cut["status"]) == ("ok", "diverged")
    assert 2 < cut["diverged_step"] in record.steps[:-1], "the wild run was built to diverge where it is evaluated"
    for row, steps in ((whole, record.steps), (cut, [at for at in record.steps if at < cut["diverged_step"]])):
        assert row["clip_rate"] == 1, "clipping acted on every update that was made"
        assert [point["step"] for point in row["curves"]] == [at for at in steps for _ in ("train", "val")]
        assert {record["step"] for record in row["layers"]} == set(steps)
    scores = [name for name in whole if name.endswith(("_loss", "_accuracy")) or name == "best_step"]
    assert {name for name in scores if whole[name] is None} == set()
    assert {name for name in scores if cut[name] is not None} == set()


@pytest.mark.parametrize("seen", ["score", "probe"])
def test_a_loss_that_is_not_finite_on_one_split_ends_a_run(seen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose loss overflows on validation data alone, or on training data alone, has diverged at that step."""
    plain, runs = getattr(loop, seen), runs_of(activation="tanh", steps=4)
    asked: list[int] = []

    def overflowing(stack: object, *rest: object) -> object:
        asked.append(1)
        found = plain(stack, *rest)
        scores = found if seen == "score" else found[0]
        if len(asked) == 3:  # the evaluation after the second update
            scores[0][1] = torch.inf
        return found

    monkeypatch.setattr(loop, seen, overflowing)
    record = train_stack(runs, tiny_dataset())
    assert record.steps[2] == 2
    assert record.diverged_step_P.tolist() == [-1, 2, -1]
    assert np.isnan(record.scores["best_test_loss"]).tolist() == [False, True, False]


@pytest.mark.parametrize("most", [1, 2, 128])
def test_a_run_that_diverges_within_a_segment_has_one_record(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone, where the stack is empty from then on, or beside a run that goes on, it diverges at the same step."""
    monkeypatch.setattr(loop, "MOST_UPDATES", most)
    calm = runs_of(activation="relu", steps=30)[0]
    wild = Run(**{**vars_of(calm), "init": "normal(1.0)", "lr": 1e5})
    found = []
    for runs in ([wild], [wild, calm]):
        training = state.start(runs, tiny_dataset())
        loop.advance(training, 0, 30)
        assert training.rows_P.tolist() == list(range(1, len(runs)))
        found.append(numbers(training.record, 0))
    assert 0 < found[0][-1][0] < 29, "the wild run was built to diverge before the last chunk"
    for alone, beside in zip(*found, strict=True):
        np.testing.assert_array_equal(alone, beside)


def test_stacks_hold_every_run_once_and_share_a_program() -> None:
    """Stacks split the runs by tensor program, evenly, and lose none."""
    runs = [
        Run(**{**vars_of(run), "depth": depth, "seed": seed})
        for run in runs_of()
        for depth in (1, 2)
        for seed in range(5)
    ]
    stacks = make_stacks(runs, lambda run: 4)
    assert sorted(run.key for stack in stacks for run in stack) == sorted(run.key for run in runs)
    assert all(len({run.depth for run in stack}) == 1 and 3 <= len(stack) <= 4 for stack in stacks)


def test_runs_of_a_stack_differ_in_nothing_that_it_reads_of_one() -> None:
    """Numbers that each model begins with may differ; depth, steps, clipping, … are those of the stack's first run."""
    run = runs_of()[0]
    other = {"int": 7, "float": 7.0, "level": "other"}
    together = {
        name
        for name, factor in FACTORS.items()
        if len(make_stacks([run, replace(run, **{name: other[factor.kind]})])) == 1
    }
    assert together == {"init", "lr", "bias_offset", "input_scale", "seed"}


def test_training_learns() -> None:
    """The loss of an easy problem falls far below chance."""
    record = train_stack(runs_of(activation="tanh", steps=100), tiny_dataset())
    assert (record.scores["train_loss"] < 0.5 * np.log(4)).all()
    assert (record.scores["test_accuracy"] > 0.6).all()


def test_one_thread_is_assumed() -> None:
    """The tests run with one thread, as every job does."""
    assert torch.get_num_threads() == 1

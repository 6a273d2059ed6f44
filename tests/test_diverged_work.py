"""A model that has diverged is no work any more: no update, no batch, no measurement, in either engine."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from actbench.plan.design import Run
from actbench.training import loop, schedule, state
from actbench.training.process import one_core
from actbench.training.record import Record
from exactness import with_levels
from test_twin import runs_of, tiny_dataset

STEPS = 400
DATA = tiny_dataset()


@dataclasses.dataclass
class Work:
    """How many models each call was given: batches as (first update, models), probes as (step, models), scores."""

    batches: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    probes: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    scores: list[int] = dataclasses.field(default_factory=list)


@pytest.fixture(autouse=True)
def _as_jobs_train() -> Iterator[None]:
    """Treat denormal numbers as a job does, and undo that for other tests."""
    one_core()
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(params=["compiled", "autograd"])
def work(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Train by one engine and note what it is given to do."""
    seen, advance = Work(), "_advance_compiled" if request.param == "compiled" else "advance_by_autograd"
    build, plain = state.build_network, {name: getattr(loop, name) for name in (advance, "probe", "score")}
    if request.param == "autograd":
        without = lambda runs, dataset: dataclasses.replace(build(runs, dataset), compile_loops=None)  # noqa: E731
        monkeypatch.setattr(state, "build_network", without)

    def advancing(training: state.Training, *words: Any) -> None:
        seen.batches.append((words[-2], len(training.stack.parameters_PN)))
        plain[advance](training, *words)

    def probing(stack: Any, scale_P11: torch.Tensor, *words: Any) -> Any:
        seen.probes.append((words[-1], len(scale_P11)))
        return plain["probe"](stack, scale_P11, *words)

    def scoring(stack: Any, scale_P11: torch.Tensor, *words: Any) -> Any:
        seen.scores.append(len(scale_P11))
        return plain["score"](stack, scale_P11, *words)

    for name, spy in ((advance, advancing), ("probe", probing), ("score", scoring)):
        monkeypatch.setattr(loop, name, spy)
    return seen


def stack_of(clip: str, calm: int, wild: tuple[float, ...]) -> list[Run]:
    """Return runs that share a tensor program: some train to their end, one for each of `wild` diverges, they mixed."""
    run = runs_of(activation="relu", clip=clip, steps=STEPS, depth=4)[0]
    bad = [with_levels(run, lr=lr, seed=seed) for seed, lr in enumerate(wild)]
    return [*bad[::2], *(with_levels(run, seed=50 + seed) for seed in range(calm)), *bad[1::2]]


def ends_of(record: Record) -> np.ndarray:
    """Return the number of updates after which each run was over."""
    diverged_P = record.diverged_step_P
    return np.where(diverged_P >= 0, diverged_P, record.runs[0].steps)


def test_what_diverged_is_measured_and_trained_no_more(work: Work) -> None:
    """Each later call is given the living models alone."""
    record = loop.train_stack(stack_of("none", 2, (1e5, 1e3, 30.0)), DATA)
    ends_P = ends_of(record)
    assert len(set(ends_P.tolist())) >= 3, "they were built to diverge at different steps"
    assert work.probes == [(step, int((ends_P >= step).sum())) for step in schedule.evaluation_steps(STEPS)]
    living = int((record.diverged_step_P < 0).sum())
    assert work.scores[: len(work.probes)] == [models for _, models in work.probes]
    assert set(work.scores[len(work.probes) :]) == {living}
    assert work.batches[-1][1] == living
    for first, models in work.batches:
        assert (ends_P > first).sum() <= models <= (ends_P >= first).sum(), first


def updates_alone(run: Run) -> int:
    """Ask for one update at a time and return how many were made before the model left."""
    training = state.start([run], DATA)
    for step in range(STEPS):
        loop.advance(training, step, step + 1)
        if len(training.rows_P) == 0:
            return step
    return STEPS


def test_no_update_is_made_after_the_last(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clipping that acts on every update counts those of each run; 128 made at once are no more than one by one."""
    monkeypatch.setattr(schedule, "POINTS", 2)
    runs = stack_of("norm(1e-06)", 1, (1e15, 1e14, 1e20))
    expected = [updates_alone(run) for run in runs]
    assert len({updates for updates in expected if updates < STEPS}) > 1, "they were built to differ"
    record = loop.train_stack(runs, DATA)
    assert record.updates_clipped_P.tolist() == ends_of(record).tolist() == expected


def test_a_stack_without_survivors_ends_at_once(work: Work) -> None:
    """When the last model has diverged nothing more is called, not even for final scores."""
    record = loop.train_stack(stack_of("none", 0, (1e20, 1e20)), DATA)
    last = int(ends_of(record).max())
    assert last < 20
    assert max(step for step, _ in [*work.batches, *work.probes]) <= last
    assert len(work.scores) == len(work.probes)

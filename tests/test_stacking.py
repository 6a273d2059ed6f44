"""The law: no number of a run depends on how it was stacked, on its neighbours, or on their fate."""

import numpy as np
import pytest
import torch

from actbench.levels.activations import ACTIVATIONS
from actbench.levels.initializers import INITIALIZERS
from actbench.levels.normalizations import NORMALIZATIONS
from actbench.levels.residuals import RESIDUALS
from actbench.plan.design import Run
from actbench.training.loop import train_stack
from actbench.training.record import Record
from actbench.training.stack import make_stacks
from test_twin import runs_of, tiny_dataset

INITS = [name if not entry.arguments else f"{name}(0.3)" for name, entry in INITIALIZERS.items()]


def numbers(record: Record, index: int) -> list[np.ndarray]:
    """Return every recorded number of one run."""
    scores = np.array([record.scores[name][index] for name in sorted(record.scores)])
    fate = np.array([record.diverged_step_P[index], record.updates_clipped_P[index], record.best_step_P[index]])
    return [record.curves_PES2[index], record.layers_PEK[index], scores, fate]


def check_alone_is_stacked(runs: list[Run]) -> None:
    """Train runs together, in reverse, and each alone, and compare to the last bit."""
    together, reverse = train_stack(runs, tiny_dataset()), train_stack(runs[::-1], tiny_dataset())
    for index, run in enumerate(runs):
        alone = train_stack([run], tiny_dataset())
        for one, two, three in zip(
            numbers(alone, 0), numbers(together, index), numbers(reverse, len(runs) - 1 - index), strict=True
        ):
            np.testing.assert_array_equal(one, two)
            np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_every_activation_is_the_same_alone_and_stacked(activation: str) -> None:
    """Alone, stacked and stacked in reverse give equal bits."""
    check_alone_is_stacked(runs_of(activation=activation, width=20, clip="norm(1.0)"))


@pytest.mark.parametrize("norm", list(NORMALIZATIONS))
@pytest.mark.parametrize("residual", list(RESIDUALS))
def test_every_norm_and_skip_is_the_same_alone_and_stacked(norm: str, residual: str) -> None:
    """Alone, stacked and stacked in reverse give equal bits, at a width that is no multiple of a vector."""
    check_alone_is_stacked(runs_of(activation="silu", norm=norm, residual=residual, width=17, clip="value(0.01)"))


def test_every_init_is_the_same_alone_and_stacked() -> None:
    """A stack of all initialisers gives each run the bits it has alone, under adam."""
    template = runs_of(activation="selu", optimizer="adam")[0]
    check_alone_is_stacked([Run(**{**vars_of(template), "init": init, "lr": 0.01}) for init in INITS])


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


def test_a_stack_of_which_all_runs_diverge_ends() -> None:
    """When no model is left, training stops and every run still has its record."""
    wild = [Run(**{**vars_of(run), "lr": 1e6, "init": "normal(5.0)"}) for run in runs_of(activation="relu", steps=30)]
    record = train_stack(wild, tiny_dataset())
    assert (record.diverged_step_P >= 0).all()
    assert all(record.evaluations(index) >= 1 for index in range(len(wild)))


def test_stacks_hold_every_run_once_and_share_a_program() -> None:
    """Stacks split the runs by tensor program, evenly, and lose none."""
    runs = [
        Run(**{**vars_of(run), "depth": depth, "seed": seed})
        for run in runs_of()
        for depth in (1, 2)
        for seed in range(5)
    ]
    stacks = make_stacks(runs, largest=4)
    assert sorted(run.key for stack in stacks for run in stack) == sorted(run.key for run in runs)
    assert all(len({run.depth for run in stack}) == 1 and 3 <= len(stack) <= 4 for stack in stacks)


def test_training_learns() -> None:
    """The loss of an easy problem falls far below chance."""
    record = train_stack(runs_of(activation="tanh", steps=100), tiny_dataset())
    assert (record.scores["train_loss"] < 0.5 * np.log(4)).all()
    assert (record.scores["test_accuracy"] > 0.6).all()


def test_one_thread_is_assumed() -> None:
    """The tests run with one thread, as every job does."""
    assert torch.get_num_threads() == 1

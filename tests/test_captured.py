"""The step that a GPU replays is the same computation as the loop over autograd; here it runs eagerly on the CPU."""

import itertools

import numpy as np
import pytest
import torch

from actbench.plan.design import Run
from actbench.training import loop, state
from actbench.training.abreast import train_abreast
from actbench.training.captured import CapturedSteps
from actbench.training.stack import make_stacks
from exactness import every_level, levels
from test_twin import runs_of, tiny_dataset

NO_GPU = "needs an NVIDIA GPU and a torch built for it; `pytest tests/test_captured.py` on such a machine runs it"
ROUNDING = 1e-6  # of a loss near 0: log(1 + x) in float32
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_GPU)


def both(runs: list[Run], steps: int) -> tuple[state.Training, state.Training]:
    """Train the same stack by captured steps and by autograd, in two pieces of unequal length."""
    captured, readable = state.start(runs, tiny_dataset(), fixed=True), state.start(runs, tiny_dataset())
    for first, last in ((0, steps // 3), (steps // 3, steps)):
        loop.advance_captured(captured, first, last)
        loop.advance_by_autograd(readable, first, last)
    return captured, readable


@pytest.mark.parametrize(
    ("norm", "clip", "optimizer"), list(itertools.product(*map(levels, ("norm", "clip", "optimizer"))))
)
def test_a_captured_step_is_a_step(norm: str, clip: str, optimizer: str) -> None:
    """For every norm, clipping rule and optimiser the parameters, statistics and clip counts have the same bits."""
    rate = {"lr": 0.003} if optimizer == "adam" else {}
    captured, readable = both(runs_of(activation="prelu", norm=norm, clip=clip, optimizer=optimizer, **rate), 7)
    assert torch.equal(captured.stack.parameters_PN, readable.stack.parameters_PN)
    assert torch.equal(captured.stack.statistics_PM, readable.stack.statistics_PM)
    assert torch.equal(captured.clipped_P, readable.clipped_P)


def test_a_model_that_diverges_is_marked_at_its_step_and_changes_no_neighbour() -> None:
    """Though it goes on to the end, its step and its clipped updates are as by the other loop, where it leaves."""
    calm = runs_of(activation="relu", steps=30)
    wild = Run(**{**calm[0].__dict__, "init": "normal(1.0)", "lr": 1e5})
    captured, readable = both([calm[0], wild, calm[1]], 30)
    assert captured.live_P.tolist() == [True, False, True]
    captured.record_diverged()
    assert captured.record.diverged_step_P[1] > 0
    np.testing.assert_array_equal(captured.record.diverged_step_P, readable.record.diverged_step_P)
    np.testing.assert_array_equal(captured.record.updates_clipped_P, readable.record.updates_clipped_P)
    assert torch.equal(captured.stack.parameters_PN[captured.live_P], readable.stack.parameters_PN)


def test_a_step_is_captured_once() -> None:
    """Also after a model has diverged the same static tensors serve the stack."""
    training = state.start(runs_of(activation="relu"), tiny_dataset(), fixed=True)
    loop.advance_captured(training, 0, 2)
    first = training.captured
    training.drop(torch.tensor([False, *[True] * (len(training.rows_P) - 1)]), torch.full_like(training.rows_P, 2))
    loop.advance_captured(training, 2, 4)
    assert training.captured is first


@needs_gpu
@pytest.mark.parametrize(("factor", "level"), [item for item in every_level() if item[0] not in ("activation", "init")])
def test_gpu_and_cpu_agree_for_a_few_steps(factor: str, level: str) -> None:
    """After 20 updates a GPU's losses equal those of a CPU's to 1e-4; later rounding grows and no bound holds."""
    rate = {"lr": 0.003} if level == "adam" else {}
    runs = runs_of(**{"activation": "tanh", "steps": 20, "clip": "norm(1.0)", **rate, factor: level})
    (here,), (there,) = (train_abreast([runs], tiny_dataset(), device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there.curves_PES2[..., 0], here.curves_PES2[..., 0], rtol=1e-4, atol=ROUNDING)


@needs_gpu
def test_a_gpu_run_does_not_depend_on_its_neighbours_beyond_rounding() -> None:
    """Alone and in a stack, a run's losses agree to 2e-5 after 20 updates."""
    runs = runs_of(activation="tanh", steps=20)
    alone = loop.train_stack(runs[:1], tiny_dataset(), device="cuda")
    beside = loop.train_stack(runs, tiny_dataset(), device="cuda")
    np.testing.assert_allclose(alone.curves_PES2[0, ..., 0], beside.curves_PES2[0, ..., 0], rtol=2e-5, atol=ROUNDING)


@needs_gpu
@pytest.mark.parametrize("norm", ["none", "batchnorm"])
def test_a_replayed_step_is_the_step(norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a model that diverges, whatever is recorded is, to rounding, what the step gives that is not captured."""
    runs = runs_of(activation="relu", norm=norm, steps=30, clip="norm(1.0)", residual="identity")
    runs.insert(1, Run(**{**runs[0].__dict__, "lr": 1e38}))
    stacks = make_stacks(runs, mixed=True)
    replayed = train_abreast(stacks, tiny_dataset(), "cuda")
    assert [set(record.diverged_step_P) > {-1} for record in replayed] == [True]
    monkeypatch.setattr(CapturedSteps, "_capture", lambda steps: steps._step)
    for captured, eager in zip(replayed, train_abreast(stacks, tiny_dataset(), "cuda"), strict=True):
        for name in ("diverged_step_P", "updates_clipped_P", "best_step_P"):
            np.testing.assert_array_equal(getattr(captured, name), getattr(eager, name))
        for name in ("curves_PES2", "layers_PEK"):
            np.testing.assert_allclose(getattr(captured, name), getattr(eager, name), rtol=1e-3, atol=1e-5)
        assert captured.scores.keys() == eager.scores.keys()
        for name, scores in captured.scores.items():
            np.testing.assert_allclose(scores, eager.scores[name], rtol=1e-3, atol=1e-5)

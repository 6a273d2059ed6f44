"""The compiled engine is the same computation as autograd through the readable forward pass."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from actbench.levels.activations import ACTIVATIONS
from actbench.plan.design import Run
from actbench.training import loop, state
from actbench.training.evaluate import score, score_by_forward
from exactness import looped
from test_twin import runs_of, tiny_dataset


def check(runs: list[Run], steps: int = 5) -> None:
    """Make the same updates by both engines and compare parameters, statistics, clip counts, losses and scores."""
    data = tiny_dataset()
    compiled, readable = state.start(runs, data), state.start(runs, data)
    assert compiled.stack.network.compiled is not None
    loop.advance(compiled, 0, steps)
    loop.advance_by_autograd(readable, 0, steps)
    # Adam divides by the gradient's own size, so that rounding in a gradient near 0 shows: 1/30 of the way it can go.
    atol = steps * runs[0].lr / 30 if runs[0].optimizer == "adam" else 2e-5
    for name, view in compiled.stack.views(compiled.stack.parameters_PN).items():
        expected = readable.stack.views(readable.stack.parameters_PN)[name]
        torch.testing.assert_close(view, expected, rtol=2e-3, atol=atol, msg=lambda text, name=name: f"{name}: {text}")
    torch.testing.assert_close(compiled.stack.statistics_PM, readable.stack.statistics_PM, rtol=1e-4, atol=1e-5)
    assert torch.equal(compiled.clipped_P, readable.clipped_P)
    x, y = torch.from_numpy(data.x_train[:75]), torch.from_numpy(data.y_train[:75])
    scale = compiled.batches.scale_P11
    for one, two in zip(score(compiled.stack, scale, x, y), score_by_forward(compiled.stack, scale, x, y), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


STRUCTURES = list(itertools.product(*map(looped, ("norm", "residual", "clip", "optimizer"))))


@pytest.mark.parametrize(("norm", "residual", "clip", "optimizer"), STRUCTURES)
def test_every_structure_equals_autograd(norm: str, residual: str, clip: str, optimizer: str) -> None:
    """Both engines agree for every norm, skip, clipping rule and optimiser that has loops."""
    rate = {"lr": 0.003} if optimizer == "adam" else {}
    check(runs_of(activation="prelu", norm=norm, residual=residual, clip=clip, optimizer=optimizer, **rate))


@pytest.mark.parametrize("activation", looped("activation"))
@pytest.mark.parametrize("residual", ["none", "scaled"])
def test_every_activation_equals_autograd(activation: str, residual: str) -> None:
    """Both engines agree for every activation, with and without a skip, at a width that is no multiple of a vector."""
    check(runs_of(activation=activation, residual=residual, width=17, bias_offset=0.3))


@pytest.mark.parametrize("activation", looped("activation"))
def test_scalar_activations_equal_their_torch_twins(activation: str) -> None:
    """φ and φ′ of the compiled engine equal those of torch over the whole useful range, and NaN stays NaN."""
    import ctypes

    from actbench.levels.kernels import MOST_ARGUMENTS, activation_kernels

    entry = ACTIVATIONS[activation]
    given = [*entry.arguments.values(), *entry.learned.values()]
    numbers = np.zeros(MOST_ARGUMENTS, np.float32)
    numbers[: len(given)] = given
    z = np.concatenate([np.linspace(-30, 30, 6001), np.linspace(-1e-3, 1e-3, 201), [np.nan]]).astype(np.float32)
    u, slope, ones, gradient = np.empty_like(z), np.empty_like(z), np.ones_like(z), np.zeros(1, np.float32)
    forward, backward = activation_kernels(entry.compiled, bool(entry.learned))
    pointer = lambda array: array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))  # noqa: E731
    forward.ctypes(pointer(z), pointer(u), z.size, pointer(numbers))
    backward.ctypes(pointer(z), pointer(u), pointer(ones), pointer(slope), z.size, pointer(numbers), pointer(gradient))
    exact = torch.from_numpy(z[:-1].astype(np.float64))
    learned = [torch.tensor(value, dtype=torch.float64) for value in entry.learned.values()]
    level = tuple(entry.arguments.values())
    np.testing.assert_allclose(u[:-1], entry.function(exact, *level, *learned), rtol=2e-5, atol=1e-14)
    smooth = np.array([min([abs(x - kink) for kink in entry.kinks] or [1]) > 1e-6 for x in z[:-1]])
    np.testing.assert_allclose(
        slope[:-1][smooth], entry.derivative(exact, *level, *learned)[torch.from_numpy(smooth)], rtol=1e-4, atol=2e-7
    )
    assert np.isnan(u[-1])


def test_both_engines_see_a_run_diverge_at_the_same_step() -> None:
    """A run that blows up leaves both engines after the same number of updates."""
    runs = [Run(**{**run.__dict__, "lr": 1e5, "init": "normal(1.0)"}) for run in runs_of(activation="relu", steps=30)]
    compiled, readable = state.start(runs, tiny_dataset()), state.start(runs, tiny_dataset())
    loop.advance(compiled, 0, 30)
    loop.advance_by_autograd(readable, 0, 30)
    assert (compiled.record.diverged_step_P > 0).sum() == 2, "two of the three were built to blow up, one dies"
    np.testing.assert_array_equal(compiled.record.diverged_step_P, readable.record.diverged_step_P)


def test_a_level_without_a_compiled_form_is_trained_by_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving `compiled` out of an entry costs speed, not the level."""
    from dataclasses import replace

    plain = replace(ACTIVATIONS["tanh"], compiled=None)
    expected = loop.train_stack(runs_of(), tiny_dataset())
    monkeypatch.setitem(ACTIVATIONS, "tanh", plain)
    record = loop.train_stack(runs_of(), tiny_dataset())
    for name, column in expected.scores.items():
        np.testing.assert_allclose(record.scores[name], column, rtol=1e-3, atol=1e-5)


def test_each_level_has_machine_code_of_its_own(tmp_path: Path) -> None:
    """On disk every loop has one file, which the name of its level tells apart."""
    code = (
        "from pathlib import Path; from actbench.training.process import prepare_process\n"
        f"prepare_process(Path({str(tmp_path)!r}))\n"
        "from actbench.levels import kernels\n"
        "from actbench.levels.activations import ACTIVATIONS\n"
        "for name in ('relu', 'identity', 'leaky_relu', 'prelu'):\n"
        "    kernels.activation_kernels(ACTIVATIONS[name].compiled, bool(ACTIVATIONS[name].learned))"
    )
    environment = {**os.environ, "PYTHONPATH": "src"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    names = sorted(file.name.split("-")[0] for file in tmp_path.rglob("*.code"))
    # leaky_relu and prelu share their loops, but for the gradient of the learned slope
    assert len(names) == len(set(names)) == 4 + 3, names


def test_a_gradient_that_is_not_a_number_stays_with_its_model() -> None:
    """A model whose gradient, not yet its loss, is NaN leaves nothing behind for the next one, clipped by norm."""
    calm = runs_of(activation="gelu", norm="rmsnorm", residual="identity", clip="norm(0.5)", steps=4)
    wild = Run(**{**calm[0].__dict__, "init": "normal(1.0)", "lr": 1e20, "seed": 5})
    alone, stacked = state.start(calm, tiny_dataset()), state.start([wild, *calm], tiny_dataset())
    loop.advance(alone, 0, 4)
    loop.advance(stacked, 0, 4)
    assert stacked.record.diverged_step_P.tolist() == [2, -1, -1, -1], "its loss is finite once more"
    assert torch.equal(stacked.stack.parameters_PN, alone.stack.parameters_PN)

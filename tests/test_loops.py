"""The loops of the compiled engine, run by Python, and their readable twins against torch.

All on numbers so small that every constant counts: beside a variance of 1, 1e-5 is no more than rounding.
"""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from actbench.levels.clipping import CLIPPING
from actbench.levels.normalizations import NORMALIZATIONS
from actbench.levels.optimizers import OPTIMIZERS
from test_normalizations import TWIN_NAMES, TWINS

EXAMPLES, WIDTH = 6, 5
NOISE = np.random.default_rng(0)
Z = (0.001 + 0.002 * NOISE.standard_normal((EXAMPLES, WIDTH))).astype(np.float32)  # a variance below epsilon
G = NOISE.standard_normal((EXAMPLES, WIDTH)).astype(np.float32)
ROWS = {name: (0.5 + NOISE.random(WIDTH)).astype(np.float32) for name in ("gain", "shift")}
RUNNING = {"mean": np.full(WIDTH, 1e-3, np.float32), "variance": np.full(WIDTH, 2e-6, np.float32)}
NORMS = [name for name in TWINS if NORMALIZATIONS[name].parameters]


def by_torch(name: str, train: bool) -> Iterator[Tensor]:
    """Yield the output, the gradients of z and of the parameters, and the running statistics of torch's module."""
    twin, z = TWINS[name](WIDTH).train(train), torch.from_numpy(Z).requires_grad_()
    with torch.no_grad():
        for own in NORMALIZATIONS[name].parameters:
            getattr(twin, TWIN_NAMES[own]).copy_(torch.from_numpy(ROWS[own]))
        if NORMALIZATIONS[name].statistics:
            twin.running_mean.copy_(torch.from_numpy(RUNNING["mean"]))
            twin.running_var.copy_(torch.from_numpy(RUNNING["variance"]))
    output = twin(z)
    yield output.detach()
    own = [getattr(twin, TWIN_NAMES[name]) for name in NORMALIZATIONS[name].parameters]
    yield from torch.autograd.grad(output, (z, *own), torch.from_numpy(G))
    if NORMALIZATIONS[name].statistics:
        yield from (twin.running_mean, twin.running_var)


def by_function(name: str, mode: str) -> Iterator[Tensor]:
    """Yield the same of the readable twin, a stack of one."""
    entry, z = NORMALIZATIONS[name], torch.from_numpy(Z)[None].requires_grad_()
    parameters = {own: torch.from_numpy(ROWS[own])[None, None].requires_grad_() for own in entry.parameters}
    statistics = {own: torch.from_numpy(RUNNING[own].copy())[None, None] for own in entry.statistics}
    output = entry.function(z, parameters, statistics, mode)
    found = [output, *torch.autograd.grad(output, (z, *parameters.values()), torch.from_numpy(G)[None])]
    for tensor in (*found, *statistics.values()):
        yield tensor.detach().squeeze(0).squeeze(0)


def by_loops(name: str, train: bool) -> Iterator[Tensor]:
    """Yield the same of the compiled engine's loops; in evaluation they have no backward pass."""
    entry = NORMALIZATIONS[name]
    assert entry.compiled is not None
    parameters = np.stack([ROWS[own] for own in entry.parameters])
    statistics = np.stack([RUNNING[own] for own in entry.statistics] or [np.empty(WIDTH, np.float32)])
    x, y, g, kept = np.empty_like(Z), np.empty_like(Z), G.copy(), np.empty(EXAMPLES + WIDTH, np.float32)
    entry.compiled.forward(Z.copy(), x, y, kept, parameters, statistics, train)
    yield torch.from_numpy(y)
    if train:
        gradients = np.empty_like(parameters)
        entry.compiled.backward(g, x, kept, parameters, gradients, np.empty((3, WIDTH), np.float32))
        yield from (torch.from_numpy(g), *map(torch.from_numpy, gradients))
        yield from map(torch.from_numpy, statistics[: len(entry.statistics)])


@pytest.mark.parametrize("name", NORMS)
def test_norms_of_small_signals_are_torchs(name: str) -> None:
    """Where the variance is below epsilon, outputs, gradients and running statistics are those of torch.nn."""
    for found in (by_function(name, "train"), by_loops(name, train=True)):
        for own, expected in zip(found, by_torch(name, train=True), strict=True):
            torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())
    output = next(by_torch(name, train=False))
    for found in (by_function(name, "eval"), by_loops(name, train=False)):
        torch.testing.assert_close(next(found), output, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [1e-6, 1e-3])
def test_a_small_threshold_clips_as_torch_does(size: float) -> None:
    """Beside a norm of 2e-6 the number that is added to it counts."""
    gradient = (size * NOISE.standard_normal(9)).astype(np.float32)
    parameter = nn.Parameter(torch.zeros(9))
    parameter.grad = torch.from_numpy(gradient.copy())
    nn.utils.clip_grad_norm_([parameter], size)
    stacked, looped = torch.from_numpy(gradient.copy())[None], gradient.copy()
    assert CLIPPING["norm"].function(stacked, size).all()
    assert CLIPPING["norm"].compiled is not None
    assert CLIPPING["norm"].compiled(looped, np.array([size])) == 1
    for own in (stacked[0], torch.from_numpy(looped)):
        torch.testing.assert_close(own, parameter.grad, rtol=1e-5, atol=0)


@pytest.mark.parametrize(("name", "twin"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam)])
def test_updates_of_small_gradients_are_torchs(name: str, twin: type[torch.optim.Optimizer]) -> None:
    """With gradients of 1e-8, the epsilon of Adam, three steps end where torch's do."""
    entry, given = OPTIMIZERS[name], tuple(OPTIMIZERS[name].arguments.values())
    gradients = (1e-8 * NOISE.standard_normal((3, 9))).astype(np.float32)
    parameter = nn.Parameter(torch.zeros(9))
    optimizer = twin([parameter], lr=0.1, **({"momentum": given[0]} if name == "sgd" else {}))  # type: ignore[call-arg]
    stacked, looped = torch.zeros(1, 9), np.zeros(9, np.float32)
    slots, rows = {own: torch.zeros(1, 9) for own in entry.slots}, np.zeros((len(entry.slots), 9), np.float32)
    for step, gradient in enumerate(gradients, 1):
        parameter.grad = torch.from_numpy(gradient)
        optimizer.step()
        entry.update(stacked, torch.from_numpy(gradient)[None].clone(), slots, torch.tensor([[0.1]]), step, *given)
        assert entry.compiled is not None
        entry.compiled(looped, gradient, rows, np.float32(0.1), step, np.array(given))
    for own in (stacked[0], torch.from_numpy(looped)):
        torch.testing.assert_close(own, parameter.detach(), rtol=1e-4, atol=0)

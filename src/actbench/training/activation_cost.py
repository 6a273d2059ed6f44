"""What an activation costs on this machine: forward and backward beside a copy of the same bytes, and in training.

Letters: P models, B batch, D width.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import torch

from actbench.levels.activations import ACTIVATIONS
from actbench.levels.dataset import Dataset
from actbench.plan.design import Run
from actbench.plan.factors import FACTORS
from actbench.plan.level import parse_level
from actbench.training import loop

P, B, D = 16, 64, 64  # 65,536 numbers, 256 kB: they stay in a second-level cache, as in training
ROUNDS, CALLS, UPDATES = 15, 8, 10
FEATURES, CLASSES, EXAMPLES = 40, 10, 640

Cost = dict[str, str | float]


def activation_costs(names: Iterable[str], baseline: str) -> list[Cost]:
    """Time each activation: medians over rounds in which every activation has its turn, so that all share the weather.

    Args:
        names: levels of activation.
        baseline: the activation that does nothing; a training step with it is what the others are compared with.

    Returns:
        One row an activation: forward, backward and copy in ns per number; forward_copies, backward_copies: in copies;
        step in µs per model and update (depth and width of the default levels); step_share: 1 - baseline's step / step,
        at least 0.
    """
    names = list(dict.fromkeys([baseline, *names]))
    alone = {name: _forward_and_backward(name) for name in names}
    trained = {name: _updates(name) for name in names}
    copy = _copy()
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        times.setdefault(("", "copy"), []).append(copy())
        for name in names:
            forward, backward = alone[name]()
            times.setdefault((name, "forward"), []).append(forward)
            times.setdefault((name, "backward"), []).append(backward)
            times.setdefault((name, "step"), []).append(trained[name]())
    middle = {key: median(values) for key, values in times.items()}
    return [_row(name, baseline, middle) for name in names]


def _row(name: str, baseline: str, middle: dict[tuple[str, str], float]) -> Cost:
    numbers, copied = P * B * D, middle["", "copy"]
    forward, backward, step = (middle[name, kind] for kind in ("forward", "backward", "step"))
    return {
        "activation": name,
        "forward_ns": 1e9 * forward / numbers,
        "backward_ns": 1e9 * backward / numbers,
        "copy_ns": 1e9 * copied / numbers,
        "forward_copies": forward / copied,
        "backward_copies": backward / copied,
        "step_us": 1e6 * step / P,
        "step_share": max(0.0, 1 - middle[baseline, "step"] / step),
    }


def _forward_and_backward(text: str) -> Callable[[], tuple[float, float]]:
    level = parse_level("activation", text)
    entry = ACTIVATIONS[level.name]
    draws = torch.Generator().manual_seed(0)
    z_PBD = torch.randn(P, B, D, generator=draws).requires_grad_()
    g_PBD = torch.randn(P, B, D, generator=draws)
    learned = [torch.full((P, 1, 1), value, requires_grad=True) for value in entry.learned.values()]

    def timed() -> tuple[float, float]:
        forward = backward = 0.0
        for _ in range(CALLS):
            start = time.perf_counter()
            h_PBD = entry.function(z_PBD, *level.arguments, *learned)
            middle = time.perf_counter()
            torch.autograd.grad(h_PBD, [z_PBD, *learned], g_PBD, allow_unused=True)
            forward, backward = forward + middle - start, backward + time.perf_counter() - middle
        return forward / CALLS, backward / CALLS

    timed()
    return timed


def _copy() -> Callable[[], float]:
    source_PBD, target_PBD = torch.zeros(P, B, D), torch.empty(P, B, D)

    def timed() -> float:
        start = time.perf_counter()
        for _ in range(CALLS):
            target_PBD.copy_(source_PBD)
        return (time.perf_counter() - start) / CALLS

    timed()
    return timed


def _updates(text: str) -> Callable[[], float]:
    """Return a function that times updates of a stack of P models with the activation, in seconds for one update."""
    levels: dict[str, Any] = {name: factor.default for name, factor in FACTORS.items()}
    run = Run(**levels | {"activation": text, "width": D, "batch_size": B, "lr": 1e-4, "steps": 10**6})
    training = loop.start([replace(run, seed=seed) for seed in range(P)], _noise(), "cpu")
    done = 0

    def timed() -> float:
        nonlocal done
        start = time.perf_counter()
        loop.advance(training, done, done + UPDATES)
        done += UPDATES
        return (time.perf_counter() - start) / UPDATES

    timed()
    return timed


def _noise() -> Dataset:
    draws = np.random.default_rng(0)
    x_NI = draws.standard_normal((EXAMPLES, FEATURES)).astype(np.float32)
    y_N = draws.integers(0, CLASSES, EXAMPLES)
    return Dataset("noise", CLASSES, x_NI, y_N, x_NI, y_N, x_NI, y_N, checksum="0" * 64)

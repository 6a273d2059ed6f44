"""What an activation costs on this machine: forward and backward beside a copy of the same bytes, and in training.

Times are process times of one thread, which other processes on the machine lengthen little.

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
from actbench.training import loop, state

P, B, D = 16, 64, 64  # 65,536 numbers, 256 kB: they stay in a second-level cache, as in training
ROUNDS, CALLS, UPDATES = 15, 8, 10
FEATURES, CLASSES, EXAMPLES = 40, 10, 640

TIMES = ("forward_ns", "backward_ns", "copy_ns", "step_us")

Cost = dict[str, str | float]


def timed_rounds(names: Iterable[str]) -> list[Cost]:
    """Time each activation once in every round, so that all share the weather.

    Returns:
        One row an activation and round: forward, backward and copy in ns per number, step in µs per model and update
        (depth and width of the default levels).
    """
    names = list(dict.fromkeys(names))
    alone = {name: _forward_and_backward(name) for name in names}
    trained = {name: _updates(name) for name in names}
    copy = _copy()
    rows: list[Cost] = []
    for place in range(ROUNDS):
        copied = copy()
        for name in names:
            seconds = (*alone[name](), copied)
            times = {key: 1e9 * time / (P * B * D) for key, time in zip(TIMES, seconds, strict=False)}
            rows.append({"activation": name, "round": place, **times, "step_us": 1e6 * trained[name]() / P})
    return rows


def activation_costs(rounds: list[Cost], baseline: str) -> list[Cost]:
    """Take medians over rounds.

    Args:
        rounds: from `timed_rounds`, the baseline among them.
        baseline: the activation that does nothing; a training step with it is what the others are compared with.

    Returns:
        One row an activation: TIMES; forward_copies, backward_copies: in copies; step_share: 1 - baseline's step over
        this one's, at least 0.
    """
    names = dict.fromkeys(str(row["activation"]) for row in rounds)
    middle = {name: _medians([row for row in rounds if row["activation"] == name]) for name in names}
    return [_row(name, times, middle[baseline]["step_us"]) for name, times in middle.items()]


def _medians(rows: list[Cost]) -> dict[str, float]:
    return {key: median(float(row[key]) for row in rows) for key in TIMES}


def _row(name: str, times: dict[str, float], least: float) -> Cost:
    copies = {f"{way}_copies": times[f"{way}_ns"] / times["copy_ns"] for way in ("forward", "backward")}
    return {"activation": name, **times, **copies, "step_share": max(0.0, 1 - least / times["step_us"])}


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
            start = time.process_time()
            h_PBD = entry.function(z_PBD, *level.arguments, *learned)
            middle = time.process_time()
            torch.autograd.grad(h_PBD, [z_PBD, *learned], g_PBD, allow_unused=True)
            forward, backward = forward + middle - start, backward + time.process_time() - middle
        return forward / CALLS, backward / CALLS

    timed()
    return timed


def _copy() -> Callable[[], float]:
    source_PBD, target_PBD = torch.zeros(P, B, D), torch.empty(P, B, D)

    def timed() -> float:
        start = time.process_time()
        for _ in range(CALLS):
            target_PBD.copy_(source_PBD)
        return (time.process_time() - start) / CALLS

    timed()
    return timed


def _updates(text: str) -> Callable[[], float]:
    """Return a function that times updates of a stack of P models with the activation, in seconds for one update."""
    levels: dict[str, Any] = {name: factor.default for name, factor in FACTORS.items()}
    run = Run(**levels | {"activation": text, "width": D, "batch_size": B, "lr": 1e-4, "steps": 10**6})
    training = state.start([replace(run, seed=seed) for seed in range(P)], _noise(), "cpu")
    done = 0

    def timed() -> float:
        nonlocal done
        start = time.process_time()
        loop.advance(training, done, done + UPDATES)
        done += UPDATES
        return (time.process_time() - start) / UPDATES

    timed()
    return timed


def _noise() -> Dataset:
    draws = np.random.default_rng(0)
    x_NI = draws.standard_normal((EXAMPLES, FEATURES)).astype(np.float32)
    y_N = draws.integers(0, CLASSES, EXAMPLES)
    return Dataset("noise", CLASSES, x_NI, y_N, x_NI, y_N, x_NI, y_N, checksum="0" * 64)

"""How many models a stack may hold."""

from dataclasses import replace

import pytest

from actbench.training import capacity, state
from actbench.training.stack import LARGEST
from test_twin import runs_of, tiny_dataset


def test_a_cpu_takes_what_its_cache_holds() -> None:
    """On a CPU the size of a stack depends on nothing."""
    run = runs_of()[0]
    assert capacity.largest_stack(run, tiny_dataset(), "cpu") == LARGEST


def test_a_gpu_takes_what_its_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the memory holds twice the models, a deeper network fewer; never more than MOST_ON_GPU, never none."""
    run, data = runs_of()[0], tiny_dataset()
    one = capacity.model_bytes(run, data)
    held = {}
    for models in (0.1, 100, 200, 10**9):
        monkeypatch.setattr(
            capacity,
            "_free_bytes",
            lambda models=models: int(capacity.ABREAST_ON_GPU * models * one / capacity.SHARE) + 4,
        )
        held[models] = capacity.largest_stack(run, data, "cuda")
    assert held == {0.1: 1, 100: 100, 200: 200, 10**9: capacity.MOST_ON_GPU}
    assert capacity.model_bytes(replace(run, depth=run.depth + 8), data) > one


def test_a_model_takes_at_least_what_it_consists_of() -> None:
    """The estimate covers the parameters, their copies and every layer's values for the probe."""
    run, data = runs_of(depth=3, norm="batchnorm")[0], tiny_dataset()
    training = state.start([run], data)
    stack = training.stack
    numbers = 3 * stack.parameters_PN.numel() + stack.slots_PTN.numel() + 2 * run.depth * run.width * capacity.PROBE
    assert capacity.model_bytes(run, data) > 4 * numbers

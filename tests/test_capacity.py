"""How many models a stack may hold."""

from dataclasses import replace

import numpy as np
import pytest

from actbench.training import capacity, loop, state
from actbench.training.stack import LARGEST
from pretend_card import Card, card
from test_twin import runs_of, tiny_dataset

__all__ = ["card"]  # a fixture


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


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_stack_takes_no_more_than_it_is_given(optimizer: str, card: Card) -> None:
    """From the first evaluation to the last, the captured step included, a mixed stack stays below the estimate."""
    few = {"depth": 2, "width": 64, "batch_size": 64, "steps": 3, "norm": "batchnorm", "lr": 0.001}
    data = tiny_dataset()
    data = replace(data, x_train=np.tile(data.x_train, (6, 1)), y_train=np.tile(data.y_train, 6))
    names = ("gelu", "relu", "sigmoid", "tanh")
    runs = [run for name in names for run in runs_of(activation=name, optimizer=optimizer, residual="identity", **few)]
    training = state.start(runs, data, "cuda")
    before, loaded = card.held, data.x_train.nbytes + data.y_train.nbytes
    loop.advance(training, 0, 1)
    graph = card.most - before  # which keeps what a step needs
    card.most = 0
    for _ in loop.train_in_pieces(training, data):
        pass
    assert before < card.most + graph - loaded < len(runs) * capacity.model_bytes(runs[0], data)


def test_a_model_takes_at_least_what_it_consists_of() -> None:
    """The estimate covers the parameters, their copies and every layer's values for the probe."""
    run, data = runs_of(depth=3, norm="batchnorm")[0], tiny_dataset()
    training = state.start([run], data)
    stack = training.stack
    numbers = 3 * stack.parameters_PN.numel() + stack.slots_PTN.numel() + 2 * run.depth * run.width * capacity.PROBE
    assert capacity.model_bytes(run, data) > 4 * numbers

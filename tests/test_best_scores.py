"""The scores that results report, those of the best validation step, against one ordinary torch network."""

import copy
import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch.nn import functional

from actbench.plan.design import Run
from actbench.training import loop, state
from test_twin import runs_of, tiny_dataset
from twin import PlainNetwork, plain_network, plain_optimizer, plain_step

TINY = tiny_dataset()
# A third of the training examples have another's class: networks that learn them by heart answer ever worse.
WRONG = np.arange(len(TINY.y_train)) % 3 == 0
DATA = replace(TINY, y_train=np.where(WRONG, np.roll(TINY.y_train, 1), TINY.y_train))


class Best(NamedTuple):
    """A network as it was at the lowest validation loss so far."""

    step: int
    loss: float
    network: PlainNetwork


def plain_scores(network: PlainNetwork, run: Run, split: str) -> tuple[float, float]:
    """Return the loss and the accuracy of a plain network on a split."""
    x, y = (torch.from_numpy(getattr(DATA, f"{letter}_{split}")) for letter in "xy")
    network.eval()
    with torch.no_grad():
        logits = network(x * run.input_scale)
    network.train()
    return functional.cross_entropy(logits, y).item(), (logits.argmax(1) == y).double().mean().item()


def trained_by_hand(run: Run, steps: tuple[int, ...]) -> tuple[PlainNetwork, Best]:
    """Train a plain network on the run's batches; return it, and what it was at its best evaluated step."""
    training = state.start([run], DATA)
    views = training.stack.views(training.stack.parameters_PN)
    network = plain_network(run, DATA.x_train.shape[1], DATA.classes, views, 0)
    optimizer, best = plain_optimizer(run, network), Best(-1, math.inf, network)
    for step in range(run.steps + 1):
        if step in steps and (loss := plain_scores(network, run, "val")[0]) < best.loss:
            best = Best(step, loss, copy.deepcopy(network))
        if step < run.steps:
            x_PBI, y_PB = training.batches.at(step)
            plain_step(run, network, optimizer, x_PBI[0], y_PB[0])
    return network, best


@pytest.mark.parametrize("norm", ["none", "batchnorm"])
def test_scores_are_those_of_the_best_and_of_the_last_step(norm: str) -> None:
    """Losses and accuracies of each split after the last update, and of validation and test at the best step."""
    run = runs_of(activation="tanh", norm=norm, steps=100, lr=0.1, depth=2)[0]
    record = loop.train_stack([run], DATA)
    last, best = trained_by_hand(run, record.steps)
    assert 0 < best.step < run.steps, "the run was built to be at its best in between"
    assert record.best_step_P[0] == best.step
    expected = {name: plain_scores(last, run, name) for name in ("train", "val", "test")}
    expected |= {f"best_{name}": plain_scores(best.network, run, name) for name in ("val", "test")}
    for name, (loss, accuracy) in expected.items():
        assert record.scores[f"{name}_loss"][0] == pytest.approx(loss, rel=2e-3), name
        assert record.scores[f"{name}_accuracy"][0] == pytest.approx(accuracy), name
    assert len(record.scores) == 2 * len(expected)

"""A stack is the same computation as ordinary torch networks trained one by one."""

import itertools

import numpy as np
import pytest
import torch

from actbench.levels.dataset import Dataset
from actbench.plan.design import Run
from actbench.training import loop, state
from actbench.training.gradients import loss_and_gradient
from exactness import levels
from twin import plain_network, plain_optimizer, plain_step

INPUTS, CLASSES = 8, 4


def tiny_dataset() -> Dataset:
    """Return 96 training examples of 4 classes that lie apart."""
    noise = np.random.default_rng(0)
    y = np.arange(160) % CLASSES
    centres = noise.normal(size=(CLASSES, INPUTS))
    x = (centres[y] + 0.5 * noise.normal(size=(160, INPUTS))).astype(np.float32)
    parts = {"train": slice(0, 96), "val": slice(96, 128), "test": slice(128, 160)}
    arrays = {f"{letter}_{name}": array[rows] for name, rows in parts.items() for letter, array in (("x", x), ("y", y))}
    return Dataset(name="tiny", classes=CLASSES, checksum="0" * 64, **arrays)


def runs_of(**levels: object) -> list[Run]:
    """Return three runs that differ in what may differ within a stack."""
    common = {
        "dataset": "mnist1d", "model": "mlp", "activation": "tanh", "depth": 3, "width": 16, "norm": "none",
        "residual": "none", "clip": "none", "optimizer": "sgd", "batch_size": 32, "steps": 6, "bias_offset": 0.0,
    }  # fmt: skip
    varying = [
        {"init": "he_normal", "lr": 0.1, "input_scale": 1.0, "seed": 0},
        {"init": "xavier_uniform", "lr": 0.02, "input_scale": 2.0, "seed": 1},
        {"init": "torch_default", "lr": 0.3, "input_scale": 1.0, "seed": 2},
    ]
    return [Run(**{**common, **own, **levels}) for own in varying]


def check(runs: list[Run]) -> None:
    """Compare outputs, every gradient, and the parameters after several steps with the plain twin."""
    training = state.start(runs, tiny_dataset())
    views = training.stack.views(training.stack.parameters_PN)
    networks = [plain_network(run, INPUTS, CLASSES, views, index) for index, run in enumerate(runs)]
    optimizers = [plain_optimizer(run, network) for run, network in zip(runs, networks, strict=True)]
    for step in range(runs[0].steps):
        x_PBI, y_PB = training.batches.at(step)
        loss_P, logits_PBC, gradient_PN = loss_and_gradient(training.stack, x_PBI, y_PB, "probe")
        gradients = training.stack.views(gradient_PN)
        for index, (run, network) in enumerate(zip(runs, networks, strict=True)):
            with torch.no_grad():
                torch.testing.assert_close(
                    logits_PBC[index], in_probe_mode(network, x_PBI[index]), rtol=2e-4, atol=2e-5
                )
            plain_loss = plain_step(run, network, optimizers[index], x_PBI[index], y_PB[index])
            assert loss_P[index].item() == pytest.approx(plain_loss, rel=2e-4, abs=2e-6)
            if run.clip == "none":
                compare(network, gradients, index, gradient=True)
        loop.advance_by_autograd(training, step, step + 1)
    views = training.stack.views(training.stack.parameters_PN)
    for index, network in enumerate(networks):
        compare(network, views, index, gradient=False)
        compare_statistics(network, training.stack.statistics(), index)


def in_probe_mode(network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Run forward with batch statistics and leave the running ones as they were."""
    kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    output = network(x)
    network.load_state_dict(kept)
    return output


def compare(network: torch.nn.Module, views: dict[str, torch.Tensor], index: int, gradient: bool) -> None:
    """Compare every parameter or gradient of a plain network with model `index` of the stack."""
    for name, tensor, transposed in network.placed():
        expected = tensor.grad if gradient else tensor.detach()
        actual = views[name][index].T if transposed else views[name][index].reshape(tensor.shape)
        torch.testing.assert_close(
            actual, expected, rtol=1e-3, atol=2e-5, msg=lambda text, name=name: f"{name}: {text}"
        )


def compare_statistics(network: torch.nn.Module, statistics: dict[str, torch.Tensor], index: int) -> None:
    """Compare the running statistics of a plain network with those of the stack."""
    for number, layer in enumerate(network.layers, 1):
        if isinstance(layer.norm, torch.nn.BatchNorm1d):
            torch.testing.assert_close(
                statistics[f"mean{number}"][index, 0], layer.norm.running_mean, rtol=1e-3, atol=1e-5
            )
            torch.testing.assert_close(
                statistics[f"variance{number}"][index, 0], layer.norm.running_var, rtol=1e-3, atol=1e-5
            )


STRUCTURES = list(
    itertools.product(
        levels("norm"),
        levels("residual"),
        ("none", "norm(0.5)", "value(0.01)"),
        ("sgd", "adam"),
    )
)


@pytest.mark.parametrize(("norm", "residual", "clip", "optimizer"), STRUCTURES)
def test_every_structure_equals_plain_torch(norm: str, residual: str, clip: str, optimizer: str) -> None:
    """Outputs, gradients and parameters agree for every norm, skip, clipping rule and optimiser."""
    rate = {"lr": 0.003} if optimizer == "adam" else {}
    check(runs_of(norm=norm, residual=residual, clip=clip, optimizer=optimizer, **rate))


@pytest.mark.parametrize("activation", levels("activation"))
def test_every_activation_equals_plain_torch(activation: str) -> None:
    """Outputs, gradients and parameters agree for every activation."""
    check(runs_of(activation=activation))

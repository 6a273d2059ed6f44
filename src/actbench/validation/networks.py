"""Checks of whole networks: variances of initial weights, signal through depth, accuracy on MNIST-1D."""

import math
import tempfile
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from actbench.levels.dataset import Dataset, load_dataset
from actbench.levels.initializers import INITIALIZERS
from actbench.levels.probe_table import probe, probed_run
from actbench.training.loop import train_stack
from actbench.training.state import Training
from actbench.validation.check import Check

FAN_IN, FAN_OUT = 600, 400
SEEDS = 3
SCATTER = 0.03  # of a factor per layer over SEEDS networks of width 256


def scaled_variance(name: str) -> float:
    """Return the mean square of an initialiser's weights over its published variance."""
    entry = INITIALIZERS[name]
    weight = entry.weight(torch.Generator().manual_seed(0), FAN_IN, FAN_OUT, None)
    published = {"xavier": 2 / (FAN_IN + FAN_OUT), "he": 2 / FAN_IN, "lecun": 1 / FAN_IN, "torch": 1 / (3 * FAN_IN)}
    return float(weight.double().square().mean()) / published[name.split("_")[0]]


def backward_factor(init: str) -> float:
    """Return the factor on squared gradient norms a layer in a ReLU network of 30 layers."""
    run = probed_run(activation="relu", init=init, depth=30, width=256)
    value: float | None = probe(run, None, 64, SEEDS)["backward_factor"]["value"]
    return math.nan if value is None else value


@cache
def mnist1d() -> Dataset:
    """Return MNIST-1D with all 4000 training examples for training, as published accuracies have it."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = load_dataset("mnist1d", Path(folder))
    x, y = (np.concatenate([getattr(dataset, f"{a}_train"), getattr(dataset, f"{a}_val")]) for a in "xy")
    return replace(dataset, x_train=x, y_train=y)


def trained_accuracy(activation: str, depth: int, width: int, residual: str, steps: int) -> float:
    """Return the mean test accuracy over SEEDS networks after training, in percent."""
    levels: dict[str, str | int | float] = {
        "activation": activation,
        "depth": depth,
        "width": width,
        "residual": residual,
        "steps": steps,
    }
    common: dict[str, str | int | float] = {"init": "torch_default", "optimizer": "adam", "lr": 0.01, "batch_size": 96}
    record = train_stack([probed_run(seed=seed, **levels, **common) for seed in range(SEEDS)], mnist1d(), device="cpu")
    return 100 * float(record.scores["test_accuracy"].mean())


def collapse_error(activation: str, depth: int = 4, steps: int = 300) -> float:
    """Return how far a trained network is from the one affine map that its layers multiply to.

    max |f(x) - (x W + b)| / max |f(x)| over the test examples, with f as it was trained, in float32, and in float64
    W = W₁ W₂ … and b = (b₁ W₂ + b₂) W₃ + …; NaN when training has not brought the accuracy to twice chance.
    """
    levels: dict[str, str | int | float] = {"activation": activation, "depth": depth, "width": 64, "steps": steps}
    distances: list[float] = []
    run = probed_run(init="xavier_normal", optimizer="sgd", lr=0.1, batch_size=64, **levels)
    record = train_stack([run], mnist1d(), lambda training: distances.append(_distance(training, depth)), "cpu")
    trained = record.scores["test_accuracy"][0] >= 2 / record.classes
    return distances[0] if trained else math.nan


@torch.no_grad()
def _distance(training: Training, depth: int) -> float:
    stack, x_BI = training.stack, torch.from_numpy(mnist1d().x_test)
    views = stack.views(stack.parameters_PN)
    logits_BC = stack.network.forward(views, stack.statistics(), x_BI[None], "eval")[0].double()
    weight, bias = views["weight1"][0].double(), views["bias1"][0].double()
    for layer in range(2, depth + 2):
        weight, bias = weight @ (own := views[f"weight{layer}"][0].double()), bias @ own + views[f"bias{layer}"][0]
    return float((logits_BC - (x_BI.double() @ weight + bias)).abs().max() / logits_BC.abs().max())


GREYDANUS = "Greydanus & Kobak 2024, Scaling down deep learning with MNIST-1D, table 1"
GLOROT = "Glorot & Bengio 2010, eq. 12 and 16"
HE = "He et al. 2015, Delving deep into rectifiers, section 2.2"
NETWORK_CHECKS = (
    Check("Xavier normal: variance over 2/(in + out)", 1.0, partial(scaled_variance, "xavier_normal"), 0.01, GLOROT),
    Check("Xavier uniform: variance over 2/(in + out)", 1.0, partial(scaled_variance, "xavier_uniform"), 0.01, GLOROT),
    Check("He normal: variance over 2/in", 1.0, partial(scaled_variance, "he_normal"), 0.01, f"{HE}, eq. 10"),
    Check("He uniform: variance over 2/in", 1.0, partial(scaled_variance, "he_uniform"), 0.01, f"{HE}, eq. 10"),
    Check(
        "LeCun normal: variance over 1/in",
        1.0,
        partial(scaled_variance, "lecun_normal"),
        0.01,
        "LeCun et al. 1998, eq. 16",
    ),
    Check(
        "torch default: variance over 1/(3 in)", 1.0, partial(scaled_variance, "torch_default"), 0.01, "torch.nn.Linear"
    ),
    Check("30 ReLU layers, He: gradient factor", 1.0, partial(backward_factor, "he_normal"), SCATTER, HE),
    Check("30 ReLU layers, Xavier: gradient factor", 0.5, partial(backward_factor, "xavier_normal"), SCATTER / 2, HE),
    Check(
        "trained linear network of four layers: distance from the product of its weights",
        0.0,
        partial(collapse_error, "identity"),
        1e-5,
        "Goodfellow et al. 2016, Deep learning, section 6.1: layers without a nonlinearity are one",
    ),
    # One standard error of an accuracy near 68 % on 1000 test examples is 1.5 points; two are allowed.
    Check(
        "MNIST-1D, logistic regression",
        32.0,
        partial(trained_accuracy, "identity", 1, 64, "none", 1500),
        3.0,
        GREYDANUS,
        unit="%",
    ),
    Check(
        "MNIST-1D, ReLU network of two layers",
        68.0,
        partial(trained_accuracy, "relu", 2, 256, "identity", 3000),
        3.0,
        GREYDANUS,
        unit="%",
    ),
)

"""Predictions for every condition of a config as rows, for drawing beside measurements without torch."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from operator import attrgetter

import numpy as np

from actbench.levels.dataset import Dataset
from actbench.levels.initial_pass import chain_of
from actbench.levels.nonlinearity import nonlinearity
from actbench.plan.design import Run
from actbench.theory.fixed_points import CRITICAL
from actbench.theory.mean_field import Nonlinearity
from actbench.theory.profile import forecast
from actbench.theory.summary import summarise

CONDITION = (
    "dataset", "activation", "depth", "width", "init", "norm", "residual", "bias_offset", "input_scale"
)  # fmt: skip
_LEVELS = attrgetter(*CONDITION)
LAYER_COLUMNS = (*CONDITION, "weight_var", "layer", "forward_variance", "backward_norm2", "weight_gradient")
SCALE_COLUMNS = ("activation", "weight_var", "chi", "xi_c", "xi_gradient")
LEAST, MOST, POINTS = 0.01, 100.0, 41  # weight variances of the depth scales, evenly on a logarithmic scale

Row = tuple[str | int | float | None, ...]


def layer_rows(runs: Iterable[Run], datasets: dict[str, Dataset]) -> Iterator[Row]:
    """Predict every hidden layer of each distinct condition; a condition without a prediction has no rows.

    backward_norm2 is relative to the last hidden layer. weight_gradient: √(mean square of the layer's input ·
    backward_norm2), which the norm of the weight gradient is proportional to while examples are equally correlated.
    Columns: LAYER_COLUMNS. Source: `theory.profile.forecast`.
    """
    for run in {_LEVELS(run): run for run in runs if run.model == "mlp"}.values():
        condition = _condition(run)
        dataset = datasets[condition.dataset]
        chain = chain_of(condition, dataset.x_train.shape[1])
        if chain is None:
            continue
        square = _mean_square(dataset) * condition.input_scale**2
        try:
            layers = forecast(_activation(condition.activation), chain, square)
        except ValueError:
            continue
        before = [square, *(layer.output_square for layer in layers)]
        for layer, incoming in zip(layers, before, strict=False):
            gradient = math.sqrt(incoming * layer.backward_norm2)
            numbers = (layer.forward_variance, layer.backward_norm2, gradient)
            yield (*_LEVELS(condition), chain.weight_var, layer.layer, *(_finite(number) for number in numbers))


def _condition(run: Run) -> Run:
    """Return the run with all that has no part in a prediction at one value."""
    return replace(run, clip="none", optimizer="sgd", lr=0.05, batch_size=64, steps=1, seed=0)


@cache
def _activation(name: str) -> Nonlinearity:
    """Return one object for each name, by which `forecast` knows what it has seen before."""
    return nonlinearity(name)


@cache
def _mean_square(dataset: Dataset) -> float:
    return float(np.square(dataset.x_train.astype(np.float64)).mean())


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def scale_rows(activations: Iterable[str]) -> Iterator[Row]:
    """Return χ and depth scales over weight variances, without bias.

    xi_c: of the correlation, empty where it does not exist. xi_gradient: 1/|ln χ|, layers over which the gradient
    changes by a factor e; empty at χ = 1. Columns: SCALE_COLUMNS. Source: Schoenholz et al. 2017, eq. 9 and 12.
    """
    for name in activations:
        phi = nonlinearity(name)
        for weight_var in np.geomspace(LEAST, MOST, POINTS):
            facts = summarise(phi, float(weight_var), 0.0)
            rate = abs(math.log(facts["chi"]))
            yield name, float(weight_var), facts["chi"], facts["xi_c"], 1 / rate if rate > CRITICAL else None

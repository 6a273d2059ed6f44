"""Probes of networks at initialisation as plain numbers: measured layer by layer, with the prediction beside it."""

import math
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actbench.levels.dataset import Dataset
from actbench.levels.initial_pass import LayerPass, measure_initial, normal_inputs, predict_initial
from actbench.plan.design import Run
from actbench.plan.factors import FACTORS
from actbench.plan.level import parse_level
from actbench.plan.registry import is_declared
from actbench.theory.layer_factor import forecast_factor, inner_layers, measured_factor
from actbench.theory.profile import LARGEST_DRIFT, LARGEST_SPREAD, LayerForecast, applies, finite_width

Facts = dict[str, Any]
MEASURED = tuple(field.name for field in fields(LayerPass) if field.name != "layer")


def probed_run(**levels: str | int | float) -> Run:
    """Return a run with these levels and the default of every other factor."""
    return Run(**{name: factor.default for name, factor in FACTORS.items()} | levels)  # type: ignore[arg-type]


def probe_inputs(run: Run, dataset: Dataset | None, examples: int) -> Tensor:
    """Return the first training examples, or standard normal ones, float64 (B, I)."""
    if dataset is None:
        return normal_inputs(run.seed, examples, run.width)
    return torch.from_numpy(dataset.x_train[:examples]).double()


def probe(run: Run, dataset: Dataset | None, examples: int, seeds: int) -> Facts:
    """Measure networks of a run's levels at initialisation, seeds 0 … seeds - 1, and predict the same.

    layers[]: means over the seeds; predicted values, the backward norm scaled to the measured one at the last layer
    away from the ends. backward_factor: of the squared backward norm from one layer to the one below. theory_applies:
    the prediction exists and the width is large enough for it; else a note says why not.
    """
    passes = []
    for seed in range(seeds):
        own = replace(run, seed=seed)
        passes.append(measure_initial(own, probe_inputs(own, dataset, examples)))
    predicted = predict_initial(run, probe_inputs(replace(run, seed=0), dataset, examples).numpy())
    norms2_SL = np.array([[layer.backward_norm2 for layer in layers] for layers in passes])
    expected = None if predicted is None else [layer.backward_norm2 for layer in predicted]
    factor: Facts = asdict(measured_factor(norms2_SL))
    factor["predicted"] = None if expected is None else forecast_factor(expected)
    notes = _notes(run, predicted, factor)
    return {
        "activation": run.activation,
        "backward_factor": factor,
        "theory_applies": predicted is not None and applies(predicted),
        "layers": _layers(passes, predicted),
        "notes": notes,
    }


def _notes(run: Run, predicted: list[LayerForecast] | None, factor: Facts) -> list[str]:
    notes = []
    if factor["value"] is None:
        notes.append("backward_factor: there are too few layers, or the gradient is zero or infinite in one")
    elif factor["low"] is None:
        notes.append("low, high: one seed has no interval; give --seeds 3")
    if predicted is None:
        notes.append(f"predicted: there is no theory of norm {run.norm} with residual {run.residual}")
        return notes
    spread, drift = finite_width(predicted)
    if spread > LARGEST_SPREAD:
        enough = run.width * (spread / LARGEST_SPREAD) ** 2
        notes.append(
            f"predicted: holds for greater width, about {float(f'{enough:.1g}'):,.0f} units; at {run.width} the"
            f" variances of single networks differ so much that their factors per layer do by {100 * spread:.2g} %"
        )
    if drift > LARGEST_DRIFT:
        notes.append(
            f"predicted: holds for greater width or fewer layers; at width {run.width} part of the gradient follows the"
            " signal itself, which theory leaves out and which outgrows the rest"
        )
    if is_declared("norm", parse_level("norm", run.norm).name, "replaces_bias"):
        notes.append("predicted: of large batches of uncorrelated inputs; B examples make it larger by about 1/B")
    return notes


def _layers(passes: list[list[LayerPass]], predicted: list[LayerForecast] | None) -> list[Facts]:
    rows: list[Facts] = []
    for index, same in enumerate(zip(*passes, strict=True)):
        means = {name: float(np.mean([getattr(layer, name) for layer in same])) for name in MEASURED}
        rows.append({"layer": index + 1, **{name: _finite(value) for name, value in means.items()}})
    if predicted is None:
        return [row | {"predicted_forward_variance": None, "predicted_backward_norm2": None} for row in rows]
    anchor = inner_layers(len(rows))[1] - 1
    own, measured = predicted[anchor].backward_norm2, rows[anchor]["backward_norm2"]
    scale = measured / own if own > 0 and measured is not None else None
    return [
        row
        | {
            "predicted_forward_variance": _finite(layer.forward_variance),
            "predicted_backward_norm2": None if scale is None else _finite(scale * layer.backward_norm2),
        }
        for row, layer in zip(rows, predicted, strict=True)
    ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

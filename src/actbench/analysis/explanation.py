"""All that the tables say of one run: levels, outcome, curve, layer profile, neighbours, cost, what made it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from actbench.analysis.json_rows import plain, plain_row, plain_rows
from actbench.analysis.metrics import add_metrics
from actbench.analysis.neighbours import neighbours, same_condition
from actbench.analysis.recorded import Recorded, factors_of
from actbench.analysis.selection import select_run

OUTCOME = (
    "status", "diverged_step", "trained", "score", "val_score", "train_loss", "train_accuracy", "val_loss",
    "val_accuracy", "test_loss", "test_accuracy", "best_step", "best_val_loss", "best_val_accuracy",
    "best_test_loss", "best_test_accuracy", "clip_rate", "classes",
)  # fmt: skip
COST = ("seconds", "steps", "parameters")
PROVENANCE = ("numerics", "version", "commit", "torch", "device")


@dataclass(frozen=True)
class Explanation:
    """What is known of one run. Missing numbers are None in mappings and NaN in frames.

    levels: factor -> level. studies: those that the run belongs to. outcome, cost, provenance: columns of `runs`.
    curve: step, train_loss, train_accuracy, val_loss, val_accuracy. gradients: step, layer, gradient_norm of the
    weight. profile: layer, diagnostic, start_step, start, end_step, end. seeds: the same condition, one row a seed.
    neighbours: columns of neighbours.COLUMNS. prediction: layer, forward_variance and backward_norm as measured at the
    start and as mean-field theory predicts them from the first layer's variance on, the backward norm scaled to that of
    the last hidden layer.
    """

    run_key: str
    levels: dict[str, Any]
    studies: list[str]
    outcome: dict[str, Any]
    curve: pd.DataFrame
    profile: pd.DataFrame
    seeds: pd.DataFrame
    neighbours: pd.DataFrame
    gradients: pd.DataFrame = field(default_factory=pd.DataFrame)
    prediction: pd.DataFrame = field(default_factory=pd.DataFrame)
    prediction_note: str = ""
    cost: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)


def explain(recorded: Recorded, text: str) -> Explanation:
    """Gather what the tables say of the run that a key or a selector names; raise ConfigError when none is named."""
    runs = recorded.runs()
    chosen = select_run(runs, text)
    key = str(chosen["run_key"])
    runs = add_metrics(runs)
    run = runs[runs["run_key"] == key].iloc[0]
    cost = plain_row(run, COST)
    if cost["seconds"] is not None and cost["steps"]:
        cost["milliseconds_per_update"] = 1000 * cost["seconds"] / cost["steps"]
    layers = recorded.records("layers", [key])
    return Explanation(
        key,
        plain_row(run, factors_of(runs)),
        sorted(recorded.records("studies", [key])["study"]),
        plain_row(run, OUTCOME),
        curve(recorded.records("curves", [key])),
        profile(layers),
        same_condition(runs, run)[["seed", "run_key", "status", "score"]],
        neighbours(runs, run),
        gradients(layers),
        cost=cost,
        provenance=plain_row(run, PROVENANCE),
    )


def curve(curves: pd.DataFrame) -> pd.DataFrame:
    """Put loss and accuracy of both splits beside each other, one row an evaluated step."""
    wide = curves.pivot(index="step", columns="split", values=["loss", "accuracy"])
    wide.columns = pd.Index(["_".join(reversed(pair)) for pair in wide.columns.to_flat_index()])
    names = [f"{split}_{score}" for split in ("train", "val") for score in ("loss", "accuracy")]
    return wide.reindex(columns=names).astype("float64").reset_index()


def gradients(layers: pd.DataFrame) -> pd.DataFrame:
    """Return the norm of each layer's weight gradient at every step at which it was recorded."""
    rows = layers[(layers["diagnostic"] == "gradient_norm") & (layers["layer"] > 0)].dropna(subset="value")
    rows = rows.rename(columns={"value": "gradient_norm"}).sort_values(["step", "layer"], ignore_index=True)
    return rows[["step", "layer", "gradient_norm"]]


def profile(layers: pd.DataFrame) -> pd.DataFrame:
    """Put the first and the last recorded value of each layer and diagnostic beside each other.

    Diagnostics are recorded at steps of their own, so each row says at which steps its two values were.
    """
    by = ["diagnostic", "layer"]
    layers = layers.dropna(subset="value")
    ordered = layers.sort_values("step", kind="stable").groupby(by, sort=True, observed=True)
    ends = ordered.agg(start_step=("step", "first"), end_step=("step", "last")).reset_index()
    for moment in ("start", "end"):
        at = layers.rename(columns={"step": f"{moment}_step", "value": moment})
        ends = ends.merge(at[[*by, f"{moment}_step", moment]], on=[*by, f"{moment}_step"])
    return ends[["layer", "diagnostic", "start_step", "start", "end_step", "end"]]


def first_variance(explanation: Explanation) -> float | None:
    """Return the mean square of the first layer's pre-activations at the first step; None if it is not recorded."""
    rows = _at_start(explanation.profile)
    first = rows[rows["layer"] == 1]
    return None if first.empty else plain(first["forward_variance"].iloc[0])


def with_prediction(
    explanation: Explanation, forecast: Iterable[tuple[int, float, float]] | None, note: str
) -> Explanation:
    """Put a forecast, (layer, forward variance, squared backward norm) of every hidden layer, beside what was measured.

    The predicted backward norm is scaled to the measured one of the last hidden layer.
    """
    measured = _at_start(explanation.profile)
    if forecast is None or measured.empty:
        return replace(explanation, prediction_note=note or "the pre-activations of the first step are not recorded")
    columns = ["layer", "predicted_forward_variance", "squared"]
    rows = measured.merge(pd.DataFrame(list(forecast), columns=columns), on="layer")
    norms = np.sqrt(rows["squared"])
    rows["predicted_backward_norm"] = norms * rows["backward_norm"].iloc[-1] / norms.iloc[-1]
    names = ["layer", "forward_variance", "predicted_forward_variance", "backward_norm", "predicted_backward_norm"]
    return replace(explanation, prediction=rows[names], prediction_note=note)


def _at_start(profile: pd.DataFrame) -> pd.DataFrame:
    """Return forward_variance, the mean square of the pre-activations, and backward_norm of each hidden layer."""
    wide = profile[profile["start_step"] == 0].pivot(index="layer", columns="diagnostic", values="start")
    wide = wide.reindex(columns=["preactivation_mean", "preactivation_std", "backward_norm"]).astype("float64")
    wide["forward_variance"] = wide["preactivation_mean"] ** 2 + wide["preactivation_std"] ** 2
    return wide.dropna(subset="forward_variance").reset_index()


def as_facts(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON has it: rows of frames as objects, missing and infinite numbers as null."""
    facts: dict[str, Any] = {}
    for name, value in vars(explanation).items():
        facts[name] = plain_rows(value) if isinstance(value, pd.DataFrame) else value
    return facts

"""All that the tables say of one run: levels, outcome, curve, layer profile, neighbours, cost, what made it."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from actbench.analysis.json_rows import plain_row, plain_rows
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
    curve: step, train_loss, train_accuracy, val_loss, val_accuracy. profile: layer, diagnostic, start_step, start,
    end_step, end. seeds: the same condition, one row a seed. neighbours: columns of neighbours.COLUMNS.
    """

    run_key: str
    levels: dict[str, Any]
    studies: list[str]
    outcome: dict[str, Any]
    curve: pd.DataFrame
    profile: pd.DataFrame
    seeds: pd.DataFrame
    neighbours: pd.DataFrame
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
    return Explanation(
        key,
        plain_row(run, factors_of(runs)),
        sorted(recorded.records("studies", [key])["study"]),
        plain_row(run, OUTCOME),
        curve(recorded.records("curves", [key])),
        profile(recorded.records("layers", [key])),
        same_condition(runs, run)[["seed", "run_key", "status", "score"]],
        neighbours(runs, run),
        cost,
        plain_row(run, PROVENANCE),
    )


def curve(curves: pd.DataFrame) -> pd.DataFrame:
    """Put loss and accuracy of both splits beside each other, one row an evaluated step."""
    wide = curves.pivot(index="step", columns="split", values=["loss", "accuracy"])
    wide.columns = pd.Index(["_".join(reversed(pair)) for pair in wide.columns.to_flat_index()])
    names = [f"{split}_{score}" for split in ("train", "val") for score in ("loss", "accuracy")]
    return wide.reindex(columns=names).astype("float64").reset_index()


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


def as_facts(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON has it: rows of frames as objects, missing and infinite numbers as null."""
    facts: dict[str, Any] = {}
    for name, value in vars(explanation).items():
        facts[name] = plain_rows(value) if isinstance(value, pd.DataFrame) else value
    return facts

"""Results to draw from: made-up tables and everything that the figures read, with no training."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.analysis.claim_tests import read_evidence
from actbench.analysis.claims import compute_claims
from actbench.analysis.statistic_file import stats_path
from actbench.analysis.statistics import write_statistics
from actbench.plan.config import Config, Value, load_config
from actbench.show.contract import declarations
from actbench.show.explorer_theory import CONDITION
from actbench.show.figure_file import write_figure
from actbench.show.inputs import Inputs, read_inputs
from ledgers import claim, ledger_of
from once import made_once
from synthetic import write_results

LEVELS: dict[str, tuple[Value, ...]] = {
    "activation": ("relu", "tanh", "sigmoid"),
    "depth": (2, 8),
    "init": ("he_normal", "xavier_normal"),
    "lr": (0.02, 0.1),
    "seed": (0, 1, 2),
}
PAIR = {"study": "main", "rule": "difference", "quantity": "score", "margin": 0.02, "this": {"activation": "relu"}}
CLAIMS = {
    "better": claim(**PAIR, that={"activation": "tanh"}, strata=["depth"]),
    "worse": claim(**PAIR, that={"activation": "sigmoid"}, direction="lower"),
    "elsewhere": claim(**{**PAIR, "study": "other"}, that={"activation": "tanh"}),
}


def write_config(folder: Path, question: str = "Which?", **levels: tuple[Value, ...]) -> Path:
    """Write the config file of the made-up results: one study `main`."""
    given = {**LEVELS, **levels}
    lines = [f"    {factor}: [{', '.join(map(str, values))}]" for factor, values in given.items()]
    text = [
        "name: drawn",
        "description: made-up <b>results</b> & no training",
        "studies:",
        "  main:",
        f"    question: {json.dumps(question)}",
    ]
    path = folder / "drawn.yaml"
    path.write_text("\n".join([*text, *lines, ""]), encoding="utf-8")
    return path


def draw_from(folder: Path, question: str = "Which?", **levels: tuple[Value, ...]) -> Path:
    """Write a config, its made-up tables and all statistics under `folder/results`; return the config's path."""
    path = write_config(folder, question, **levels)
    name = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    made = made_once(f"drawn-{name}", lambda unfinished: _make_up(load_config(path), unfinished))
    shutil.copytree(made, folder, dirs_exist_ok=True)
    return path


def draw_all(folder: Path) -> Path:
    """Write what `draw_from` does by default, and every figure under `folder/figures`; return the config's path."""

    def draw(unfinished: Path) -> None:
        config = load_config(draw_from(unfinished))
        for name in declarations():
            write_figure(name, config, unfinished / "results", unfinished / "figures")

    shutil.copytree(made_once("figures", draw), folder, dirs_exist_ok=True)
    return folder / "drawn.yaml"


def _make_up(config: Config, folder: Path) -> None:
    results = folder / "results"
    write_results(config, results)
    names = list(map(str, config.studies[0].levels["activation"]))
    stats_path(config.name, "cost", results).parent.mkdir(parents=True, exist_ok=True)
    fake_costs(names).to_csv(stats_path(config.name, "cost", results), index=False, lineterminator="\n")
    write_statistics(config, results)
    ledger = ledger_of(folder, CLAIMS)
    judged = compute_claims(ledger, read_evidence(config, ledger, results))[1]
    extra = {"activations": fake_activations(names), "boundaries": fake_boundaries(names), "claim_tests": judged}
    extra |= fake_theory(config) | {"probe": fake_probe(names)}
    for name, frame in extra.items():
        frame.to_csv(stats_path(config.name, name, results), index=False, float_format="%.10g", lineterminator="\n")


def fake_costs(names: list[str], rounds: int = 9) -> pd.DataFrame:
    """Make up rounds of timing: each activation takes 10 µs more than the one before, each round 0.1 µs more."""
    turns = pd.MultiIndex.from_product([range(rounds), names], names=["round", "activation"]).to_frame(index=False)
    step = 100.0 + 10.0 * turns["activation"].map(names.index) + 0.1 * turns["round"]
    times = {"forward_ns": 1.0, "backward_ns": 2.0, "copy_ns": 0.1, "step_us": step, "device": "cpu-avx2"}
    return turns.assign(**times)


def fake_activations(names: list[str]) -> pd.DataFrame:
    """Make up a table of functions with a kink at 0."""
    z = np.linspace(-5, 5, 21)
    frame = pd.DataFrame({"z": z, "value": np.maximum(z, 0), "derivative": np.where(z == 0, np.nan, z > 0)})
    return pd.concat([frame.assign(activation=name) for name in names])[["activation", "z", "value", "derivative"]]


def fake_theory(config: Config) -> dict[str, pd.DataFrame]:
    """Make up predictions for every condition, and depth scales with a gap for every activation."""
    levels = config.studies[0].levels
    conditions = pd.MultiIndex.from_product([levels[name] for name in CONDITION], names=CONDITION).to_frame(index=False)
    variances = {init: 0.5 * (place + 1) for place, init in enumerate(levels["init"])}
    conditions = conditions.assign(weight_var=conditions["init"].map(variances))
    layers = conditions["depth"].map(lambda depth: range(1, depth + 1))
    theory = conditions.assign(layer=layers).explode("layer", ignore_index=True).astype({"layer": "int64"})
    rate = theory["weight_var"] * theory["layer"] / theory["depth"]
    theory = theory.assign(forward_variance=0.9**rate, backward_norm2=1.2**-rate, weight_gradient=0.7**rate)
    grid = pd.DataFrame({"weight_var": [0.1, 1.0, 10.0], "chi": 1.0, "xi_c": [2.0, None, 3.0], "xi_gradient": 2.0})
    return {
        "theory": theory,
        "depth_scales": pd.concat([grid.assign(activation=name) for name in levels["activation"]]),
    }


def fake_probe(names: list[str]) -> pd.DataFrame:
    """Make up a probe of ten layers whose signal and gradient shrink by a tenth a layer."""
    layers = pd.DataFrame({"layer": range(1, 11)})
    levels = {"init": "he_normal", "norm": "none", "residual": "none", "depth": 10, "width": 512, "input": "gaussian"}
    shrinking = 0.9 ** layers["layer"]
    frame = layers.assign(**levels, examples=128, seeds=3, forward_variance=shrinking, backward_norm2=1 / shrinking)
    frame = frame.assign(activation_mean=0.1, activation_std=shrinking, zero_fraction=0.5, saturated_fraction=0.25)
    frame = frame.assign(predicted_forward_variance=shrinking, predicted_backward_norm2=1 / shrinking)
    return pd.concat([frame.assign(activation=name) for name in names], ignore_index=True)


def fake_boundaries(names: list[str]) -> pd.DataFrame:
    """Make up the answers of networks that cut the plane in three, and a few test examples."""
    along = np.linspace(-2, 2, 12).round(3)
    x, y = (axis.ravel() for axis in np.meshgrid(along, along))
    grid = pd.DataFrame({"kind": "grid", "x": x, "y": y, "label": (x > y).astype(int) + (x > 1)})
    runs = {"run_key": "0" * 16, "depth": 3, "seed": 0, "test_accuracy": 0.5, "recorded_accuracy": 0.5}
    points = pd.DataFrame({"kind": "test", "x": [0.0, 1.0, -1.0], "y": [1.0, 0.0, 0.5], "label": [0, 1, 2]})
    failed = pd.DataFrame({"kind": ["failed"], "activation": ["swish_of_old"]})
    frame = pd.concat([*(grid.assign(activation=name, **runs) for name in names), points, failed])
    return frame.astype(dict.fromkeys(("depth", "seed", "label"), "Int64"))


def inputs_of(config_path: Path, tables: tuple[str, ...], stats: tuple[str, ...]) -> Inputs:
    """Read what a figure declares from the results beside a config."""
    return read_inputs(load_config(config_path), tables, stats, config_path.parent / "results")

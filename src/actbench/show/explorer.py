"""What the report's explorer holds: the statistics `explorer*`, packed small, and the look of each activation.

The page filters these numbers, takes means of scores and curves over runs and medians of profiles over cells, and
nothing else; `explorer.js` says each average where it is taken. Beside profiles stands what theory predicts of them.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from actbench.analysis.json_rows import spans
from actbench.plan.config import Config, Study
from actbench.show.explorer_theory import RELATIVE, pack_predictions
from actbench.show.inputs import iterate_csv, read_csv
from actbench.show.style import SOLID, looks, ordered

STATS = ("explorer", "explorer_curves", "explorer_layers")
NUMBERS = ("seed", "score", "failed")
ALWAYS = ("activation", "lr")  # factors that can be chosen even where a study has one level of them
SPLITS = ("val", "train")
MOMENTS = ("start", "end")
PLACE = ("study", "cell", "moment", "layer", "n_runs")
MOST_PROFILE_ROWS = 100_000  # rows of explorer_layers that a page holds; in a larger grid those at the chosen rates
CHOSEN_ALONE = "Layer profiles of this large grid are those at the learning rates chosen on validation data."
TOO_MANY = "The layer profiles of this grid are too many for a page: see stats/explorer_layers.csv."
SYMBOLS = {
    "o": "circle", "s": "square", "^": "triangle-up", "v": "triangle-down", "<": "triangle-left",
    ">": "triangle-right", "D": "diamond", "d": "diamond-tall", "p": "pentagon", "h": "hexagon",
    "P": "cross", "X": "x", "*": "star", "+": "cross-thin-open", "x": "x-thin-open", "8": "octagon",
}  # fmt: skip
DARK_PAPER, CONTRAST = "#161616", 4.5

Packed = dict[str, Any]


def explorer_data(config: Config, stats: Path) -> Packed:
    """Pack the explorer's statistics of every study; `looks` has a line for each activation, `note` what is left out.

    Args:
        config: gives the studies, their questions and the order of levels.
        stats: the folder results/<name>/stats.
    """
    runs, curves = (read_csv(stats / f"{name}.csv") for name in ("explorer", "explorer_curves"))
    layers, note = _bounded(runs, iterate_csv(stats / "explorer_layers.csv"))
    predictions, places = pack_predictions(read_csv(stats / "theory.csv"), runs)
    runs = runs.assign(prediction=places)
    packed = [
        _study(study, *(frame[frame["study"] == study.name] for frame in (runs, curves, layers)))
        for study in config.studies
    ]
    theory = {"predictions": predictions, "relative": RELATIVE}
    return {"studies": packed, "looks": _looks(runs["activation"].unique()), "note": note, **theory}


def embed(value: Any) -> str:
    """Write a value as JSON that can stand inside a script element: no markup can end it or begin in it."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _bounded(runs: pd.DataFrame, parts: Iterable[pd.DataFrame]) -> tuple[pd.DataFrame, str]:
    """Return the rows of `explorer_layers` that a page holds, and what it says of others; no more are held before."""
    chosen = runs.loc[runs["chosen"] == 1, ["study", "cell"]].drop_duplicates()
    fitting: dict[str, list[pd.DataFrame]] = {"": [], CHOSEN_ALONE: []}
    rows = pd.DataFrame()
    for rows in parts:
        for note, own in (("", rows), (CHOSEN_ALONE, rows.merge(chosen, on=["study", "cell"]))):
            if note in fitting:
                fitting[note].append(own)
            if sum(map(len, fitting.get(note, ()))) > MOST_PROFILE_ROWS:
                del fitting[note]
    note, frames = next(iter(fitting.items()), (TOO_MANY, [rows.iloc[:0]]))
    return pd.concat(frames, ignore_index=True), note


def _study(study: Study, runs: pd.DataFrame, curves: pd.DataFrame, layers: pd.DataFrame) -> Packed:
    levels = {name: list(values) for name, values in study.levels.items() if name != "seed"}
    cells = runs.drop_duplicates("cell").sort_values("cell")
    varied = {
        name: values for name, values in levels.items() if name == "lr" or name == "activation" or len(values) > 1
    }
    places = {name: {value: place for place, value in enumerate(values)} for name, values in varied.items()}
    return {
        "name": study.name,
        "question": study.question,
        "factors": varied,
        "fixed": {name: values[0] for name, values in levels.items() if name not in varied},
        "cells": {name: cells[name].map(places[name]).tolist() for name in varied},
        "depth": cells["depth"].tolist(),
        "prediction": [None if pd.isna(place) else int(place) for place in cells["prediction"]],
        "chosen": cells["chosen"].tolist(),
        "runs": {"cell": runs["cell"].tolist(), **{name: runs[name].tolist() for name in NUMBERS}},
        "curves": _curves(curves, len(cells)),
        "layers": _layers(layers, len(cells)),
    }


def _curves(curves: pd.DataFrame, n_cells: int) -> Packed:
    """Pack a schedule of steps for each length of runs, and for each cell its schedule and accuracies by split."""
    schedules: list[list[int]] = []
    packed: Packed = {"schedule": [0] * n_cells, **{split: [[]] * n_cells for split in SPLITS}}
    ordered_rows = curves.sort_values(["cell", "split", "step"])
    all_steps, accuracies = ordered_rows["step"].tolist(), ordered_rows["accuracy"].tolist()
    for (cell, split), own in spans(ordered_rows[["cell", "split"]]):
        steps = all_steps[own]
        if steps not in schedules:
            schedules.append(steps)
        packed["schedule"][cell] = schedules.index(steps)
        packed[split][cell] = accuracies[own]
    return {**packed, "steps": schedules}


def _layers(layers: pd.DataFrame, n_cells: int) -> Packed:
    """Pack for each moment and diagnostic the values of each cell by layer; null where none is finite.

    In a network that is about to diverge a spread can leave the range of float32.
    """
    packed: Packed = {}
    for moment in MOMENTS:
        rows = layers[layers["moment"] == moment].sort_values(["cell", "layer"])
        recorded = [name for name in layers.columns if name not in PLACE and rows[name].notna().any()]
        packed[moment] = {name: [None] * n_cells for name in recorded}
        cells = list(spans(rows[["cell"]]))
        for name in recorded:
            values = [value if math.isfinite(value) else None for value in rows[name].tolist()]
            for (cell,), own in cells:
                packed[moment][name][cell] = values[own]
    return packed


def _looks(activations: Any) -> Packed:
    drawn = looks(activations)
    return {
        name: {
            "light": drawn[name].colour,
            "dark": on_dark(drawn[name].colour),
            "dash": _dash(drawn[name].dash),
            "symbol": SYMBOLS[drawn[name].marker],
        }
        for name in ordered(activations)
    }


def _dash(dash: Any) -> str:
    """Write a line style of matplotlib, in line widths, for lines two pixels wide."""
    return "solid" if dash == SOLID else ",".join(f"{2 * length:g}px" for length in dash[1])


def on_dark(colour: str) -> str:
    """Mix a colour with white until its contrast with the dark page is that of readable text (WCAG 2.1, 1.4.3)."""
    channels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    for share in range(101):
        mixed = "#" + "".join(f"{round(c + (255 - c) * share / 100):02x}" for c in channels)
        if contrast(mixed, DARK_PAPER) >= CONTRAST:
            return mixed
    raise AssertionError("white is readable on the dark page")


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.1, definition of contrast ratio)."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

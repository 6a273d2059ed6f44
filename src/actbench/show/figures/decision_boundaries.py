"""What a trained network answers in the plane of the spirals, one panel an activation."""

import itertools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.page import page
from actbench.show.panels import panel_grid
from actbench.show.style import CLASS_COLOURS, CLASS_MARKERS, CLASS_SHADES, ordered

TITLE = "Decision boundaries"
QUESTION = "How does each activation let a network bend its decision boundary?"
ORDER = 60
TABLES = ()
STATS = ("boundaries",)

COLUMNS = ["activation", "depth", "seed", "test_accuracy", "kind", "x", "y", "label"]


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the answers on the grid and the test examples."""
    return inputs.stats["boundaries"][COLUMNS]


def draw(data: pd.DataFrame) -> Figure:
    """Draw the answers as areas and test examples as points."""
    grid, points = data[data["kind"] == "grid"], data[data["kind"] == "test"]
    names = ordered(data["activation"].dropna())
    figure, axes = panel_grid(len(names), columns=5 if page().narrow else 6, height_mm=36, extra_mm=8)
    for axis, name in zip(axes, names, strict=True):
        rows = grid[grid["activation"] == name]
        axis.grid(visible=False)
        axis.set_aspect("equal")
        if rows.empty:
            axis.set_title(name, fontsize=7)
            axis.text(0, 0, "every run\nfailed", ha="center", va="center", fontsize=7)
            continue
        axis.set_title(f"{name}  {rows['test_accuracy'].iloc[0]:.2f}", fontsize=7)
        _draw_areas(axis, rows)
        for label, colour, marker in zip(itertools.count(), CLASS_COLOURS, CLASS_MARKERS, strict=False):
            marked = points[points["label"] == label]
            axis.scatter(marked["x"], marked["y"], s=2.0, linewidths=0, color=colour, marker=marker)
    figure.supxlabel("first feature (no unit)", fontsize=8)
    figure.supylabel("second feature (no unit)", fontsize=8)
    return figure


def _draw_areas(axis: Axes, rows: pd.DataFrame) -> None:
    answers = rows.pivot(index="y", columns="x", values="label")
    x, y = answers.columns.to_numpy(dtype=float), answers.index.to_numpy(dtype=float)
    half = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    extent = (x[0] - half[0], x[-1] + half[0], y[0] - half[1], y[-1] + half[1])
    classes = ListedColormap(CLASS_SHADES)
    image = answers.to_numpy(dtype=np.int64)
    axis.imshow(image, origin="lower", extent=extent, cmap=classes, vmin=0, vmax=len(CLASS_SHADES) - 1)


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    grid = data[data["kind"] == "grid"].drop_duplicates("activation")
    side = round(len(data[(data["kind"] == "grid") & (data["activation"] == grid["activation"].iloc[0])]) ** 0.5)
    depths, seeds = (", ".join(f"{value:g}" for value in sorted(grid[name].unique())) for name in ("depth", "seed"))
    failed = data.loc[data["kind"] == "failed", "activation"]
    absent = f" Every run of {', '.join(failed)} failed." if len(failed) else ""
    return (
        f"{QUESTION} Areas: the class that the network answers on a grid of {side} x {side} points; points: test"
        f" examples, one colour and marker a class; the number is the test accuracy (fraction). For each activation the"
        f" condition with the highest mean validation accuracy over seeds (depth {depths} hidden layers), its first"
        f" seed ({seeds}), at its best validation step.{absent} n = {len(grid)} runs, 1 seed each; no interval, no"
        " test, the features have no unit."
    )

"""Activation functions and their derivatives, one panel each."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.panels import legend_above, panel_grid
from actbench.show.style import DASHED, GREY, SOLID, looks, ordered

TITLE = "Activation functions"
QUESTION = "What does each activation function do to its input and to the gradient?"
ORDER = 10
TABLES = ()
STATS = ("activations",)

LOW, HIGH = -2.2, 3.2


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the tabulated functions, in the order of the panels."""
    table = inputs.stats["activations"]
    places = {name: place for place, name in enumerate(ordered(table["activation"]))}
    return table.sort_values("activation", key=lambda names: names.map(places), kind="stable", ignore_index=True)


def draw(data: pd.DataFrame) -> Figure:
    """Draw each function as a solid and its derivative as a dashed line."""
    names = list(data["activation"].unique())
    figure, axes = panel_grid(len(names), height_mm=28, extra_mm=14)
    chosen = looks(names)
    for axis, name in zip(axes, names, strict=True):
        rows = data[data["activation"] == name]
        axis.axhline(0, color=GREY, linewidth=0.5)
        axis.axvline(0, color=GREY, linewidth=0.5)
        axis.plot(rows["z"], rows["value"], color=chosen[name].colour, linestyle=SOLID, linewidth=1.3)
        axis.plot(rows["z"], rows["derivative"], color=chosen[name].colour, linestyle=DASHED, linewidth=0.9)
        axis.set_title(name)
    axes[0].set(xlim=(data["z"].min(), data["z"].max()), ylim=(LOW, HIGH), yticks=[-2, 0, 2])
    figure.supxlabel("input z (no unit)", fontsize=8)
    figure.supylabel("value (no unit)", fontsize=8)
    entries = [("φ(z)", {"color": "black", "linestyle": SOLID}), ("φ′(z)", {"color": "black", "linestyle": DASHED})]
    legend_above(figure, entries, "")
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    kinks = data[data["derivative"].isna()]
    gaps = f" A gap in φ′ marks a point without a derivative ({', '.join(kinks['activation'].unique())})."
    return (
        f"{QUESTION} φ(z) (solid) and its derivative φ′(z) (dashed) of {data['activation'].nunique()} activation"
        f" functions for z from {data['z'].min():g} to {data['z'].max():g}, computed in float64; learned parameters at"
        f" their initial values. Values outside {LOW:g} to {HIGH:g} are cut off. No runs, no test, no unit."
        f"{gaps if len(kinks) else ''}"
    )

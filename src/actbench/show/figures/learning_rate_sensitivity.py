"""Accuracy of each activation at every learning rate, and where the rate was the best one."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from actbench.show.inputs import Inputs
from actbench.show.panels import panel_grid
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import FAILED, MM, looks, ordered

TITLE = "Learning-rate sensitivity"
QUESTION = "How much does each activation depend on the learning rate?"
ORDER = 52
TABLES = ()
STATS = ("learning_rates", "studies")

# bars so pale that lines are seen before them
BARS: dict[str, Any] = {"facecolor": "#ededed", "edgecolor": FAILED, "linewidth": 0.4}
OTHERS: dict[str, Any] = {"color": FAILED, "linewidth": 0.6}
NARROW = 100.0  # mm, in which the legend does not fit one row
COLUMNS = [
    "study", "activation", "lr", "n_conditions", "n_chosen", "n_runs", "n_seeds", "score", "low", "high",
]  # fmt: skip


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the scores by learning rate of the main study."""
    kept: pd.DataFrame = main_study(inputs.stats["studies"], inputs.stats["learning_rates"])[COLUMNS]
    return kept.assign(chosen_share=kept["n_chosen"] / kept["n_conditions"])


def draw(data: pd.DataFrame) -> Figure:
    """Draw the scores of an activation over those of the others, and the share of conditions that chose each rate."""
    names, rates = ordered(data["activation"]), sorted(data["lr"].unique())
    chosen = looks(names)
    figure, axes = panel_grid(len(names), height_mm=31, extra_mm=14)
    curves = {name: data[data["activation"] == name].sort_values("lr") for name in names}
    places = {rate: place for place, rate in enumerate(rates)}
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name)
        for other in names:
            axis.plot(curves[other]["lr"].map(places), curves[other]["score"], **OTHERS)
        rows, look = curves[name], chosen[name]
        x = rows["lr"].map(places)
        axis.bar(x, rows["chosen_share"], width=0.5, **BARS)
        axis.vlines(x, rows["low"], rows["high"], color=look.colour, linewidth=1.2)
        axis.plot(x, rows["score"], color=look.colour, marker=look.marker, linestyle=look.dash, clip_on=False)
    axes[0].set(ylim=(0, 1.03), xlim=(-0.5, len(rates) - 0.5))
    turn = 0 if len(rates) < 4 else 90
    for axis in axes:
        axis.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates], rotation=turn)
        axis.xaxis.set_minor_locator(NullLocator())
    figure.supxlabel("learning rate (no unit)", fontsize=8)
    figure.supylabel("accuracy, share (fraction)", fontsize=8)
    handles = [
        Patch(label="share of conditions where the rate is best", **BARS),
        Line2D([], [], label="the other activations", **OTHERS),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2 if figure.get_figwidth() > NARROW * MM else 1)
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return (
        f"{QUESTION} Mean test accuracy (fraction) over all conditions and seeds at each learning rate, study"
        f" {data['study'].iloc[0]}; a failed run counts as 0. Lines through the markers are 95 % bootstrap intervals"
        " over seeds; pale lines are the other activations. Bars: share of the conditions (fraction) for which the"
        f" rate is the best on validation data. n = {count(data['n_runs'].sum(), 'run')}, {seeds_behind(data)};"
        " no test."
    )

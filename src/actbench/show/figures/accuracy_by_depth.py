"""Test accuracy against depth, one panel an activation, all the others behind it in grey."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from actbench.show.inputs import Inputs
from actbench.show.panels import panel_grid
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import BEHIND, FAILED, looks, ordered

TITLE = "Test accuracy by depth"
QUESTION = "How deep can a network be with each activation before it learns worse or fails?"
ORDER = 20
TABLES = ()
STATS = ("by_depth", "studies")

COLUMNS = [
    "study", "activation", "depth", "n_conditions", "n_runs", "n_seeds", "score", "low", "high", "failure_rate",
]  # fmt: skip


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the estimates of the main study."""
    return main_study(inputs.stats["studies"], inputs.stats["by_depth"])[COLUMNS]


def draw(data: pd.DataFrame) -> Figure:
    """Draw means with intervals, and the failure rate as bars on the same scale."""
    names, depths = ordered(data["activation"]), sorted(data["depth"].unique())
    places = {depth: place for place, depth in enumerate(depths)}
    placed = data.assign(place=data["depth"].map(places)).sort_values("place")
    chosen = looks(names)
    figure, axes = panel_grid(len(names), height_mm=30, extra_mm=14)
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name)
        for _, other in placed[placed["activation"] != name].groupby("activation"):
            axis.plot(other["place"], other["score"], color=BEHIND, linewidth=0.6)
        rows = placed[placed["activation"] == name]
        axis.bar(rows["place"], rows["failure_rate"], width=0.6, color=FAILED, linewidth=0)
        look = chosen[name]
        axis.plot(rows["place"], rows["score"], color=look.colour, linewidth=1.3, marker=look.marker, clip_on=False)
        axis.vlines(rows["place"], rows["low"], rows["high"], color=look.colour, linewidth=1.3)
    axes[0].set(xlim=(-0.5, len(depths) - 0.5), ylim=(0, None))
    axes[0].xaxis.set_major_locator(FixedLocator(list(places.values())))
    axes[0].xaxis.set_minor_locator(NullLocator())
    axes[0].set_xticks(list(places.values()), [str(depth) for depth in depths])
    figure.supxlabel("depth (hidden layers)", fontsize=8)
    figure.supylabel("accuracy, failures (fraction)", fontsize=8)
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    handles = [
        Patch(color=FAILED, label="share of runs that failed"),
        Patch(color=BEHIND, label="the other activations"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return (
        f"{QUESTION} Test accuracy (fraction) at the best validation step, study {data['study'].iloc[0]}: mean over"
        f" seeds of the mean over {count(data['n_conditions'].max(), 'condition')}, each at the learning rate chosen on"
        f" validation data; vertical lines are 95 % intervals over seeds, with learning rates chosen again in"
        f" each resample. A failed run counts as 0; grey bars are the share of runs that failed. Thin grey lines repeat"
        f" the other activations. n = {count(data['n_runs'].sum(), 'run')}, {seeds_behind(data)};"
        " tests in comparisons.csv."
    )

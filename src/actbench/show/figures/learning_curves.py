"""Validation accuracy during training, one panel an activation and one line a depth."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from actbench.show.inputs import Inputs
from actbench.show.panels import legend_above, panel_grid
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import ordered, steps_of

TITLE = "Learning curves"
QUESTION = "How fast does a network learn with each activation, and how much does depth slow it down?"
ORDER = 30
TABLES = ()
STATS = ("curves", "studies")

SPLIT = "val"
COLUMNS = ["study", "activation", "depth", "steps", "step", "n_runs", "n_seeds", "accuracy", "low", "high"]


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the validation curves of the main study's longest runs."""
    rows = main_study(inputs.stats["studies"], inputs.stats["curves"])
    rows = rows[(rows["split"] == SPLIT) & (rows["steps"] == rows["steps"].max())]
    kept: pd.DataFrame = rows[COLUMNS]
    return kept.reset_index(drop=True)


def draw(data: pd.DataFrame) -> Figure:
    """Draw a line and a band for each depth."""
    names, depths = ordered(data["activation"]), sorted(data["depth"].unique())
    strokes = steps_of(depths)
    figure, axes = panel_grid(len(names), height_mm=29, extra_mm=16)
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name)
        for depth, rows in data[data["activation"] == name].groupby("depth"):
            colour, dash = strokes[depth]
            axis.fill_between(rows["step"], rows["low"], rows["high"], color=colour, alpha=0.22, linewidth=0)
            axis.plot(rows["step"], rows["accuracy"], color=colour, linestyle=dash)
    last = data["steps"].max()
    axes[0].set_xscale("symlog", linthresh=1, linscale=0.7)
    axes[0].set(xlim=(0, last), ylim=(0, None))
    axes[0].set_xticks([0, *(10**power for power in range(7) if 10**power <= last)])
    axes[0].xaxis.set_minor_locator(NullLocator())
    figure.supxlabel("updates (log scale after 1)", fontsize=8)
    figure.supylabel("validation accuracy (fraction)", fontsize=8)
    entries = [(str(depth), {"color": strokes[depth][0], "linestyle": strokes[depth][1]}) for depth in depths]
    legend_above(figure, entries, "depth (hidden layers)")
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    last = data[data["step"] == data["step"].max()]
    return (
        f"{QUESTION} Accuracy on the validation split (fraction) after 0 to {count(data['steps'].max(), 'update')},"
        f" study {data['study'].iloc[0]}: mean over conditions and seeds at the learning rate chosen for each condition"
        f" on validation data; bands are 95 % intervals over seeds, with learning rates chosen again in each"
        f" resample. A run counts as 0 from the step at which it failed."
        f" n = {count(last['n_runs'].sum(), 'run')}, {seeds_behind(data)}; no test."
    )

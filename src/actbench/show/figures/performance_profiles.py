"""Share of runs above each accuracy, one panel an activation with all others behind it."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.panels import panel_grid
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import BEHIND, looks, ordered

TITLE = "Performance profiles"
QUESTION = "How often does each activation reach which accuracy?"
ORDER = 17
TABLES = ()
STATS = ("profiles", "studies")

COLUMNS = ["study", "activation", "threshold", "n_runs", "n_seeds", "share_above", "low", "high"]


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the profiles of the main study."""
    kept: pd.DataFrame = main_study(inputs.stats["studies"], inputs.stats["profiles"])[COLUMNS]
    return kept


def draw(data: pd.DataFrame) -> Figure:
    """Draw each profile with its band over the pale profiles of the others."""
    names = ordered(data["activation"])
    chosen = looks(names)
    figure, axes = panel_grid(len(names), height_mm=29, extra_mm=8)
    curves = {name: data[data["activation"] == name] for name in names}
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name)
        for other in names:
            axis.plot(curves[other]["threshold"], curves[other]["share_above"], color=BEHIND, linewidth=0.6)
        rows, look = curves[name], chosen[name]
        axis.fill_between(rows["threshold"], rows["low"], rows["high"], color=look.colour, alpha=0.25, linewidth=0)
        axis.plot(rows["threshold"], rows["share_above"], color=look.colour)
    axes[0].set(xlim=(0, 1), ylim=(-0.03, 1.03))  # lines at 0 and 1 are drawn whole
    axes[0].set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    figure.supxlabel("test accuracy (fraction)", fontsize=8)
    figure.supylabel("runs above it (fraction)", fontsize=8)
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    each = data.drop_duplicates("activation")
    return (
        f"{QUESTION} Share of runs (fraction) of all conditions and seeds whose test accuracy (fraction) is above the"
        f" value on the horizontal axis, study {data['study'].iloc[0]}, each condition at the learning rate chosen on"
        " validation data; a failed run counts as 0. Grey: the other activations. Bands are 95 % bootstrap intervals"
        f" over seeds, with learning rates chosen again in each resample. n = {count(each['n_runs'].sum(), 'run')},"
        f" {seeds_behind(data)}; no test."
    )

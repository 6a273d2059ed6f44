"""Saturated units over training, one line an activation."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.causes import behind, over_all_runs, step_panel
from actbench.show.inputs import Inputs
from actbench.show.study import main_study

TITLE = "Saturation over training"
QUESTION = "How much of a network hardly passes a gradient, before and during training?"
ORDER = 53
TABLES = ()
STATS = ("inside", "studies")


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the share of saturated pairs of unit and example at every evaluated step of the main study."""
    inside = inputs.stats["inside"]
    rows = main_study(inputs.stats["studies"], inside[inside["diagnostic"] == "saturated_fraction"])
    return over_all_runs(rows)


def draw(data: pd.DataFrame) -> Figure:
    """Draw one line an activation over the updates."""
    figure = step_panel(data)
    figure.axes[0].set_ylim(-0.02, 1.02)
    figure.supylabel("saturated (fraction)", fontsize=8)
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return (
        f"{QUESTION} Share of unit and example where the activation's slope is below 5 % of its largest slope, on a"
        f" fixed part of the training split, all runs of study {data['study'].iloc[0]} until they fail. {behind(data)}"
    )

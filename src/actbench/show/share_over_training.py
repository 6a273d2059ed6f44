"""Figures of a diagnostic that is a share: its course over training, one line an activation."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.causes import behind, over_all_runs, step_panel
from actbench.show.inputs import Inputs
from actbench.show.study import main_study


def share_rows(inputs: Inputs, diagnostic: str) -> pd.DataFrame:
    """Return a diagnostic at every recorded step of the main study, over all its runs."""
    inside = inputs.stats["inside"]
    return over_all_runs(main_study(inputs.stats["studies"], inside[inside["diagnostic"] == diagnostic]))


def draw_share(data: pd.DataFrame, label: str, lowest: float) -> Figure:
    """Draw one line an activation over the updates, on an axis from the lowest possible share to 1."""
    figure = step_panel(data)
    figure.axes[0].set_ylim(lowest - 0.03, 1.03)
    figure.supylabel(f"{label} (fraction)", fontsize=8)
    return figure


def share_caption(question: str, share: str, data: pd.DataFrame) -> str:
    """Say what is shown, given in words what the share is of."""
    return (
        f"{question} {share}, on a fixed part of the training split, all runs of study {data['study'].iloc[0]} until"
        f" they fail. {behind(data)}"
    )

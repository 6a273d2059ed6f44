"""Sign coherence of weight gradients over training, one line an activation."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.causes import behind, over_all_runs, step_panel
from actbench.show.inputs import Inputs
from actbench.show.study import main_study

TITLE = "Sign coherence of gradients"
QUESTION = "Do the weight gradients of a unit share one sign, as outputs that are all positive would make them?"
ORDER = 54
TABLES = ()
STATS = ("inside", "studies")


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the larger share of one sign at the recorded steps of the main study."""
    inside = inputs.stats["inside"]
    rows = main_study(inputs.stats["studies"], inside[inside["diagnostic"] == "sign_coherence"])
    return over_all_runs(rows)


def draw(data: pd.DataFrame) -> Figure:
    """Draw one line an activation over the updates."""
    figure = step_panel(data)
    figure.axes[0].set_ylim(0.48, 1.02)
    figure.supylabel("sign coherence (fraction)", fontsize=8)
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return (
        f"{QUESTION} Larger share of one sign among the weight gradients that enter a unit (0.5: as many of each), on a"
        f" fixed part of the training split, all runs of study {data['study'].iloc[0]} until they fail. {behind(data)}"
    )

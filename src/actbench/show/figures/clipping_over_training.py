"""By how much each clipping rule shortens the gradient while networks train."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.causes import behind, over_all_runs, step_panels, widest_study
from actbench.show.inputs import Inputs

TITLE = "Clipping over training"
QUESTION = "When during training does clipping act, and how strongly?"
ORDER = 59
TABLES = ()
STATS = ("inside",)


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the clip coefficient at every recorded step for each rule of the study that compares most of them."""
    inside = inputs.stats["inside"]
    shown = inside[inside["diagnostic"] == "clip_coefficient"]
    found = widest_study(shown, "clip")
    clipped = found[found["level"] != "none"].reset_index(drop=True)
    return clipped if len(clipped) else over_all_runs(shown)


def draw(data: pd.DataFrame) -> Figure:
    """Draw one panel a rule, one line an activation."""
    figure = step_panels(data)
    figure.axes[0].set_ylim(-0.03, 1.05)
    figure.supylabel("clip coefficient (no unit)", fontsize=8)
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return (
        f"{QUESTION} Norm of the gradient after clipping over that before, of all parameters on a fixed part of the"
        f" training split: 1 where clipping leaves it as it is. One panel a clipping rule, study"
        f" {data['study'].iloc[0]}, runs until they fail. {behind(data)}"
    )

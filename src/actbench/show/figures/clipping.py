"""What clipping does: the gradient norm before it, how often it acts, and how many runs fail, by clipping rule."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.causes import ALL, at_last_step, behind, level_panels, over_all_runs, widest_study
from actbench.show.inputs import Inputs

TITLE = "Clipping: norms, rate and failures"
QUESTION = "How large are gradients before clipping, how often does it act, and does it prevent failures?"
ORDER = 58
TABLES = ()
STATS = ("inside",)

SHOWN = {
    "global_gradient_norm": "gradient norm before (log)",
    "clip_rate": "updates clipped (fraction)",
    "failed": "runs failed (fraction)",
}


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the numbers after the last step for each clipping rule of the study that compares most of them."""
    inside = inputs.stats["inside"]
    shown = inside[inside["diagnostic"].isin(list(SHOWN))]
    found = widest_study(shown, "clip")
    return at_last_step(found if len(found) else over_all_runs(shown))


def draw(data: pd.DataFrame) -> Figure:
    """Draw one panel a quantity, one line an activation."""
    cause = "clipping rule" if ALL not in set(data["cause"]) else "no clipping rule varies"
    figure = level_panels(data, "diagnostic", dict.fromkeys(SHOWN, f"{cause} (level)"))
    present = [name for name in SHOWN if name in set(data["diagnostic"])]
    for axis, name in zip(figure.axes, present, strict=True):
        axis.set_ylabel(SHOWN[name])
        if name == "global_gradient_norm":
            axis.set_yscale("log")
        else:
            axis.set_ylim(-0.03, 1.03)
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return (
        f"{QUESTION} Left: Euclidean norm of the gradient of all parameters on a fixed part of the training split after"
        f" the last step, before clipping, in runs that did not fail. Middle and right: of all runs. Study"
        f" {data['study'].iloc[0]}. {behind(data)}"
    )

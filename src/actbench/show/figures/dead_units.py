"""Dead units after training over what may kill them: learning rate, bias, scale of the inputs."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.causes import ALL, at_last_step, behind, level_panels, over_all_runs, widest_study
from actbench.show.inputs import Inputs

TITLE = "Dead units and their causes"
QUESTION = "Do large learning rates, negative biases and badly scaled inputs kill units, and which activations resist?"
ORDER = 55
TABLES = ()
STATS = ("inside",)

CAUSES = {
    "lr": "learning rate (no unit)",
    "bias_offset": "bias offset (no unit)",
    "input_scale": "input scale (no unit)",
    ALL: "no cause varies (all runs)",
}


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the share of dead units after the last step for each level of each cause that the config varies."""
    inside = inputs.stats["inside"]
    dead = inside[inside["diagnostic"] == "dead_fraction"]
    found = pd.concat([at_last_step(widest_study(dead, cause)) for cause in CAUSES if cause != ALL], ignore_index=True)
    return found if len(found) else at_last_step(over_all_runs(dead))


def draw(data: pd.DataFrame) -> Figure:
    """Draw one panel a cause, one line an activation."""
    figure = level_panels(data, "cause", CAUSES)
    for axis in figure.axes:
        axis.set_ylim(-0.03, 1.03)
    figure.supylabel("dead units (fraction)", fontsize=8)
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return (
        f"{QUESTION} Share of hidden units that get no gradient from any training example after the last step, in runs"
        f" that did not fail; the title of a panel is its study. {behind(data)}"
    )

"""Saturated units over training, one line an activation."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.share_over_training import draw_share, share_caption, share_rows

TITLE = "Saturation over training"
QUESTION = "How much of a network hardly passes a gradient, before and during training?"
ORDER = 53
TABLES = ()
STATS = ("inside", "studies")

SHARE = "Share of unit and example where the activation's slope is below 5 % of its largest slope"


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the share of saturated pairs of unit and example."""
    return share_rows(inputs, "saturated_fraction")


def draw(data: pd.DataFrame) -> Figure:
    """Draw the share over the updates."""
    return draw_share(data, "saturated", lowest=0.0)


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return share_caption(QUESTION, SHARE, data)

"""Sign coherence of weight gradients over training, one line an activation."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.share_over_training import draw_share, share_caption, share_rows

TITLE = "Sign coherence of gradients"
QUESTION = "Do the weight gradients of a unit share one sign, as outputs that are all positive would make them?"
ORDER = 54
TABLES = ()
STATS = ("inside", "studies")

SHARE = "Larger share of one sign among the weight gradients that enter a unit (0.5: as many of each)"


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the larger share of one sign."""
    return share_rows(inputs, "sign_coherence")


def draw(data: pd.DataFrame) -> Figure:
    """Draw the share over the updates."""
    return draw_share(data, "sign coherence", lowest=0.5)


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return share_caption(QUESTION, SHARE, data)

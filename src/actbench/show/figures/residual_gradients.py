"""Gradient norm by layer with and without residual connections, one panel an activation."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.layer_lines import COLUMNS, layer_figure, moments
from actbench.show.study import count, main_study, plainest, seeds_behind

TITLE = "Early gradients with and without skips"
QUESTION = "Do residual connections carry the gradient to the early layers?"
ORDER = 50
TABLES = ()
STATS = ("gradients", "studies")


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the deepest networks without norm, at the first init, of the largest study that varies the residual."""
    rows = inputs.stats["gradients"]
    several = rows["study"].map(rows.groupby("study")["residual"].nunique()) > 1
    own = plainest(main_study(inputs.stats["studies"], rows[several] if several.any() else rows), "norm")
    kept: pd.DataFrame = own[own["init"] == own["init"].min()][COLUMNS]
    return kept.reset_index(drop=True)


def draw(data: pd.DataFrame) -> Figure:
    """Draw one line a kind of residual connection and moment."""
    return layer_figure(data, "residual", "residual connections (colour) and moment (line)")


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return (
        f"{QUESTION} Euclidean norm of each layer's weight gradient on a fixed part of the training split, networks of"
        f" {count(data['depth'].max(), 'hidden layer')}, init {data['init'].iloc[0]}, norm {data['norm'].iloc[0]},"
        f" study {data['study'].iloc[0]}: median over seeds at the chosen learning rates, bands from the lowest to the"
        f" highest seed. {moments(data)} {seeds_behind(data).capitalize()}, no test, no unit."
    )

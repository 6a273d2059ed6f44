"""The ten-layer exercise: signal, gradient and activations of five activations in networks as they are initialised."""

import pandas as pd
from matplotlib.figure import Figure

from actbench.show import probe_figure
from actbench.show.inputs import Inputs

TITLE = "Ten layers before training"
QUESTION = "What does each layer do to signal and gradient before any training?"
ORDER = 44
TABLES = ()
STATS = ("probe",)


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the layers of every network that was probed."""
    return inputs.stats["probe"]


def draw(data: pd.DataFrame) -> Figure:
    """Draw one panel a quantity, one line an activation."""
    return probe_figure.draw(data)


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return probe_figure.caption(data)

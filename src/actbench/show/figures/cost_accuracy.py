"""What each activation costs in training against how well its networks do."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from actbench.show.inputs import Inputs
from actbench.show.page import page
from actbench.show.panels import legend_above
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import GREY, MM, looks, ordered

TITLE = "Cost and accuracy"
QUESTION = "Which activations are worth their time?"
ORDER = 47
TABLES = ()
STATS = ("cost_accuracy", "studies")

COLUMNS = [
    "study", "activation", "relative", "relative_low", "relative_high", "score", "low", "high", "seconds", "n_blocks",
    "n_runs", "n_seeds",
]  # fmt: skip


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the activations of the main study."""
    return main_study(inputs.stats["studies"], inputs.stats["cost_accuracy"])[COLUMNS]


def draw(data: pd.DataFrame) -> Figure:
    """Draw one point an activation, with an interval each way."""
    size = min(120, page().width_mm) * MM, 84 * MM
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=2.0 * MM))
    axis = figure.subplots()
    styles, entries = looks(data["activation"]), []
    for name in ordered(data["activation"]):
        row, look = data[data["activation"] == name], styles[name]
        axis.hlines(row["score"], row["relative_low"], row["relative_high"], color=look.colour, linewidth=0.8)
        axis.vlines(row["relative"], row["low"], row["high"], color=look.colour, linewidth=0.8)
        axis.plot(row["relative"], row["score"], color=look.colour, marker=look.marker, linestyle="none")
        entries.append((name, {"color": look.colour, "marker": look.marker, "linestyle": "none"}))
    axis.axvline(1, color=GREY, linewidth=0.6)
    axis.set(xlabel="relative time of an update (no unit)", ylabel="test accuracy (fraction)")
    legend_above(figure, entries, "")
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    slowest, fastest = data.sort_values("seconds").iloc[-1], data.sort_values("seconds").iloc[0]
    return (
        f"{QUESTION} Mean test accuracy (fraction) at the chosen learning rates, failed runs counting as 0, over the"
        f" time of an update, of study {data['study'].iloc[0]}. The time is a run's share of its stack's process time,"
        " over the mean of all activations in the same block; it holds for the machine that trained. Vertical lines"
        " are 95 % bootstrap intervals over seeds, horizontal ones over blocks."
        f" 1,000 updates of a run take {fastest['seconds']:.2g} s ({fastest['activation']}) to"
        f" {slowest['seconds']:.2g} s ({slowest['activation']}) on the mean. n = {count(data['n_runs'].sum(), 'run')},"
        f" {count(data['n_blocks'].max(), 'block')}, {seeds_behind(data)}."
    )

"""What each activation costs in training against how well its networks do."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from actbench.plan.factors import FACTORS
from actbench.show.inputs import Inputs
from actbench.show.page import page
from actbench.show.panels import legend_above
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import MM, looks, ordered

TITLE = "Cost and accuracy"
QUESTION = "Which activations are worth their time?"
ORDER = 47
TABLES = ()
STATS = ("cost_accuracy", "studies")

COLUMNS = [
    "study", "activation", "step_us", "step_low", "step_high", "n_rounds", "device", "score", "low", "high", "n_blocks",
    "n_runs", "n_seeds",
]  # fmt: skip


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the activations of the main study that were timed."""
    rows = main_study(inputs.stats["studies"], inputs.stats["cost_accuracy"])[COLUMNS]
    return rows[rows["step_us"].notna()].reset_index(drop=True)


def draw(data: pd.DataFrame) -> Figure:
    """Draw one point an activation, with an interval each way."""
    size = page().width_mm * MM, 84 * MM
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=2.0 * MM))
    axis = figure.subplots()
    styles, entries = looks(data["activation"]), []
    for name in ordered(data["activation"]):
        row, look = data[data["activation"] == name], styles[name]
        axis.hlines(row["score"], row["step_low"], row["step_high"], color=look.colour, linewidth=0.8)
        axis.vlines(row["step_us"], row["low"], row["high"], color=look.colour, linewidth=0.8)
        axis.plot(row["step_us"], row["score"], color=look.colour, marker=look.marker, linestyle="none")
        entries.append((name, {"color": look.colour, "marker": look.marker, "linestyle": "none"}))
    axis.set(xlabel="time of one update of one network (µs)", ylabel="test accuracy (fraction)")
    legend_above(figure, entries, "")
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    times = data.sort_values("step_us", kind="stable")
    fastest, slowest = times.iloc[0], times.iloc[-1]
    depth, width, batch = (FACTORS[name].default for name in ("depth", "width", "batch_size"))
    return (
        f"{QUESTION} Mean test accuracy (fraction) at the chosen learning rates, failed runs counting as 0, of study"
        f" {data['study'].iloc[0]}, over the time of one update (µs). The time was measured apart from these runs, in"
        f" {count(data['n_rounds'].max(), 'round')} in which each activation had its turn: process time for one of the"
        f" networks of a stack, {depth} hidden layers of {width} units, batches of {batch} examples, no norm, no skips,"
        f" one core of kind {data['device'].iloc[0]}. It holds for the machine that was timed: {fastest['step_us']:.0f}"
        f" µs ({fastest['activation']}) to {slowest['step_us']:.0f} µs ({slowest['activation']}). Points are medians"
        " over rounds; horizontal lines are 95 % intervals of the median from the order of the rounds, vertical ones"
        " 95 % intervals over seeds, with learning rates chosen again in each resample."
        f" n = {count(data['n_runs'].sum(), 'run')},"
        f" {count(data['n_blocks'].max(), 'block')}, {seeds_behind(data)}; tests of accuracy in pairs.csv."
    )

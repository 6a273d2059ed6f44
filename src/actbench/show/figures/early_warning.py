"""How well each diagnostic foretells that a run will not train, before the first update and a few updates later."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from actbench.show.inputs import Inputs
from actbench.show.page import page
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import CATEGORIES, GREY, MM

TITLE = "Early warning"
QUESTION = "Which diagnostic tells before or just after the first updates that a network will not train?"
ORDER = 48
TABLES = ()
STATS = ("early_warning", "studies")

WORDS = {"start": "before the first update", "later": "within the first 2 % of the updates"}
DIRECTIONS = {"higher": ("^", "large numbers warn"), "lower": ("v", "small numbers warn")}
COLUMNS = [
    "study", "diagnostic", "layers", "step", "direction", "auc", "low", "high", "held_out_auc", "n_runs",
    "n_untrained", "n_seeds",
]  # fmt: skip


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the best reduction of each diagnostic at step 0 and at the last early step, largest area first."""
    warned = inputs.stats["early_warning"]
    rows = main_study(inputs.stats["studies"], warned[warned["best"] == 1])
    latest = rows[rows["step"] == rows.groupby("diagnostic")["step"].transform("max")]
    parts = {"start": rows[rows["step"] == 0], "later": latest[latest["step"] > 0]}
    drawn = pd.concat([part[COLUMNS].assign(moment=moment) for moment, part in parts.items()], ignore_index=True)
    order = drawn.sort_values(["moment", "auc", "diagnostic"], ascending=[False, False, True])["diagnostic"]
    places = {name: place for place, name in enumerate(dict.fromkeys(order))}
    return drawn.sort_values(["diagnostic", "step"], key=lambda c: c.map(places).fillna(c), ignore_index=True)


def draw(data: pd.DataFrame) -> Figure:
    """Draw a row for each diagnostic, a colour for each moment, and a cross for the seeds held out."""
    names = list(dict.fromkeys(data["diagnostic"]))
    layout = ConstrainedLayoutEngine(w_pad=2.0 * MM)
    width, height = page().width_mm, min((44 if page().narrow else 30) + 5.0 * len(names), page().height_mm)
    figure = Figure(figsize=(width * MM, height * MM), layout=layout)
    axis = figure.subplots()
    for place, (moment, word) in enumerate(WORDS.items()):
        rows = data[data["moment"] == moment]
        level = [names.index(name) + 0.3 * (place - 0.5) for name in rows["diagnostic"]]
        colour = CATEGORIES[place]
        axis.hlines(level, rows["low"], rows["high"], color=colour, linewidth=1.2)
        axis.plot([], [], color=colour, linewidth=1.2, label=word)
        for auc, at, direction in zip(rows["auc"], level, rows["direction"], strict=True):
            axis.plot(auc, at, color=colour, marker=DIRECTIONS[direction][0], linestyle="none", markersize=4)
        axis.plot(rows["held_out_auc"], level, color=colour, marker="x", linestyle="none", markersize=3)
    for marker, word in (*DIRECTIONS.values(), ("x", "seeds held out")):
        axis.plot([], [], color=GREY, marker=marker, linestyle="none", label=word)
    axis.axvline(0.5, color=GREY, linewidth=0.6)
    axis.set_yticks(range(len(names)), names)
    left = min(0.45, data[["low", "held_out_auc", "auc"]].min().min() - 0.02)
    axis.set(xlabel="area under the ROC curve (fraction)", xlim=(left, 1.01), ylim=(len(names) - 0.4, -0.6))
    figure.legend(loc="outside upper center", ncols=1 if page().narrow else 2)
    return figure


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    most = data.sort_values("n_runs").iloc[-1]
    return (
        f"{QUESTION} Probability (fraction) that a run of study {most['study']} that does not train warns more than one"
        " that does; 0.5 is chance. A run does not train if it fails or stays below twice chance on validation data."
        " Of a diagnostic with several layers the first, last, lowest or highest hidden one is taken, whichever warns"
        " best. Lines are 95 % bootstrap intervals over seeds; crosses are means over seeds, the direction chosen on"
        f" the others. The later moment is the last recorded one within the first 2 % of the updates; runs that"
        f" diverged before it are not behind it. n = {count(most['n_runs'], 'run')}, of which"
        f" {most['n_untrained']:,} did not train, {seeds_behind(data)}; no test."
    )

"""Mean rank of each activation with its interval, and the failure rate beside it."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from actbench.show.inputs import Inputs
from actbench.show.page import column_mm, page
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import FAILED, MM, SINGLE_MM, looks

TITLE = "Ranking of activations"
QUESTION = "Which activation is best over all conditions, and how sure is the order?"
ORDER = 15
TABLES = ()
STATS = ("ranking", "studies")

COLUMNS = [
    "study", "activation", "n_blocks", "n_runs", "n_seeds", "rank", "low", "high",
    "failure_rate", "failure_rate_low", "failure_rate_high",
]  # fmt: skip


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the ranking of the main study, best first."""
    rows = main_study(inputs.stats["studies"], inputs.stats["ranking"])[COLUMNS]
    return rows[rows["rank"].notna()].sort_values(["rank", "activation"], ignore_index=True)


def draw(data: pd.DataFrame) -> Figure:
    """Draw ranks as dots with intervals and failure rates as bars with intervals, best on top."""
    names = list(data["activation"])
    layout = ConstrainedLayoutEngine(w_pad=2.0 * MM)
    figure = Figure(
        figsize=(column_mm(SINGLE_MM) * MM, min(20 + 4.6 * len(names), page().height_mm) * MM), layout=layout
    )
    ranks, failures = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    _draw_ranks(ranks, data)
    places = range(len(names))
    failures.barh(places, data["failure_rate"], height=0.6, color=FAILED, linewidth=0)
    failures.hlines(places, data["failure_rate_low"], data["failure_rate_high"], color="black", linewidth=0.8)
    failures.set(xlabel="failure rate\n(fraction)", xlim=(0, None))
    failures.xaxis.set_major_locator(MaxNLocator(2))
    failures.tick_params(left=False)
    return figure


def _draw_ranks(axis: Axes, data: pd.DataFrame) -> None:
    chosen = looks(data["activation"])
    columns = (data[name] for name in ("activation", "rank", "low", "high"))
    for place, (name, rank, low, high) in enumerate(zip(*columns, strict=True)):
        look = chosen[name]
        axis.hlines(place, low, high, color=look.colour, linewidth=1.3)
        axis.plot(rank, place, color=look.colour, marker=look.marker, linestyle="none", markersize=4)
    axis.set(xlabel="mean rank (1 = best)", ylim=(len(data) - 0.4, -0.6))
    axis.set_yticks(range(len(data)), list(data["activation"]))
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    return (
        f"{QUESTION} Mean rank (no unit, 1 is best of {len(data)}) by test accuracy over"
        f" {count(data['n_blocks'].max(), 'block')} (conditions without the activation) and seeds, study"
        f" {data['study'].iloc[0]}, each run at the learning rate chosen on validation data; failed runs rank last."
        f" Lines are 95 % intervals over seeds, with learning rates chosen again in each resample. Right:"
        f" share of runs that failed (fraction), with Wilson's 95 % interval."
        f" n = {count(data['n_runs'].sum(), 'run')}, {seeds_behind(data)}; tests in omnibus.csv and pairs.csv."
    )

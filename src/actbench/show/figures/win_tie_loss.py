"""In how many conditions one activation beats another: wins of each row over each column."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from actbench.show.inputs import Inputs
from actbench.show.page import column_mm, page
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import MM, ordered

TITLE = "Wins, ties and losses"
QUESTION = "In how many conditions is one activation better than another by more than a margin?"
ORDER = 18
TABLES = ()
STATS = ("pairs", "studies")

COLUMNS = ["study", "first", "second", "n_blocks", "n_seeds", "wins", "ties", "losses", "margin", "verdict"]


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the pairs of the main study that share a block."""
    rows = main_study(inputs.stats["studies"], inputs.stats["pairs"])
    kept = rows.loc[rows["n_blocks"] > 0, COLUMNS].reset_index(drop=True)
    return kept.assign(win_share=kept["wins"] / kept["n_blocks"], loss_share=kept["losses"] / kept["n_blocks"])


def draw(data: pd.DataFrame) -> Figure:
    """Colour each cell by the share of blocks that the row wins and write the number of wins."""
    names = ordered([*data["first"], *data["second"]])
    k = len(names)
    side, whole = 42 + 7.8 * k, page()
    width = column_mm(side + 14)
    height = min(whole.width_mm - 14, side, whole.height_mm) + (25 if whole.narrow else 0)
    figure = Figure(figsize=(width * MM, height * MM), layout=ConstrainedLayoutEngine(w_pad=1.2 * MM))
    axis = figure.subplots()
    share, wins = _matrix(data, names)
    image = axis.imshow(share, vmin=0, vmax=1, cmap="cividis", interpolation="nearest")
    for (row, column), won in np.ndenumerate(wins):
        if not np.isnan(won):
            ink = "black" if share[row, column] > 0.55 else "white"
            axis.text(column, row, f"{won:.0f}", ha="center", va="center", color=ink, fontsize=6)
    axis.grid(visible=False)
    axis.set_xticks(range(k), names, rotation=90)
    axis.set_yticks(range(k), names)
    side_of_bar = "bottom" if whole.narrow else "right"
    bar = figure.colorbar(image, ax=axis, location=side_of_bar, shrink=0.7, aspect=30, pad=0.02)
    bar.set_label("blocks won by\nthe row (fraction)")
    return figure


def _matrix(data: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    wins = np.full((len(names), len(names)), np.nan)
    shares = wins.copy()
    for pair in data.to_dict("records"):
        row, column = names.index(pair["first"]), names.index(pair["second"])
        wins[row, column], wins[column, row] = pair["wins"], pair["losses"]
        shares[row, column], shares[column, row] = pair["win_share"], pair["loss_share"]
    return shares, wins


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    runs = 2 * (data["n_blocks"] * data["n_seeds"]).max()
    verdicts = data["verdict"].value_counts()
    n_equal, n_open = verdicts.get("equivalent", 0), verdicts.get("undecided", 0)
    return (
        f"{QUESTION} Number of blocks (conditions without the activation) in which the row has a mean test accuracy"
        f" over seeds that is more than {data['margin'].iloc[0]:g} (fraction) above that of the column, of"
        f" {count(data['n_blocks'].max(), 'block')}, study {data['study'].iloc[0]}; the rest of a pair are ties. Runs"
        f" at the learning rate chosen on validation data; a failed run counts as 0. Of {count(len(data), 'pair')},"
        f" {n_equal} are equivalent within the margin and {n_open} undecided (tests in pairs.csv). No interval."
        f" n = {count(runs, 'run')} in a pair at most, {seeds_behind(data)}."
    )

"""Share of runs that trained, depth by initialisation, one heat map an activation."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.panels import panel_grid
from actbench.show.study import PLAIN, count, main_study
from actbench.show.style import ordered

TITLE = "Trainable share"
QUESTION = "Which depths can be trained with which initialisation, for each activation?"
ORDER = 40
TABLES = ()
STATS = ("studies", "trainable")

ALL = "all"
WIDEST_WITH_NUMBERS = 5  # depths; the cells of a wider map hold no number
COLUMNS = ["study", "activation", "depth", "init", "norm", "residual", "n_runs", "n_trained", "trained_share"]


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the shares of plain networks, or over all norms and residuals where the study has no plain ones."""
    rows = main_study(inputs.stats["studies"], inputs.stats["trainable"])
    plain = rows[(rows["norm"] == PLAIN) & (rows["residual"] == PLAIN)]
    together = rows[(rows["norm"] == ALL) & (rows["residual"] == ALL)]
    return (plain if len(plain) else together)[COLUMNS].reset_index(drop=True)


def draw(data: pd.DataFrame) -> Figure:
    """Draw one heat map an activation on one colour scale."""
    names, depths, inits = ordered(data["activation"]), sorted(data["depth"].unique()), sorted(data["init"].unique())
    figure, axes = panel_grid(len(names), height_mm=max(20.0, 5.0 * len(inits) + 7), extra_mm=8, narrowest_mm=120)
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name)
        axis.grid(visible=False)
        rows = data[data["activation"] == name]
        share = rows.pivot(index="init", columns="depth", values="trained_share").reindex(index=inits, columns=depths)
        image = axis.imshow(share, vmin=0, vmax=1, cmap="cividis", aspect="auto", interpolation="nearest")
        _write_numbers(axis, share.to_numpy(dtype=float))
    axes[0].set_xticks(range(len(depths)), [str(depth) for depth in depths])
    axes[0].set_yticks(range(len(inits)), inits)
    figure.supxlabel("depth (hidden layers)", fontsize=8)
    bar = figure.colorbar(image, ax=axes, location="right", shrink=0.7, aspect=30, pad=0.01)
    bar.set_label("trained share\n(fraction)")
    return figure


def _write_numbers(axis: Axes, share: np.ndarray) -> None:
    if share.shape[1] > WIDEST_WITH_NUMBERS:
        return
    for (row, column), value in np.ndenumerate(share):
        if not np.isnan(value):
            ink = "black" if value > 0.55 else "white"
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=6)


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    norm, residual = data["norm"].iloc[0], data["residual"].iloc[0]
    each = sorted(data["n_runs"].unique())
    behind = str(each[0]) if len(each) == 1 else f"{each[0]} to {each[-1]}"
    return (
        f"{QUESTION} Share of runs (fraction) whose best validation accuracy is at least twice that of guessing, at the"
        f" learning rate chosen for each condition on validation data; a failed run did not train. Networks with norm"
        f" {norm} and residual {residual}, study {data['study'].iloc[0]}. Empty cells were not run."
        f" n = {count(data['n_runs'].sum(), 'run')}, {behind} in each cell (clipping rules and seeds); no interval."
    )

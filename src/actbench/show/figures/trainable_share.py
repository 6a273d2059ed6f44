"""Share of runs that trained, depth by initialisation, one heat map an activation."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actbench.show.inputs import Inputs
from actbench.show.page import page
from actbench.show.panels import LETTER_MM, panel_grid
from actbench.show.study import PLAIN, count, main_study, seeds_behind
from actbench.show.style import MM, ordered

TITLE = "Trainable share"
QUESTION = "Which depths can be trained with which initialisation, for each activation?"
ORDER = 40
TABLES = ()
STATS = ("studies", "trainable")

ALL = "all"
WIDEST_WITH_NUMBERS = 5  # depths; the cells of a wider map hold no number
SIZES, NUMBER_MM = (6, 5), 0.88  # points, and the width of "0.00" with its margins in each point
BAR_MM, GAP_MM = 22.0, 4.0
COLUMNS = [
    "study", "activation", "depth", "init", "norm", "residual", "n_seeds", "n_runs", "n_trained", "trained_share",
]  # fmt: skip


def data(inputs: Inputs) -> pd.DataFrame:
    """Return the shares of plain networks, or over all norms and residuals where the study has no plain ones."""
    rows = main_study(inputs.stats["studies"], inputs.stats["trainable"])
    plain = rows[(rows["norm"] == PLAIN) & (rows["residual"] == PLAIN)]
    together = rows[(rows["norm"] == ALL) & (rows["residual"] == ALL)]
    return (plain if len(plain) else together)[COLUMNS].reset_index(drop=True)


def draw(data: pd.DataFrame) -> Figure:
    """Draw one heat map an activation on one colour scale."""
    names, depths, inits = ordered(data["activation"]), sorted(data["depth"].unique()), sorted(data["init"].unique())
    figure, axes = panel_grid(
        len(names), height_mm=max(20.0, 5.0 * len(inits) + 7), extra_mm=22 if page().narrow else 8, narrowest_mm=120
    )
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name, fontsize=7 if page().narrow else 8)
        axis.grid(visible=False)
        rows = data[data["activation"] == name]
        share = rows.pivot(index="init", columns="depth", values="trained_share").reindex(index=inits, columns=depths)
        image = axis.imshow(share, vmin=0, vmax=1, cmap="cividis", aspect="auto", interpolation="nearest")
        _write_numbers(axis, share.to_numpy(dtype=float), _cell_mm(figure, axis, inits, depths))
    axes[0].set_xticks(range(len(depths)), [str(depth) for depth in depths])
    axes[0].set_yticks(range(len(inits)), inits)
    figure.supxlabel("depth (hidden layers)", fontsize=8)
    side = "top" if page().narrow else "right"
    bar = figure.colorbar(image, ax=axes, location=side, shrink=0.7, aspect=30, pad=0.01)
    bar.set_label("trained share\n(fraction)")
    return figure


def _cell_mm(figure: Figure, axis: Axes, inits: list[str], depths: list[int]) -> float:
    """Estimate the width of a cell from what stands beside the panels: names, gaps, the bar."""
    grid = axis.get_subplotspec()
    across = grid.get_gridspec().ncols if grid else 1
    beside = LETTER_MM * max(map(len, inits)) + GAP_MM * across + (0.0 if page().narrow else BAR_MM)
    panels = figure.get_figwidth() / MM - beside
    return panels / across / len(depths)


def _write_numbers(axis: Axes, share: np.ndarray, cell_mm: float) -> None:
    """Write the share into each cell, as large as fits, or not at all."""
    size = next((size for size in SIZES if NUMBER_MM * size <= cell_mm), None)
    if size is None or share.shape[1] > WIDEST_WITH_NUMBERS:
        return
    for (row, column), value in np.ndenumerate(share):
        if not np.isnan(value):
            ink = "black" if value > 0.55 else "white"
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=size)


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    norm, residual = data["norm"].iloc[0], data["residual"].iloc[0]
    each = sorted(data["n_runs"].unique())
    behind = str(each[0]) if len(each) == 1 else f"{each[0]} to {each[-1]}"
    return (
        f"{QUESTION} Share of runs (fraction) whose best validation accuracy is at least twice that of guessing, at the"
        f" learning rate chosen for each condition on validation data; a failed run did not train. Networks with norm"
        f" {norm} and residual {residual}, study {data['study'].iloc[0]}. Empty cells were not run."
        f" n = {count(data['n_runs'].sum(), 'run')}, {behind} in each cell (clipping rules and seeds),"
        f" {seeds_behind(data)}; no interval, no test."
    )

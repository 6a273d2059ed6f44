"""Every two levels of two factors: how far their runs are from what the two levels add up to."""

from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from actbench.show.inputs import Inputs
from actbench.show.page import column_mm, page
from actbench.show.study import count, main_study, seeds_behind
from actbench.show.style import MM, ordered

TITLE = "Interactions"
QUESTION = "Which levels of two factors do better or worse together than each on its own would suggest?"
ORDER = 51
TABLES = ()
STATS = ("interactions", "studies")

CELL_MM, GAP, INK = 3.9, 0.5, "#4a4a4a"
COLUMNS = [
    "study", "factor_1", "level_1", "factor_2", "level_2", "n_runs", "n_seeds", "interaction",
]  # fmt: skip


def data(inputs: Inputs) -> pd.DataFrame:
    """Return all pairs of levels of the main study."""
    kept: pd.DataFrame = main_study(inputs.stats["studies"], inputs.stats["interactions"])[COLUMNS]
    return kept


def draw(data: pd.DataFrame) -> Figure:
    """Draw one tile for each two factors and one cell in it for each two levels."""
    data = data.astype({"level_1": "str", "level_2": "str"})  # all of one column may read as numbers
    levels = _levels(data)
    across, down = _places(levels, list(levels)[:-1]), _places(levels, list(levels)[1:])
    width, height = (max(places.values()) + 1.5 for places in (across, down))
    whole = page()
    size = column_mm(56 + CELL_MM * width) * MM, max(45, 38 + CELL_MM * height) * MM
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=1.5 * MM, h_pad=1.5 * MM))
    axis = figure.subplots()
    far = max(float(data["interaction"].abs().max()), 1e-9)
    for names, rows in data.groupby(["factor_1", "factor_2"], sort=False):
        first, second = map(str, cast(Any, names))
        tile = rows.pivot(index="level_2", columns="level_1", values="interaction")
        tile = tile.reindex(index=levels[second], columns=levels[first])
        left, top = across[first, levels[first][0]] - 0.5, down[second, levels[second][0]] - 0.5
        extent = (left, left + tile.shape[1], top + tile.shape[0], top)
        drawn = axis.imshow(
            tile, extent=extent, vmin=-far, vmax=far, cmap="PuOr", interpolation="nearest", aspect="auto"
        )
        _dashes(axis, tile.to_numpy() / far, left + 0.5, top + 0.5)
    axis.set(xlim=(-0.8, width - 0.7), ylim=(height - 0.7, -0.8))
    axis.grid(visible=False)
    _ticks(axis.xaxis, across, 90)
    _ticks(axis.yaxis, down, 0)
    side = "bottom" if whole.narrow else "right"
    bar = figure.colorbar(drawn, ax=axis, location=side, shrink=0.8, aspect=25, pad=0.02)
    bar.set_label("interaction\n(fraction)")
    bar.locator = MaxNLocator(4)
    return figure


def _dashes(axis: Axes, share: "np.ndarray[Any, Any]", left: float, top: float) -> None:
    """Mark the cells below 0: purple and orange are the same grey."""
    for row, column in np.argwhere(share < 0):
        ink = "white" if share[row, column] < -0.75 else INK
        axis.plot(left + column, top + row, color=ink, marker="_", markersize=2.6, markeredgewidth=0.6)


def _places(levels: dict[str, list[str]], factors: list[str]) -> dict[tuple[str, str], float]:
    """Put the levels of the factors side by side, with a gap after each factor."""
    places, at = {}, 0.0
    for factor in factors:
        for name in levels[factor]:
            places[factor, name] = at
            at += 1
        at += GAP
    return places


def _levels(data: pd.DataFrame) -> dict[str, list[str]]:
    """Return the levels of each factor as text: activations by family, numbers by size, others by name."""
    found: dict[str, list[str]] = {}
    for factor, level in (("factor_1", "level_1"), ("factor_2", "level_2")):
        for name, rows in data.groupby(factor, sort=False):
            found[str(name)] = sorted(rows[level].unique(), key=_by_size)
    if "activation" in found:
        found["activation"] = ordered(found["activation"])
    return found


def _by_size(level: str) -> tuple[float, str]:
    try:
        return float(level), level
    except ValueError:
        return (0.0 if level == "none" else 1.0), level


def _ticks(axis: Any, places: dict[tuple[str, str], float], turn: int) -> None:
    words = [name if factor == "activation" else f"{factor} {name}" for factor, name in places]
    axis.set_ticks(list(places.values()), words, rotation=turn, fontsize=6)


def caption(data: pd.DataFrame) -> str:
    """Say what is shown."""
    runs = data.groupby(["factor_1", "factor_2"])["n_runs"].sum().max()
    strong = data.loc[int(data["interaction"].abs().to_numpy().argmax())]
    return (
        f"{QUESTION} Mean test accuracy (fraction) of the runs with both levels, less the mean of each level, plus the"
        f" mean of all: 0 where two factors add up, a dash where it is below 0. Study"
        f" {data['study'].iloc[0]}, each condition at the learning rate chosen on validation data; a failed run counts"
        f" as 0. Farthest from 0: {strong['level_1']} with {strong['factor_2']} {strong['level_2']},"
        f" {strong['interaction']:+.3f}. No interval; tests in factor_effects.csv."
        f" n = {count(runs, 'run')}, {int(data['n_runs'].min()):,} or more in each cell, {seeds_behind(data)}."
    )
